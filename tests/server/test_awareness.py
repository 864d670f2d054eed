"""Awareness messages of stock Yjs clients: read and written as pycrdt does it, whatever comes."""

import json
from typing import Any

import pycrdt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.errors import CloseCode, ProtocolViolation
from syncline_server.awareness import ENTRIES_MAX, STATE_BYTES_MAX, Entry, decode, encode, with_identity
from syncline_server.wire import varint

MEI = Identity(tenant="default", user="mei", device="d1", role=Role.AGENT)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
states = st.none() | st.dictionaries(st.text(), json_values, max_size=4)
entries = st.builds(Entry, st.integers(0, 2**53 - 1), st.integers(0, 2**53 - 1), states)


def awareness(client: int, state: dict[str, Any] | None) -> pycrdt.Awareness:
    """A stock client's awareness."""
    made = pycrdt.Awareness(pycrdt.Doc(client_id=client))
    made.set_local_state(state)
    return made


def violation(data: bytes) -> str:
    """Why this is no awareness update."""
    with pytest.raises(ProtocolViolation) as caught:
        decode(data)
    assert caught.value.close_code is CloseCode.MALFORMED_FRAME
    return caught.value.reason


@given(st.lists(entries, max_size=5))
def test_entries_come_back(sent: list[Entry]) -> None:
    assert decode(encode(sent)) == sent


def test_what_a_stock_client_says_is_understood() -> None:
    state = {"user": {"name": "美", "color": "#ff0000"}, "cursor": None}
    client = awareness(2**32 - 1, state)
    (entry,) = decode(client.encode_awareness_update([2**32 - 1]))
    assert (entry.client, entry.state) == (2**32 - 1, state)


def test_a_stock_client_understands_what_is_said() -> None:
    client = awareness(1, {})
    client.apply_awareness_update(encode([Entry(2**42 - 1, 7, {"user": {"id": "mei"}, "x": [1, "美"]})]), "remote")
    assert client.states[2**42 - 1] == {"user": {"id": "mei"}, "x": [1, "美"]}
    client.apply_awareness_update(encode([Entry(2**42 - 1, 8, None)]), "remote")
    assert 2**42 - 1 not in client.states


@pytest.mark.parametrize(
    "text",
    [b"", b"7", b"[]", b'"x"', b"{", b"{}x", b'{"a":NaN}', b"\xff", b'{"a":"\xff"}', b"[" * 9_000, b'{"a":' * 2_000],
)
def test_a_state_that_is_no_json_object_is_a_violation(text: bytes) -> None:
    assert "JSON" in violation(b"\x01\x01\x01" + varint(len(text)) + text)


def test_a_state_over_the_limit_is_a_violation() -> None:
    fits = json.dumps({"x": "y" * (STATE_BYTES_MAX - 9)}, separators=(",", ":")).encode()
    assert len(fits) < STATE_BYTES_MAX
    assert len(decode(b"\x01\x01\x01" + varint(len(fits)) + fits)) == 1
    assert "too long" in violation(b"\x01\x01\x01" + varint(STATE_BYTES_MAX + 1) + b" " * (STATE_BYTES_MAX + 1))


def test_more_clients_than_bytes_or_than_the_limit_are_a_violation() -> None:
    assert "counts more" in violation(varint(2**50))
    many = encode([Entry(number, 0, None) for number in range(ENTRIES_MAX + 1)])
    assert "counts more" in violation(many)


@pytest.mark.parametrize("cut", range(1, 8))
def test_half_an_update_is_a_violation(cut: int) -> None:
    violation(encode([Entry(300, 7, {"a": 1})])[:-cut])


def test_bytes_left_over_are_a_violation() -> None:
    assert "left over" in violation(encode([Entry(1, 1, None)]) + b"\x00")
    assert decode(b"\x00") == []


@given(st.binary(max_size=100))
@example(b"\x01\x01\x01\x02[]")
def test_no_bytes_are_anything_but_entries_or_a_violation(data: bytes) -> None:
    try:
        found = decode(data)
    except ProtocolViolation:
        return
    assert all(entry.state is None or isinstance(entry.state, dict) for entry in found)


# --- identity


@given(st.dictionaries(st.text(), json_values, max_size=4), json_values)
def test_whatever_a_client_says_the_server_says_who_it_is(state: dict[str, Any], claimed: object) -> None:
    told = with_identity({**state, "user": claimed}, MEI)
    assert told is not None
    assert (told["user"]["id"], told["user"]["name"]) == ("mei", "mei")
    assert {key: value for key, value in told.items() if key != "user"} == {
        key: value for key, value in state.items() if key != "user"
    }


def test_colours_and_the_like_stay() -> None:
    told = with_identity({"user": {"name": "the boss", "id": "boss", "color": "#f00"}, "cursor": 3}, MEI)
    assert told == {"user": {"name": "mei", "id": "mei", "color": "#f00"}, "cursor": 3}


def test_a_client_that_left_stays_gone_and_nothing_is_changed_in_place() -> None:
    assert with_identity(None, MEI) is None
    said = {"user": {"name": "boss"}}
    with_identity(said, MEI)
    assert said == {"user": {"name": "boss"}}
