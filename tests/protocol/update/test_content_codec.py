"""An index is stored and comes back; damage is told."""

from typing import Any

import msgspec
import pytest
from support.admitted import anybody, index_of
from support.update_bytes import NULL, STRING, VALUES, collected, item, section, text, typed, update, values
from support.yjs import histories
from syncline_protocol.update import ContentIndex, scan_update
from syncline_protocol.update.content_codec import ENCODING_VERSION, decode_state, encode_state

WHOLE = index_of(
    typed(5, 0, "a😀b"),
    update(section(2**40, 0, item(VALUES, values(NULL), parent="m", key="键"), collected(3))),
    update(deletes={5: [(0, 1)], 2**40: [(0, 1)]}),
)


def test_an_index_that_came_back_goes_on_alike() -> None:
    """Stored and read again after every update, it admits a whole history and ends at the same bytes."""
    for history in histories(1, 100, 50)[:25]:
        index, restored = ContentIndex(), ContentIndex()
        for made in history["updates"]:
            scanned = scan_update(bytes.fromhex(made["update"]))
            restored = ContentIndex.decode(restored.encode())
            assert restored.admit(scanned, owns=anybody) == index.admit(scanned, owns=anybody)
            assert restored.encode() == index.encode()


def test_an_empty_index_comes_back() -> None:
    assert ContentIndex.decode(ContentIndex().encode()).vector == {}


def altered(change: Any) -> bytes:
    """The stored index with something else in it."""
    decoded = msgspec.msgpack.decode(encode_state(WHOLE.state))
    change(decoded)
    return msgspec.msgpack.encode(decoded)


def clients(decoded: Any) -> Any:
    """Of each client: id, clock, starts, places, traits, pairs, types, deleted."""
    return decoded[1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: one.__setitem__(0, ENCODING_VERSION + 1), "version"),
        (lambda one: one.__setitem__(1, "x"), "no content index"),
        (lambda one: one.__setitem__(3, []), "without its parent"),
        (lambda one: clients(one)[0].__setitem__(1, 0), "do not ascend"),
        (lambda one: clients(one)[0].__setitem__(2, [1]), "do not begin at 0"),
        (lambda one: clients(one)[0].__setitem__(2, [0, 2]), "different lengths"),
        (lambda one: clients(one)[0].__setitem__(3, [99]), "not there"),
        (lambda one: clients(one)[0].__setitem__(5, [3]), "behind the end"),
        (lambda one: clients(one)[0].__setitem__(5, [1, 1]), "do not ascend"),
        (lambda one: clients(one)[0].__setitem__(6, {0: 0}), "types are not where"),
        (lambda one: clients(one)[0].__setitem__(6, {0: 99}), "not there"),
        (lambda one: clients(one)[0].__setitem__(7, [0, 9]), "behind the end"),
        (lambda one: clients(one)[0].__setitem__(7, [1, 0]), "not sorted"),
        (lambda one: clients(one)[0].__setitem__(3, [2**40]), "not there"),
        (lambda one: clients(one)[0].__setitem__(2, []), "different lengths"),
    ],
)
def test_an_index_that_contradicts_itself_is_not_read(change: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decode_state(altered(change))


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", b"junk", encode_state(WHOLE.state)[:-1], encode_state(WHOLE.state) + b"x"]
)
def test_bytes_that_are_no_index_are_told(data: bytes) -> None:
    with pytest.raises(ValueError, match="no content index"):
        decode_state(data)


def test_what_is_stored_is_small() -> None:
    paragraph = update(section(7, 0, item(STRING, text("x" * 5_000), parent="t")))
    assert len(index_of(paragraph).encode()) < 60
