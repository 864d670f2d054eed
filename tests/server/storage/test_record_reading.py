"""A document of records, read whole: snapshot, log, and a compaction in between."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.records import record_value
from syncline_protocol.update import RecordStruct, encode_records
from syncline_server.storage import record_reading
from syncline_server.storage.interface import DocumentKey, LogEntry, LogRow, Snapshot, StoreCorrupt
from syncline_server.storage.record_reading import read_records
from syncline_server.storage.sqlite import SqliteStore

CLIENT = 2**40


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A store."""
    async with SqliteStore(tmp_path / "data") as opened:
        yield opened


def update(*numbers: int) -> bytes:
    """An update with the messages of these numbers, whose clocks they are."""
    values = [record_value(number, "text", text=f"message {number}") for number in numbers]
    return encode_records(
        [RecordStruct(CLIENT, number, "messages", one["id"], one) for number, one in zip(numbers, values, strict=True)]
    )


async def filled(store: SqliteStore, updates: int) -> int:
    """A document with so many updates of one message; its number."""
    document = (await store.create_document(DocumentKey("acme", "conversation/c1/1"), 1)).number
    await store.append([LogEntry(document, seq + 1, CLIENT, 0, update(seq)) for seq in range(updates)])
    return document


def texts(records: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    """What the records say, in their order."""
    return [value["text"] for value in records.values()]


async def test_all_records_come_in_the_logs_order(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_reading, "READ_BYTES", 1_000)
    document = await filled(store, 50)
    seq, records = await read_records(store, document)
    assert seq == 50
    assert texts(records) == [f"message {number}" for number in range(50)]


async def test_an_empty_document_has_none(store: SqliteStore) -> None:
    document = await filled(store, 0)
    assert await read_records(store, document) == (0, {})


async def test_the_snapshot_comes_before_the_log_behind_it(store: SqliteStore) -> None:
    document = await filled(store, 5)
    await store.write_snapshot(document, Snapshot(3, update(0, 1, 2), b""), keep_after=3)
    seq, records = await read_records(store, document)
    assert (seq, texts(records)) == (5, [f"message {number}" for number in range(5)])


async def test_a_compaction_in_between_leaves_nothing_out(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    document = await filled(store, 5)
    read_log = store.read_log

    async def compacted_meanwhile(number: int, *, after: int, bytes_max: int) -> list[LogRow]:
        monkeypatch.setattr(store, "read_log", read_log)
        await store.write_snapshot(number, Snapshot(4, update(0, 1, 2, 3), b""), keep_after=4)
        return await read_log(number, after=after, bytes_max=bytes_max)

    monkeypatch.setattr(store, "read_log", compacted_meanwhile)
    seq, records = await read_records(store, document)
    assert (seq, texts(records)) == (5, [f"message {number}" for number in range(5)])


async def test_a_hole_is_an_error_and_no_empty_result(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    document = await filled(store, 5)

    async def with_a_hole(*_: object, after: int, bytes_max: int) -> list[LogRow]:  # noqa: ARG001 - the store's words
        return [LogRow(after + 2, update(after + 1))]

    monkeypatch.setattr(store, "read_log", with_a_hole)
    with pytest.raises(StoreCorrupt, match="hole"):
        await read_records(store, document)
