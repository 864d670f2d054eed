"""Frames as values: numbers, directions, and what the wire relies on in all of them."""

from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from syncline_protocol import codec, frames
from syncline_protocol.errors import ProtocolViolation
from syncline_protocol.frames import Access, Frame

DEVICE: tuple[type[Frame], ...] = get_args(frames.DeviceFrame)
SERVER: tuple[type[Frame], ...] = get_args(frames.ServerFrame)
ALL: list[type[Frame]] = [kind for kind in Frame.__subclasses__() if kind.__module__ == frames.__name__]
PARTS: set[type[Frame]] = {frames.OpenDocument, frames.OpenedDocument, frames.OpenRefusal, frames.Limits}


def number(kind: type[Frame]) -> Any:
    """The number under which a kind travels, or None for a part of another."""
    return kind.__struct_config__.tag


def test_every_frame_travels_in_one_direction_and_fragments_in_both() -> None:
    assert set(DEVICE) & set(SERVER) == {frames.Fragment}
    assert set(DEVICE) | set(SERVER) == set(ALL) - PARTS


def test_numbers_say_the_direction_and_stand_for_one_frame() -> None:
    assert sorted(number(kind) for kind in DEVICE) == list(range(1, 10))
    assert sorted(number(kind) for kind in SERVER if kind is not frames.Fragment) == list(range(32, 44))
    assert all(number(kind) is None for kind in PARTS)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_frames_are_frozen_arrays_that_take_no_field_more(kind: type[Frame]) -> None:
    config = kind.__struct_config__
    assert (config.frozen, config.array_like, config.forbid_unknown_fields) == (True, True, True)
    assert kind.__struct_defaults__ == ()


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_number_on_the_wire_is_one_that_javascript_holds(kind: type[Frame]) -> None:
    for name, annotation in get_type_hints(kind, include_extras=True).items():
        assert annotation is not int, f"{kind.__name__}.{name}"
        assert annotation != list[int], f"{kind.__name__}.{name}"


@pytest.mark.parametrize("value", [0, 2**53 - 1])
def test_natural_numbers_reach_to_what_javascript_holds(value: int) -> None:
    close = frames.Close(value)
    assert codec.decode_device_frame(codec.encode(close)) == close


@pytest.mark.parametrize("value", [-1, 2**53, 2**64 - 1])
def test_other_numbers_are_no_frame(value: int) -> None:
    with pytest.raises(ProtocolViolation):
        codec.decode_device_frame(codec.encode(frames.Close(value)))


def test_access_grows_with_its_number() -> None:
    assert [access.name for access in sorted(Access)] == ["NONE", "READ", "APPEND", "WRITE"]
    assert [access.value for access in sorted(Access)] == [0, 1, 2, 3]


def test_an_unchanged_document_costs_what_is_promised() -> None:
    empty = len(codec.encode(frames.Opened(1, [], [])))
    unchanged = frames.OpenedDocument(2**32 - 1, Access.WRITE.value, 2**32 - 1, 0, 0)
    one = len(codec.encode(frames.Opened(1, [unchanged], []))) - empty
    assert one <= frames.UP_TO_DATE_BYTES_MAX
    assert len(msgspec.msgpack.encode(unchanged)) == one
