"""The tree of what goes wrong on a device."""

import re

import pytest
from syncline_client import errors
from syncline_protocol.documents.messages import Message


@pytest.mark.parametrize("name", re.findall(r"── (\w+) ", errors.__doc__ or ""))
def test_everything_is_a_device_error_and_says_something(name: str) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, errors.DeviceError)
    assert kind.__doc__


def test_the_tree_has_all_of_them() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert kinds == {"DeviceError", *re.findall(r"── (\w+) ", errors.__doc__ or "")}


def test_answered_meanwhile_says_who() -> None:
    messages = [Message(id=str(at), by=by, device="d", at=at, type="text") for at, by in enumerate(("wu", "mei", "wu"))]
    assert "wu, mei answered while you were writing" in str(errors.AnsweredMeanwhile(tuple(messages)))


def test_never_connected_says_what_to_do() -> None:
    assert "connect it once" in str(errors.NeverConnected())
