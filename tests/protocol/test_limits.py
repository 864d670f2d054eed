"""Limits against each other and against what they are for."""

import pytest
from syncline_protocol import codec, frames, limits
from syncline_protocol.frames import Frame

LONGEST_NAME = "x" * limits.NAME_BYTES_MAX
LARGEST = 2**53 - 1


def encoded_bytes(frame: Frame) -> int:
    """How long a frame is on the wire."""
    return len(codec.encode(frame))


def test_a_fragment_fits_one_message() -> None:
    assert encoded_bytes(frames.Fragment(True, bytes(limits.FRAGMENT_BYTES_MAX))) <= limits.FRAME_BYTES_MAX


def test_an_open_and_its_answer_fit_one_message() -> None:
    wanted = frames.OpenDocument(LONGEST_NAME, LARGEST, LARGEST, True)
    assert encoded_bytes(frames.Open(LARGEST, [wanted] * limits.OPEN_DOCUMENTS_MAX)) <= limits.FRAME_BYTES_MAX
    answer = frames.OpenedDocument(LARGEST, 3, LARGEST, LARGEST, LARGEST)
    opened = frames.Opened(LARGEST, [answer] * limits.OPEN_DOCUMENTS_MAX, [])
    assert encoded_bytes(opened) <= limits.FRAME_BYTES_MAX


def test_a_presence_state_fits_one_message() -> None:
    state = {"x": "y" * limits.PRESENCE_BYTES_MAX}
    presence = frames.Presence(LARGEST, "s" * 32, "u" * 128, "d" * limits.DEVICE_BYTES_MAX, state)
    assert encoded_bytes(presence) <= limits.FRAME_BYTES_MAX


def test_an_update_with_the_largest_record_fits_one_message() -> None:
    assert encoded_bytes(frames.Update(LARGEST, LARGEST, bytes(2 * limits.RECORD_BYTES_MAX))) <= limits.FRAME_BYTES_MAX


def test_the_longest_text_fits_a_record_in_every_script() -> None:
    assert len(("😀" * limits.MESSAGE_TEXT_CHARACTERS_MAX).encode()) < limits.RECORD_BYTES_MAX


def test_every_update_of_a_device_can_be_relayed() -> None:
    relayed = frames.Updates(LARGEST, LARGEST, [bytes(limits.UPDATE_BYTES_MAX)])
    assert encoded_bytes(relayed) <= limits.FRAME_ASSEMBLED_BYTES_MAX


def test_leases_and_what_stock_clients_draw_do_not_meet() -> None:
    stock_max = 2**32 - 1
    assert stock_max < limits.LEASE_CLIENT_ID_MIN < limits.LEASE_CLIENT_ID_MAX < limits.CLIENT_ID_MAX


def test_a_lease_is_six_bytes_in_an_update() -> None:
    assert limits.LEASE_CLIENT_ID_MAX.bit_length() == 6 * 7


def test_what_a_number_on_the_wire_stands_for_is_within_it() -> None:
    assert limits.CLIENT_ID_MAX == LARGEST
    assert limits.CLOCK_MAX < LARGEST
    assert limits.CLOCK_SPAN_WITHOUT_BYTES_MAX < limits.CLOCK_MAX


def test_what_one_open_asks_for_may_be_open() -> None:
    assert limits.OPEN_DOCUMENTS_MAX <= limits.CHANNELS_MAX


@pytest.mark.parametrize("name", [name for name in vars(limits) if name.isupper()])
def test_limits_are_whole_and_positive(name: str) -> None:
    value = vars(limits)[name]
    assert type(value) is int
    assert value > 0
