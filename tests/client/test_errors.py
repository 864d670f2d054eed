"""The tree of what goes wrong on a device."""

import pytest
from syncline_client import errors
from syncline_protocol.documents.messages import Message


@pytest.mark.parametrize(
    "name",
    ["EditNotAllowed", "AnsweredMeanwhile", "NeverConnected", "DeviceStopped", "OtherUser", "ContentBroken"],
)
def test_everything_is_a_device_error_and_says_something(name: str) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, errors.DeviceError)
    assert kind.__doc__
    assert f"── {name} " in (errors.__doc__ or ""), "the tree in the module's text has it"


def test_answered_meanwhile_says_who() -> None:
    messages = [Message(id=str(at), by=by, device="d", at=at, type="text") for at, by in enumerate(("wu", "mei", "wu"))]
    assert "wu, mei answered while you were writing" in str(errors.AnsweredMeanwhile(tuple(messages)))


def test_never_connected_says_what_to_do() -> None:
    assert "connect it once" in str(errors.NeverConnected())
