"""Numbers and text out of untrusted bytes: the ground under the scanners.

On the data's way: `session → SCANNER (reader) → index → rules → log`. Every function takes the bytes and a position and
returns what it read and the position behind it. Promised:

1. A number has one encoding: varints are minimal, and at most 2^53 - 1.
2. Text is UTF-8 in the strict sense: no lone surrogates, nothing overlong.
3. Nothing is allocated for a length or a count that the bytes left cannot hold.

Reading behind the end raises `IndexError`, and bytes that are no UTF-8 raise `UnicodeDecodeError`; a scan catches
`UNREADABLE` once, around everything, and raises `unreadable(error)`: so the readers need not ask at every byte.
"""

from typing import Final

from syncline_protocol.errors import RefusalCode, RefusedUpdate

UNREADABLE: Final = (IndexError, UnicodeDecodeError)

CONTINUED: Final = 0x80
"""Set in every byte of a varint but the last."""

NUMBER_MAX: Final = 2**53 - 1
"""What a JavaScript number holds exactly: the largest number in an update."""

VARUINT_SHIFT_MAX: Final = 49
"""The eighth byte of a varint holds bits 49 to 55; no number has a ninth."""

NEGATIVE: Final = 0x40
"""The sign in the first byte of a signed varint, which leaves six bits for the value."""

VARINT_SHIFT_MAX: Final = 48
"""The eighth byte of a signed varint holds bits 48 to 54; no number has a ninth."""


def malformed(reason: str) -> RefusedUpdate:
    """The bytes are no update."""
    return RefusedUpdate(RefusalCode.MALFORMED, reason)


def too_large(reason: str) -> RefusedUpdate:
    """The bytes are an update, and over a limit."""
    return RefusedUpdate(RefusalCode.TOO_LARGE, reason)


def unreadable(error: IndexError | UnicodeDecodeError) -> RefusedUpdate:
    """What a scan makes of an error in `UNREADABLE`."""
    if isinstance(error, UnicodeDecodeError):
        return malformed(f"text is not UTF-8: {error.reason}")
    return malformed("the bytes end too early")


def read_varuint(data: bytes, position: int) -> tuple[int, int]:
    """A whole number from 0 to `NUMBER_MAX`: seven bits a byte, the lowest first."""
    byte = data[position]
    position += 1
    if byte < CONTINUED:
        return byte, position
    value = byte - CONTINUED
    shift = 7
    while (byte := data[position]) >= CONTINUED:
        value += (byte - CONTINUED) << shift
        position += 1
        shift += 7
        if shift > VARUINT_SHIFT_MAX:
            raise malformed(f"the number at byte {position} is too long")
    value += byte << shift
    if byte == 0 or value > NUMBER_MAX:
        raise malformed(f"the number at byte {position} is above 2^53 - 1, or not written the shortest way")
    return value, position + 1


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """A whole number within ±`NUMBER_MAX`. Minus zero, which is one byte, `NEGATIVE`, is read as 0."""
    first = byte = data[position]
    position += 1
    value = first & (NEGATIVE - 1)
    if first >= CONTINUED:
        shift = 6
        while (byte := data[position]) >= CONTINUED:
            value += (byte - CONTINUED) << shift
            position += 1
            shift += 7
            if shift > VARINT_SHIFT_MAX:
                raise malformed(f"the number at byte {position} is too long")
        value += byte << shift
        position += 1
        if byte == 0 or value > NUMBER_MAX:
            raise malformed(f"the number at byte {position} is beyond ±(2^53 - 1), or not written the shortest way")
    return (-value if first & NEGATIVE else value), position


def read_count(data: bytes, position: int, bytes_each_min: int) -> tuple[int, int]:
    """How many things follow, each at least `bytes_each_min` bytes long: no more than the bytes left can hold."""
    count, position = read_varuint(data, position)
    if count * bytes_each_min > len(data) - position:
        raise malformed(f"byte {position} announces {count} entries, more than the bytes left can hold")
    return count, position


def read_bytes(data: bytes, position: int, bytes_max: int) -> tuple[bytes, int]:
    """Bytes with their number before them."""
    size = data[position]
    position += 1
    if size >= CONTINUED:
        size, position = read_varuint(data, position - 1)
    end = position + size
    if end > len(data):
        raise malformed(f"byte {position} announces {size} bytes, more than are left")
    if size > bytes_max:
        raise too_large(f"{size} bytes at byte {position}: at most {bytes_max} are taken")
    return data[position:end], end


def read_text(data: bytes, position: int, bytes_max: int) -> tuple[str, int]:
    """A string with its size in bytes before it."""
    text, position = read_bytes(data, position, bytes_max)
    return text.decode(), position
