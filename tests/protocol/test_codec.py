"""Frames on the wire: as the vectors have them, as an independent library reads them, and nothing else gets through."""

from typing import Any, get_args, get_origin, get_type_hints

import msgpack  # type: ignore[import-untyped] # it ships no types
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.vectors import read_vectors
from syncline_protocol import codec, frames
from syncline_protocol.codec import Assembler
from syncline_protocol.errors import CloseCode, ProtocolViolation
from syncline_protocol.frames import Frame
from syncline_protocol.limits import FRAGMENT_BYTES_MAX, FRAME_ASSEMBLED_BYTES_MAX, FRAME_BYTES_MAX

VECTORS = read_vectors("frames")
BY_NAME: dict[str, type[Frame]] = {
    kind.__name__: kind for kind in (*get_args(frames.DeviceFrame), *get_args(frames.ServerFrame))
}
DECODERS = {"device": codec.decode_device_frame, "server": codec.decode_server_frame}
NATURAL_MAX = 2**53 - 1

# --- random frames, made from the fields' own types

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
NATURALS = st.one_of(
    st.sampled_from((0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, NATURAL_MAX)),
    st.integers(0, NATURAL_MAX),
)
FIELDS: dict[Any, st.SearchStrategy[Any]] = {
    int: NATURALS,
    str: st.text(),
    bool: st.booleans(),
    bytes: st.binary(max_size=300),
    list[int]: st.lists(NATURALS),
    list[bytes]: st.lists(st.binary(max_size=300), max_size=4),
    dict[str, Any]: st.dictionaries(st.text(), json_values, max_size=4),
}


def field(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of a field of a frame."""
    known = FIELDS.get(annotation)
    if known is not None:
        return known
    if isinstance(annotation, type) and issubclass(annotation, Frame):
        return frame(annotation)
    inner = get_args(annotation)
    if type(None) in inner:
        return st.none() | field(inner[0])
    assert get_origin(annotation) is list, annotation
    return st.lists(field(inner[0]), max_size=4)


def frame(kind: type[Frame]) -> st.SearchStrategy[Frame]:
    """Frames of a kind."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: field(hints[name]) for name in kind.__struct_fields__})


device_frames: st.SearchStrategy[Frame] = st.one_of([frame(kind) for kind in get_args(frames.DeviceFrame)])
server_frames: st.SearchStrategy[Frame] = st.one_of([frame(kind) for kind in get_args(frames.ServerFrame)])


def documented(value: Any) -> Any:
    """A frame as docs/protocol.md says it looks: an array of its number, if it has one, and its fields."""
    if isinstance(value, Frame):
        number = value.__struct_config__.tag
        fields = [documented(getattr(value, name)) for name in value.__struct_fields__]
        return fields if number is None else [number, *fields]
    if isinstance(value, list):
        return [documented(one) for one in value]
    return value


# --- vectors


def from_vector(value: Any) -> Any:
    """A field's value: `{"hex": …}` is a byte string."""
    if isinstance(value, dict):
        if value.keys() == {"hex"}:
            return bytes.fromhex(value["hex"])
        return {key: from_vector(one) for key, one in value.items()}
    if isinstance(value, list):
        return [from_vector(one) for one in value]
    return value


def sides(kind: type[Frame]) -> list[str]:
    """Who sends frames of this kind."""
    unions = {"device": frames.DeviceFrame, "server": frames.ServerFrame}
    return [side for side, union in unions.items() if kind in get_args(union)]


@pytest.mark.parametrize("case", VECTORS["frames"], ids=lambda case: f"{case['frame']}-{case['hex'][:12]}")
def test_frames_are_the_bytes_of_the_vectors(case: dict[str, Any]) -> None:
    kind, wire = BY_NAME[case["frame"]], bytes.fromhex(case["hex"])
    fields = from_vector(case["fields"])
    assert list(fields) == list(kind.__struct_fields__)
    assert msgpack.unpackb(wire, strict_map_key=False) == [kind.__struct_config__.tag, *fields.values()]
    for side in sides(kind):
        decoded = DECODERS[side](wire)
        assert type(decoded) is kind
        assert documented(decoded)[1:] == list(fields.values())
        assert codec.encode(decoded) == wire


def test_every_frame_has_a_vector() -> None:
    assert {case["frame"] for case in VECTORS["frames"]} == BY_NAME.keys()


@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda case: f"{case['name']} ({case['by']})")
def test_what_is_no_frame_is_a_violation(case: dict[str, str]) -> None:
    for side in ("device", "server") if case["by"] == "both" else (case["by"],):
        with pytest.raises(ProtocolViolation) as caught:
            DECODERS[side](bytes.fromhex(case["hex"]))
        assert caught.value.close_code is CloseCode.MALFORMED_FRAME


# --- random frames and random bytes


@given(device_frames)
def test_device_frames_come_back_and_an_independent_library_reads_them(sent: Frame) -> None:
    wire = codec.encode(sent)
    assert msgpack.unpackb(wire, strict_map_key=False) == documented(sent)
    assert codec.decode_device_frame(wire) == sent


@given(server_frames)
def test_server_frames_come_back_and_an_independent_library_reads_them(sent: Frame) -> None:
    wire = codec.encode(sent)
    assert msgpack.unpackb(wire, strict_map_key=False) == documented(sent)
    assert codec.decode_server_frame(wire) == sent


