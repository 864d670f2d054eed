"""The few pieces of lib0's encoding that the Yjs sync protocols are made of: varints, and bytes with their length."""

from typing import Final

LOW_BITS: Final = 0x7F
MORE: Final = 0x80


def var_uint(number: int) -> bytes:
    """A natural number, seven bits a byte, lowest first."""
    encoded = bytearray()
    while number > LOW_BITS:
        encoded.append(number & LOW_BITS | MORE)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def var_bytes(content: bytes) -> bytes:
    """Bytes behind their length; a string is its UTF-8."""
    return var_uint(len(content)) + content


def read_var_uint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, and where it ends."""
    number = shift = 0
    while data[at] & MORE:
        number |= (data[at] & LOW_BITS) << shift
        shift += 7
        at += 1
    return number | data[at] << shift, at + 1


def state_vector(clocks: dict[int, int]) -> bytes:
    """A Yjs state vector: the next clock of each client id."""
    return var_uint(len(clocks)) + b"".join(var_uint(client) + var_uint(clock) for client, clock in clocks.items())
