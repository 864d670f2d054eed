"""The two encodings of what was committed, as independent readers see them; and lib0's numbers."""

import pycrdt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.framing import messages_in
from syncline_protocol import codec, frames
from syncline_protocol.errors import CloseCode, ProtocolViolation
from syncline_protocol.limits import CLIENT_ID_MAX, FRAME_ASSEMBLED_BYTES_MAX, FRAME_BYTES_MAX
from syncline_server.wire import EMPTY_UPDATE, FRAMES, YJS, read_varint, varint, yjs_message


@given(st.integers(0, 2**53 - 1), st.integers(0, 2**53 - 1), st.lists(st.binary(max_size=100), min_size=1))
def test_updates_are_one_frame(channel: int, seq: int, payloads: list[bytes]) -> None:
    (message,) = messages_in(FRAMES.updates(channel, seq, payloads))
    assert codec.decode_server_frame(message) == frames.Updates(channel, seq, payloads)


@pytest.mark.parametrize("size", [0, 100, 200, 70_000, FRAME_BYTES_MAX, 3 * FRAME_BYTES_MAX])
def test_a_snapshot_is_a_frame_or_its_fragments(size: int) -> None:
    messages = messages_in(FRAMES.snapshot(7, 9, bytes(size)))
    assert max(map(len, messages)) <= FRAME_BYTES_MAX
    assembler, whole = codec.Assembler(FRAME_ASSEMBLED_BYTES_MAX), messages[0]
    for message in messages if len(messages) > 1 else []:
        fragment = codec.decode_server_frame(message)
        assert isinstance(fragment, frames.Fragment)
        whole = assembler.add(fragment) or whole
    assert codec.decode_server_frame(whole) == frames.Snapshot(7, 9, bytes(size))


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1))
def test_stock_clients_get_a_message_for_each_update(payloads: list[bytes]) -> None:
    """As pycrdt's own reader of the y-websocket protocol takes them apart."""
    messages = messages_in(YJS.updates(7, 9, payloads))
    assert [message[:2] for message in messages] == [b"\x00\x02"] * len(payloads)
    assert [pycrdt.read_message(message[2:]) for message in messages] == payloads


def test_stock_clients_get_a_snapshot_as_an_update() -> None:
    """Numbers mean nothing to them."""
    assert YJS.snapshot(7, 9, b"abc") == YJS.updates(1, 2, [b"abc"])


def test_an_empty_update_is_one_that_changes_nothing() -> None:
    document: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    before = document.get_state()
    document.apply_update(EMPTY_UPDATE)
    assert document.get_state() == before


@given(st.integers(0, CLIENT_ID_MAX), st.binary(max_size=5))
@example(127, b"")
@example(128, b"\x80")
@example(CLIENT_ID_MAX, b"")
def test_numbers_come_back(number: int, behind: bytes) -> None:
    encoded = varint(number)
    assert encoded == pycrdt.write_var_uint(number)
    assert read_varint(b"\xff" + encoded + behind, 1) == (number, 1 + len(encoded))


@pytest.mark.parametrize(
    "data",
    [b"", b"\x80", b"\xff\xff", b"\xff" * 7, b"\xff" * 20, varint(2**53), varint(2**56 - 1), varint(2**64)],
    ids=lambda data: data.hex() or "nothing",
)
def test_a_number_that_breaks_off_or_is_too_large_is_a_violation(data: bytes) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        read_varint(data, 0)
    assert caught.value.close_code is CloseCode.MALFORMED_FRAME


@given(st.binary(max_size=12), st.integers(0, 12))
def test_no_bytes_are_anything_but_a_number_or_a_violation(data: bytes, position: int) -> None:
    try:
        number, end = read_varint(data, position)
    except ProtocolViolation:
        return
    assert 0 <= number <= CLIENT_ID_MAX
    assert position < end <= len(data)


def test_a_message_is_its_numbers_and_a_byte_string_behind_its_length() -> None:
    assert yjs_message(0, 2, b"abc") == b"\x00\x02\x03abc"
    assert yjs_message(1, bytes(200)) == b"\x01\xc8\x01" + bytes(200)
