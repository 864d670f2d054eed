"""Groups and runs come back as they were laid out, and damage is seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syncline_server.storage import log_layout
from syncline_server.storage.interface import LogEntry, LogRow, StoreCorrupt
from syncline_server.storage.log_layout import (
    DOCUMENT_MAX,
    RUN_BYTES_MAX,
    SEQ_MAX,
    Run,
    RunEntry,
    Tail,
    checksum_of,
    decode_group,
    decode_run,
    encode_group,
    encode_run,
    last_seq,
    position,
)

entries = st.builds(
    LogEntry,
    document=st.integers(1, DOCUMENT_MAX),
    seq=st.integers(1, SEQ_MAX),
    author=st.integers(0, 2**53),
    received_ms=st.integers(0, 2**53),
    payload=st.binary(max_size=300),
)
run_entries = st.builds(RunEntry, st.integers(0, 2**53), st.integers(0, 2**53), st.binary(max_size=300))


def entry(document: int, seq: int, *, size: int = 10) -> LogEntry:
    return LogEntry(document, seq, 1, 1, bytes(size))


@given(st.lists(entries))
def test_a_group_comes_back(group: list[LogEntry]) -> None:
    assert decode_group(*encode_group(group)) == group


@given(st.integers(1, DOCUMENT_MAX), st.integers(1, 2**31), st.lists(run_entries, min_size=1))
def test_a_run_comes_back(document: int, first: int, content: list[RunEntry]) -> None:
    run = encode_run(document, first, content)
    assert decode_run(run) == content
    assert last_seq(run.position) == first + len(content) - 1
    assert run.size == len(run.entries)


@given(st.data())
def test_a_flipped_bit_is_seen(data: st.DataObject) -> None:
    encoded, checksum = encode_group(data.draw(st.lists(entries, min_size=1)))
    damaged = bytearray(encoded)
    damaged[data.draw(st.integers(0, len(encoded) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(StoreCorrupt, match="checksum differs"):
        decode_group(bytes(damaged), checksum)


def test_a_run_that_is_no_run_is_refused() -> None:
    run = encode_run(1, 1, [RunEntry(1, 1, b"x")])
    nonsense = b"\xc1nonsense"
    with pytest.raises(StoreCorrupt, match="cannot be read"):
        decode_run(Run(run.position, 1, len(nonsense), checksum_of(nonsense), nonsense))
    with pytest.raises(StoreCorrupt, match="cannot be read"):
        decode_group(nonsense, checksum_of(nonsense))
    with pytest.raises(StoreCorrupt, match="has 1 updates from 1 to 7"):
        decode_run(run._replace(position=position(1, 7)))


@given(st.lists(st.tuples(st.integers(1, DOCUMENT_MAX), st.integers(0, SEQ_MAX)), unique=True))
def test_positions_sort_by_document_then_seq(pairs: list[tuple[int, int]]) -> None:
    assert sorted(pairs) == sorted(pairs, key=lambda pair: position(*pair))
    assert all(0 <= position(*pair) < 2**63 for pair in pairs)


def test_checksum_of_parts_is_that_of_the_whole() -> None:
    assert checksum_of(b"ab", b"", b"c") == checksum_of(b"abc")


def test_a_tail_gives_rows_by_document() -> None:
    tail = Tail()
    tail.add([entry(1, 5), entry(2, 1), entry(1, 6)])
    tail.add([entry(1, 7)])
    assert (tail.first(1), tail.head(1), tail.first(2), tail.head(2)) == (5, 7, 1, 1)
    assert (tail.first(3), tail.head(3), tail.rows(3, after=0)) == (None, 0, [])
    assert sorted(tail.documents()) == [1, 2]
    assert [row.seq for row in tail.rows(1, after=0)] == [5, 6, 7]
    assert tail.rows(1, after=6) == [LogRow(7, bytes(10))]
    assert tail.rows(1, after=7) == tail.rows(1, after=100) == []
    tail.clear()
    assert (tail.bytes, tail.documents(), tail.first(1)) == (0, [], None)


def test_a_tail_counts_what_it_takes() -> None:
    tail = Tail()
    tail.add([entry(1, 1, size=1_000), entry(1, 2, size=0)])
    assert tail.bytes == 1_000 + 2 * log_layout._ENTRY_OVERHEAD_BYTES


def test_a_tail_is_folded_into_runs_of_limited_size() -> None:
    tail = Tail()
    sizes = [RUN_BYTES_MAX // 2, RUN_BYTES_MAX // 2, 1, RUN_BYTES_MAX * 2, 5, 5]
    tail.add([entry(9, 1)])
    tail.add([entry(4, seq, size=size) for seq, size in enumerate(sizes, 3)])
    runs = list(tail.runs())
    assert [(run.position >> 32, run.first_seq, last_seq(run.position)) for run in runs] == [
        (4, 3, 4),
        (4, 5, 5),
        (4, 6, 6),
        (4, 7, 8),
        (9, 1, 1),
    ]
    assert [len(item.payload) for run in runs[:-1] for item in decode_run(run)] == sizes
