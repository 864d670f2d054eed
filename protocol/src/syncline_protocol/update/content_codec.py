"""A page's index as bytes, to be stored beside its snapshot.

Beside the data's way: `content index ↔ store`. The bytes are ours, so reading them is about telling damage, not attack.
MessagePack, by msgspec.
"""

from array import array
from itertools import pairwise
from typing import Final

import msgspec

from syncline_protocol.update.clock_ranges import CLOCK_CODE, ClockRanges
from syncline_protocol.update.content_state import ContentState
from syncline_protocol.update.places import GONE, Parent, Places
from syncline_protocol.update.struct_runs import KIND_BITS, TRAITS_CODE, TYPE, StructRuns

ENCODING_VERSION: Final = 1


class _EncodedClient(msgspec.Struct, frozen=True, array_like=True):
    client: int
    clock: int
    starts: list[int]
    places: list[int]
    traits: bytes
    pairs: list[int]
    types: dict[int, int]
    deleted: list[int]


class _EncodedState(msgspec.Struct, frozen=True, array_like=True):
    version: int
    clients: list[_EncodedClient]
    parents: list[tuple[int, int, str, int, int, int]]
    places: list[tuple[int, str | None]]
    evidence: dict[int, int]


_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(_EncodedState)


def encode_state(state: ContentState) -> bytes:
    """All that the state knows."""
    clients = [_encode_client(state, client) for client in sorted(state.vector)]
    places = state.places
    return _encode(
        _EncodedState(ENCODING_VERSION, clients, places.parents, places.places, places.evidence)  # type: ignore[arg-type]
    )


def _encode_client(state: ContentState, client: int) -> _EncodedClient:
    runs = state.runs[client]
    deleted = state.deleted.get(client)
    return _EncodedClient(
        client,
        state.vector[client],
        runs.starts.tolist(),
        runs.places.tolist(),
        runs.traits.tobytes(),
        runs.pairs.tolist(),
        runs.types,
        [] if deleted is None else deleted.flat(),
    )


def decode_state(data: bytes) -> ContentState:
    """The state that was encoded. Raises `ValueError` for bytes that are none, or contradict themselves."""
    try:
        encoded = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise ValueError(f"no content index: {error}") from error
    if encoded.version != ENCODING_VERSION:
        raise ValueError(f"a content index of version {encoded.version} cannot be read here")
    state = ContentState()
    state.places = Places.restore([Parent(*parent) for parent in encoded.parents], encoded.places, encoded.evidence)
    for one in encoded.clients:
        try:
            state.runs[one.client] = _decode_runs(one, state.places)
            if one.deleted:
                state.deleted[one.client] = ClockRanges.from_flat(one.deleted)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"the content index contradicts itself in client {one.client}: {error}") from error
        state.vector[one.client] = one.clock
    return state


def _decode_runs(one: _EncodedClient, places: Places) -> StructRuns:
    clocks = [*one.starts, one.clock]
    if clocks[0] != 0 or not len(one.starts) == len(one.places) == len(one.traits):
        raise ValueError("runs do not begin at 0, or have parts of different lengths")
    if any(left >= right for left, right in pairwise(clocks)) or any(
        left >= right for left, right in pairwise(one.pairs)
    ):
        raise ValueError("clocks do not ascend")
    if one.pairs[-1:] > [one.clock - 2] or one.deleted[-1:] > [one.clock]:
        raise ValueError("clocks lie behind the end")
    if max(one.places) >= len(places.places) or any(number >= len(places.parents) for number in one.types.values()):
        raise ValueError("a place or type is not there")
    parts = zip(one.starts, one.places, one.traits, strict=True)
    if one.types.keys() != {start for start, place, traits in parts if traits & KIND_BITS == TYPE and place != GONE}:
        raise ValueError("types are not where types are")
    runs = StructRuns()
    runs.starts = array(CLOCK_CODE, one.starts)
    runs.places = array(CLOCK_CODE, one.places)
    runs.traits = array(TRAITS_CODE, one.traits)
    runs.pairs = array(CLOCK_CODE, one.pairs)
    runs.types = one.types
    return runs