@given(device_frames | server_frames)
def test_what_an_independent_library_writes_is_read(sent: Frame) -> None:
    wire = msgpack.packb(documented(sent), use_bin_type=True)
    for side in sides(type(sent)):
        assert DECODERS[side](wire) == sent


def decodes_or_violates(data: bytes) -> None:
    """Whatever the bytes, a decoder yields a whole frame of its side or raises `ProtocolViolation`."""
    for side, decode in DECODERS.items():
        try:
            decoded = decode(data)
        except ProtocolViolation:
            continue
        assert side in sides(type(decoded))


@given(st.binary(max_size=200))
@example(b"\x93\x05\x01" + b"\x81\xa1a" * 100_000 + b"\xc0")
@example(b"\x93\x05\x01" + b"\x91" * 100_000)
@example(b"\x93\x05\x01\x81\xa1a\x81\x80\x01")
@example(b"\x93\x05\x01\x81\xa1a\xc7\x0c\xff" + b"\xff" * 12)
@example(b"\x93\x05\x01\x81\xa1a\xd7\xff" + b"\xff" * 8)
@example(b"\x93\x05\x01\xdf\xff\xff\xff\xff")
@example(b"\x93\x22\x01\xdd\xff\xff\xff\xff")
@example(b"\x92\x07\xdb\xff\xff\xff\xff")
def test_hostile_bytes_are_a_frame_or_a_violation(data: bytes) -> None:
    decodes_or_violates(data)


@given(device_frames | server_frames, st.data())
def test_damaged_frames_are_a_frame_or_a_violation(sent: Frame, data: st.DataObject) -> None:
    wire = bytearray(codec.encode(sent))
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    decodes_or_violates(bytes(wire))
    for end in range(len(wire)):
        decodes_or_violates(bytes(wire[:end]))


@given(json_values)
def test_any_value_of_the_format_is_a_frame_or_a_violation(value: object) -> None:
    decodes_or_violates(msgpack.packb(value, use_bin_type=True))
    decodes_or_violates(msgpack.packb([5, 1, value], use_bin_type=True))


# --- fragments


def snapshot(size: int) -> frames.Snapshot:
    """A snapshot whose frame has exactly `size` bytes."""
    overhead = len(codec.encode(frames.Snapshot(1, 1, bytes(70_000)))) - 70_000
    made = frames.Snapshot(1, 1, bytes(size - overhead))
    assert len(codec.encode(made)) == size
    return made


def assembled(parts: list[bytes]) -> Frame:
    """What a device makes of the messages that carry one frame."""
    assembler = Assembler(FRAME_ASSEMBLED_BYTES_MAX)
    for index, part in enumerate(parts):
        one = codec.decode_server_frame(part)
        assert isinstance(one, frames.Fragment)
        whole = assembler.add(one)
        assert (whole is not None) == (index == len(parts) - 1)
    assert whole is not None
    return codec.decode_server_frame(whole)


def test_a_frame_of_the_longest_message_travels_whole() -> None:
    sent = snapshot(FRAME_BYTES_MAX)
    assert codec.messages(sent) == [codec.encode(sent)]


@pytest.mark.parametrize("size", [FRAME_BYTES_MAX + 1, 3 * FRAGMENT_BYTES_MAX, 3 * FRAGMENT_BYTES_MAX + 1])
def test_a_larger_frame_travels_in_fragments_that_fit(size: int) -> None:
    sent = snapshot(size)
    parts = codec.messages(sent)
    assert len(parts) == -(-size // FRAGMENT_BYTES_MAX)
    assert all(len(part) <= FRAME_BYTES_MAX for part in parts)
    assert assembled(parts) == sent


def test_an_assembler_serves_one_frame_after_another() -> None:
    assembler = Assembler(10)
    for _ in range(3):
        assert assembler.add(frames.Fragment(True, b"12345")) is None
        assert assembler.add(frames.Fragment(False, b"67890")) == b"1234567890"


def test_an_assembler_holds_no_more_than_its_bound() -> None:
    assembler = Assembler(10)
    assembler.add(frames.Fragment(True, b"1234567890"))
    with pytest.raises(ProtocolViolation) as caught:
        assembler.add(frames.Fragment(False, b"1"))
    assert caught.value.close_code is CloseCode.TOO_LARGE
    with pytest.raises(ProtocolViolation):
        assembler.add(frames.Fragment(False, b""))


@pytest.mark.parametrize("more", [True, False])
def test_an_empty_fragment_is_a_violation(more: bool) -> None:  # noqa: FBT001 - the field's value
    with pytest.raises(ProtocolViolation) as caught:
        Assembler(10).add(frames.Fragment(more, b""))
    assert caught.value.close_code is CloseCode.MALFORMED_FRAME


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=20), st.integers(1, 100))
def test_fragments_are_their_frame_or_over_the_bound(parts: list[bytes], bytes_max: int) -> None:
    assembler = Assembler(bytes_max)
    held = 0
    for index, part in enumerate(parts):
        held += len(part)
        fragment = frames.Fragment(index < len(parts) - 1, part)
        if held > bytes_max:
            with pytest.raises(ProtocolViolation):
                assembler.add(fragment)
            return
        whole = assembler.add(fragment)
    assert whole == b"".join(parts)
