"""Numbers and text into bytes, as `reader.py` takes them out.

Beside the data's way: who writes updates and state vectors (`encoder.py`, `vector.py`) writes them with these.
"""

from syncline_protocol.update.reader import CONTINUED


def write_varuint(out: bytearray, number: int) -> None:
    """Append a whole number from 0 to 2^53 - 1."""
    while number >= CONTINUED:
        out.append(number & (CONTINUED - 1) | CONTINUED)
        number >>= 7
    out.append(number)


def write_text(out: bytearray, text: str) -> None:
    """Append a string with its size before it. Raises `UnicodeEncodeError`, a `ValueError`, for a lone surrogate."""
    encoded = text.encode()
    write_varuint(out, len(encoded))
    out += encoded
