"""State vectors: by client id, the next clock somebody has of that client.

Beside the data's way: devices and editors say with one what they have, the server answers with what they lack, or with
its own vector in a `gap`. An engine given a hostile vector allocates gigabytes; given one that passed here it does not.
"""

from collections.abc import Mapping
from typing import Final

from syncline_protocol.limits import CLIENTS_PER_UPDATE_MAX, CLOCK_MAX
from syncline_protocol.update.reader import UNREADABLE, malformed, read_count, read_varuint, too_large, unreadable
from syncline_protocol.update.writer import write_varuint

ENTRY_BYTES_MIN: Final = 2
"""A client id and a clock."""


def scan_vector(data: bytes) -> dict[int, int]:
    """Next clock by client id. Raises `RefusedUpdate` for bytes that are no vector, or too large a one."""
    try:
        vector, position = _scan_vector(data)
    except UNREADABLE as error:
        raise unreadable(error) from None
    if position != len(data):
        raise malformed(f"{len(data) - position} bytes follow the state vector")
    return vector


def _scan_vector(data: bytes) -> tuple[dict[int, int], int]:
    count, position = read_count(data, 0, ENTRY_BYTES_MIN)
    if count > CLIENTS_PER_UPDATE_MAX:
        raise too_large(f"a state vector of {count} clients: at most {CLIENTS_PER_UPDATE_MAX} are taken")
    vector: dict[int, int] = {}
    for _ in range(count):
        client, position = read_varuint(data, position)
        clock, position = read_varuint(data, position)
        if clock > CLOCK_MAX:
            raise malformed(f"clock {clock} of client {client} is above {CLOCK_MAX}")
        vector[client] = clock
    if len(vector) != count:
        raise malformed("a client occurs twice in the state vector")
    return vector, position


def encode_vector(vector: Mapping[int, int]) -> bytes:
    """The vector as Yjs writes it: higher client ids first."""
    out = bytearray()
    write_varuint(out, len(vector))
    for client in sorted(vector, reverse=True):
        write_varuint(out, client)
        write_varuint(out, vector[client])
    return bytes(out)
