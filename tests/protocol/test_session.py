"""When each frame may be sent: the tables against section 3 of docs/protocol.md, and two sessions joined by hand."""

import re
from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.checkout import ROOT
from syncline_protocol import frames
from syncline_protocol.errors import CloseCode, ProtocolViolation
from syncline_protocol.frames import Frame
from syncline_protocol.session import FROM_DEVICE, FROM_SERVER, State, Transitions, next_state

NO_LIMITS = frames.Limits(0, 0, 0, 0)
SAMPLES: list[Frame] = [
    frames.Hello(1, "", "", 0, ""),
    frames.Open(1, []),
    frames.Update(1, 1, b""),
    frames.Close(1),
    frames.SetPresence(1, None),
    frames.Digest(1, 1, b""),
    frames.Renew(""),
    frames.RequestLease(),
    frames.Fragment(False, b""),
    frames.Welcome("", "", "", "", 0, 0, 0, NO_LIMITS),
    frames.Opened(1, [], []),
    frames.Updates(1, 1, []),
    frames.Snapshot(1, 1, b""),
    frames.Acks([]),
    frames.Refused(1, 1, "", "", {}),
    frames.Evicted(1, "", ""),
    frames.Presence(1, "", "", "", None),
    frames.DigestChecked(1, 1, False, b""),
    frames.Renewed(1),
    frames.Leased(1),
    frames.Busy(1, ""),
]

Table = dict[str, dict[str, str]]


def written(column: int) -> Table:
    """One column of the page's table: state, frame, the state after it (an arrow says which; else the same)."""
    page = (ROOT / "docs/protocol.md").read_text(encoding="utf-8").split("## 3. The session", 1)[1].split("\n## ")[0]
    found: Table = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] not in {state.value for state in State}:
            continue
        allowed: dict[str, str] = {}
        for part in cells[column].split(";"):
            arrow = re.search(r"→ (\w+)", part)
            for name in re.findall(r"`([A-Z][A-Za-z]+)`", part):
                allowed[name] = arrow[1] if arrow else cells[0]
        found[cells[0]] = allowed
    return found


def in_code(table: Transitions) -> Table:
    """The same of the code's table."""
    return {
        state.value: {kind.__name__: after.value for kind, after in allowed.items()} for state, allowed in table.items()
    }


def test_samples_are_one_of_each_frame() -> None:
    every = {*get_args(frames.DeviceFrame), *get_args(frames.ServerFrame)}
    assert [type(sample) for sample in SAMPLES] == sorted(every, key=lambda kind: int(kind.__struct_config__.tag))


def test_what_the_server_receives_is_what_the_page_says() -> None:
    expected = written(1)
    expected["greeting"]["Hello"] = "ready"  # the page's arrow stands in the device's column
    assert in_code(FROM_DEVICE) == expected


def test_what_a_device_receives_is_what_the_page_says() -> None:
    assert in_code(FROM_SERVER) == written(2)


def test_tables_hold_frames_of_their_own_direction_only() -> None:
    for table, union in ((FROM_DEVICE, frames.DeviceFrame), (FROM_SERVER, frames.ServerFrame)):
        assert {kind for allowed in table.values() for kind in allowed} == set(get_args(union))


@pytest.mark.parametrize("frame", SAMPLES, ids=lambda frame: type(frame).__name__)
def test_a_frame_comes_where_the_table_lists_it_and_nowhere_else(frame: Frame) -> None:
    for table, state in product((FROM_DEVICE, FROM_SERVER), State):
        after = table[state].get(type(frame))
        if after is None:
            with pytest.raises(ProtocolViolation, match=type(frame).__name__) as caught:
                next_state(table, state, frame)
            assert caught.value.close_code is CloseCode.MALFORMED_FRAME
        else:
            assert next_state(table, state, frame) is after


@given(st.lists(st.sampled_from(SAMPLES)))
def test_a_session_is_greeted_once_and_closed_for_good(received: list[Frame]) -> None:
    state, hellos = State.GREETING, 0
    for frame in received:
        try:
            state = next_state(FROM_DEVICE, state, frame)
        except ProtocolViolation:
            continue
        hellos += isinstance(frame, frames.Hello)
        assert hellos == 1
        assert state is State.READY


@given(st.lists(st.sampled_from(SAMPLES)))
def test_a_device_takes_nothing_after_busy(received: list[Frame]) -> None:
    state = State.GREETING
    for frame in received:
        before = state
        try:
            state = next_state(FROM_SERVER, state, frame)
        except ProtocolViolation:
            continue
        assert before is not State.CLOSED
        assert (state is State.CLOSED) == isinstance(frame, frames.Busy)


def test_tables_cannot_be_changed() -> None:
    for table in (FROM_DEVICE, FROM_SERVER):
        with pytest.raises(TypeError):
            table[State.CLOSED] = {}  # type: ignore[index] # that it cannot be done is what is tested
