"""State vectors are read strictly and written as Yjs writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.update_bytes import number
from support.yjs import histories
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import CLIENT_ID_MAX, CLIENTS_PER_UPDATE_MAX, CLOCK_MAX
from syncline_protocol.update.vector import encode_vector, scan_vector

VECTORS = st.dictionaries(st.integers(0, CLIENT_ID_MAX), st.integers(0, CLOCK_MAX), max_size=8)


@given(VECTORS)
def test_vectors_come_back(vector: dict[int, int]) -> None:
    assert scan_vector(encode_vector(vector)) == vector


@given(VECTORS, st.data())
def test_a_vector_cut_short_or_with_more_is_malformed(vector: dict[int, int], data: st.DataObject) -> None:
    encoded = encode_vector(vector)
    cut = data.draw(st.integers(0, len(encoded) - 1))
    for bad in (encoded[:cut], encoded + b"\0"):
        with pytest.raises(RefusedUpdate) as caught:
            scan_vector(bad)
        assert caught.value.code is RefusalCode.MALFORMED


@given(st.binary(max_size=40))
def test_bytes_are_a_vector_in_its_one_spelling_or_refused(data: bytes) -> None:
    try:
        vector = scan_vector(data)
    except RefusedUpdate:
        return
    assert len(encode_vector(vector)) == len(data)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (number(2**27), RefusalCode.MALFORMED),
        (number(2**53 - 1), RefusalCode.MALFORMED),
        (b"\2\5\1\5\1", RefusalCode.MALFORMED),
        (b"\1\5" + number(CLOCK_MAX + 1), RefusalCode.MALFORMED),
        (number(CLIENTS_PER_UPDATE_MAX + 1) + bytes(2 * CLIENTS_PER_UPDATE_MAX + 2), RefusalCode.TOO_LARGE),
    ],
    ids=["announces more than is there", "announces the most", "client twice", "clock wrapped", "too many clients"],
)
def test_hostile_vectors_are_refused(data: bytes, code: RefusalCode) -> None:
    with pytest.raises(RefusedUpdate) as caught:
        scan_vector(data)
    assert caught.value.code is code


def test_vectors_are_written_as_yjs_writes_them() -> None:
    compared = 0
    for history in histories(1, 20, 40):
        vector = {int(client): clock for client, clock in history["vector"].items()}
        assert encode_vector(vector).hex() == history["encoded_vector"]
        compared += len(vector)
    assert compared > 20
