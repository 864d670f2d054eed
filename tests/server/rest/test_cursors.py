"""Cursors come back as they were given out, and nothing else is one."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from syncline_server.rest import cursors
from syncline_server.rest.messages import Before
from syncline_server.rest.problems import Problem, ProblemCode


@given(st.builds(Before, st.integers(1, 10**9), st.integers(0, 2**53), st.text(max_size=40)))
def test_a_cursor_comes_back_as_it_was_given_out(position: Before) -> None:
    cursor = cursors.encode(position)
    assert cursors.decode(cursor, Before, "before") == position
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_anything_else_is_said_to_be_none(text: str) -> None:
    try:
        position = cursors.decode(text, Before, "before")
    except Problem as caught:
        found = caught
    else:
        assert isinstance(position, Before)
        return
    assert found.code is ProblemCode.NOT_FOUND
    assert found.faults[0].parameter == "before"


def test_a_cursor_of_another_kind_is_none() -> None:
    class Other(msgspec.Struct, array_like=True):
        name: str

    with pytest.raises(Problem):
        cursors.decode(cursors.encode(Other("x")), Before, "before")
