"""The awareness messages of stock Yjs clients (y-protocols), to and from presence states. Pure.

An awareness update is a count, then for each client: its id, a clock, and its state as JSON text (`null`: gone). The
server never passes on what one client says of another, and sets the identity in every state itself.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from syncline_protocol.documents.identity import Identity
from syncline_protocol.errors import CloseCode, ProtocolViolation

from syncline_server.wire import read_varint, varint

ENTRIES_MAX: Final = 1_000
STATE_BYTES_MAX: Final = 16 * 1024

_decode_json: Final = msgspec.json.Decoder(dict[str, Any] | None).decode


class Entry(NamedTuple):
    """One client's state; None: it is gone."""

    client: int
    clock: int
    state: dict[str, Any] | None


def encode(entries: Sequence[Entry]) -> bytes:
    """An awareness update."""
    parts = [varint(len(entries))]
    for entry in entries:
        text = json.dumps(entry.state, ensure_ascii=False, separators=(",", ":")).encode()
        parts += (varint(entry.client), varint(entry.clock), varint(len(text)), text)
    return b"".join(parts)


def decode(data: bytes) -> list[Entry]:
    """The entries of an awareness update. Raises `ProtocolViolation` (4400)."""
    count, position = read_varint(data, 0)
    if count > min(ENTRIES_MAX, len(data)):
        raise ProtocolViolation(CloseCode.MALFORMED_FRAME, "an awareness update counts more clients than it holds")
    entries = []
    for _ in range(count):
        client, position = read_varint(data, position)
        clock, position = read_varint(data, position)
        size, position = read_varint(data, position)
        if size > min(STATE_BYTES_MAX, len(data) - position):
            raise ProtocolViolation(CloseCode.MALFORMED_FRAME, "an awareness state is too long")
        entries.append(Entry(client, clock, _state(data[position : position + size])))
        position += size
    if position != len(data):
        raise ProtocolViolation(CloseCode.MALFORMED_FRAME, "an awareness update has bytes left over")
    return entries


def with_identity(state: dict[str, Any] | None, identity: Identity) -> dict[str, Any] | None:
    """The state with the user that the server knows, whatever the client wrote there; colours and the like stay."""
    if state is None:
        return None
    claimed = state.get("user")
    user = claimed if isinstance(claimed, dict) else {}
    return {**state, "user": {**user, "id": identity.user, "name": identity.user}}


def _state(text: bytes) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] | None = _decode_json(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolViolation(
            CloseCode.MALFORMED_FRAME, f"an awareness state is not a JSON object: {error}"
        ) from error
    return state
