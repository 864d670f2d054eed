"""The store in a file: the suite of all stores, and what only a file can suffer."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

import pytest
from client.store_acceptance import NAME, ROW, Reopen, StoreAcceptance
from syncline_client.store import (
    AppendUpdates,
    Content,
    DropContent,
    EraseRow,
    Operation,
    PutDocument,
    PutIdentity,
    PutRow,
    RemoveRow,
    ReplaceState,
    Row,
    StoredDocument,
    StoredIdentity,
    StoredUpdate,
    StoreError,
    StoreInUse,
)
from syncline_client.store_sqlite import FORMAT, SCHEMA, WIPE_RETRY_S, SqliteStore

WRITE_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from typing import cast
from syncline_client.store import PutRow, PutDocument, Row, StoredDocument
from syncline_client.store_sqlite import SqliteStore

async def main():
    async with SqliteStore(Path(sys.argv[1])) as store:
        number = 0
        while True:
            number += 1
            row = Row(number, "page/p", "", "", b"x" * 100, number)
            await store.commit([PutRow(row), PutDocument(StoredDocument("page/p", 1, number))], durable=True)
            print(number, flush=True)

asyncio.run(main())
"""


class TestSqliteStore(StoreAcceptance):
    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Reopen:
        return lambda: SqliteStore(tmp_path / "deep" / "device.db")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "device.db"


async def test_two_processes_cannot_have_one_store(path: Path) -> None:
    async with SqliteStore(path):
        with pytest.raises(StoreInUse, match="in use by another process"):
            await SqliteStore(path).__aenter__()
    async with SqliteStore(path) as store:
        assert await store.read_rows() == []


async def test_nor_by_another_name(path: Path) -> None:
    async with SqliteStore(path):
        path.with_name("same.db").symlink_to(path)
        with pytest.raises(StoreInUse, match="in use"):
            await SqliteStore(path.with_name("same.db")).__aenter__()


async def test_a_reader_sees_what_is_committed_while_a_device_runs(path: Path) -> None:
    async with SqliteStore(path) as store:
        await store.commit([PutRow(ROW)])
        async with SqliteStore(path, read_only=True) as reader:
            assert await reader.read_rows() == [ROW]
            with pytest.raises(StoreError, match="readonly"):
                await reader.commit([PutRow(ROW)])


async def test_a_reader_makes_no_store(path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        await SqliteStore(path, read_only=True).__aenter__()
    assert not path.exists()


async def test_a_file_of_a_newer_program_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    with pytest.raises(StoreError, match="use the program that wrote it"):
        await SqliteStore(path).__aenter__()
    with pytest.raises(StoreError, match="use the program that wrote it"):
        await SqliteStore(path).__aenter__()  # and it is not left locked


async def test_a_file_that_is_no_database_is_named(path: Path) -> None:
    path.write_bytes(b"these are my holiday pictures" * 100)
    with pytest.raises(StoreError, match=r"device\.db failed: file is not a database"):
        await SqliteStore(path).__aenter__()


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be opened"):
        await SqliteStore(tmp_path / "file" / "device.db").__aenter__()


async def test_a_failed_transaction_leaves_nothing_behind(path: Path) -> None:
    async with SqliteStore(path) as store:
        await store.commit([PutIdentity(StoredIdentity("phone"))])
        broken = PutRow(Row(2, NAME, "messages", "r2", cast("bytes", None), 0))
        with pytest.raises(StoreError, match="NOT NULL"):
            await store.commit([PutDocument(StoredDocument(NAME)), broken])
        assert await store.read_documents() == []
        await store.commit([PutRow(ROW)], durable=True)
        assert await store.read_rows() == [ROW]


async def test_a_full_disk_is_said_and_the_store_goes_on_afterwards(path: Path) -> None:
    async with SqliteStore(path) as store:
        await store.commit([PutRow(ROW)])
        await store._connection.execute("PRAGMA max_page_count = 12")
        with pytest.raises(StoreError, match="full"):
            await store.commit([AppendUpdates(NAME, [StoredUpdate(1, b"x" * 100_000)])])
        assert (await store.read_content(NAME)).updates == []
        await store._connection.execute("PRAGMA max_page_count = 100000")
        await store.commit([AppendUpdates(NAME, [StoredUpdate(1, b"x" * 100_000)])])
        assert len((await store.read_content(NAME)).updates) == 1


async def test_own_edits_are_flushed_and_received_updates_are_not(path: Path) -> None:
    async with SqliteStore(path) as store:
        statements: list[str] = []
        connection = store._connection
        await connection.set_trace_callback(statements.append)
        await store.commit([PutRow(ROW)], durable=True)
        assert statements[0] == "PRAGMA synchronous = FULL"
        assert statements[-1] == "PRAGMA synchronous = NORMAL"
        statements.clear()
        await store.commit([AppendUpdates(NAME, [StoredUpdate(1, b"x")])])
        assert not [one for one in statements if "synchronous" in one]


async def test_a_cancelled_commit_is_whole_or_absent(path: Path) -> None:
    async with SqliteStore(path) as store:
        for number in range(1, 40):
            operations: list[Operation] = [
                PutRow(ROW._replace(id=number)),
                PutDocument(StoredDocument(f"page/{number}")),
            ]
            task = asyncio.create_task(store.commit(operations))
            for _ in range(number % 13):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            rows = {row.id for row in await store.read_rows()}
            documents = {int(one.name.removeprefix("page/")) for one in await store.read_documents()}
            assert rows == documents


def test_what_was_stored_survives_a_kill(path: Path) -> None:
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITE_UNTIL_KILLED, str(path)], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            told = [child.stdout.readline() for _ in range(20)]
            os.kill(child.pid, signal.SIGKILL)
            told += child.stdout.readlines()
        last = max(int(line) for line in told if line.strip())

        async def read() -> tuple[list[int], list[StoredDocument]]:
            async with SqliteStore(path) as store:
                return [row.id for row in await store.read_rows()], await store.read_documents()

        rows, documents = asyncio.run(read())
        assert rows[:last] == list(range(1, last + 1))
        assert documents[0].cursor in (rows[-1], last)


# --- wipes

SECRET = b"my card is 4711-0815 "


def files_with(path: Path, content: bytes) -> list[str]:
    """The store's files that hold these bytes anywhere."""
    return [one.name for one in sorted(path.parent.glob(f"{path.name}*")) if content in one.read_bytes()]


async def fill(store: SqliteStore, name: str, content: bytes) -> None:
    """Updates and a state of all sizes, replaced now and then."""
    for number in range(1, 40):
        await store.commit([AppendUpdates(name, [StoredUpdate(number, content * (number * number % 97 + 1))])])
        if number % 13 == 0:
            await store.commit([ReplaceState(name, content * number, number - 3)])


async def test_dropped_content_is_in_no_file(path: Path) -> None:
    async with SqliteStore(path) as store:
        await fill(store, NAME, SECRET)
        await fill(store, "page/p", b"something else ")
        before = await store.read_content("page/p")
        assert files_with(path, SECRET)
        await store.commit([DropContent(NAME), PutDocument(StoredDocument(NAME, 2))])
        assert files_with(path, SECRET) == []
        assert await store.read_content("page/p") == before
        assert await store.read_documents() == [StoredDocument(NAME, 2)]


async def test_a_wipe_does_not_wait_for_an_edit_that_cannot_be_sent(path: Path) -> None:
    own = ROW._replace(payload=b"an own edit")
    async with SqliteStore(path) as store:
        await fill(store, NAME, SECRET)
        await store.commit([PutRow(own)], durable=True)
        await store.commit([DropContent(NAME)])
        assert files_with(path, SECRET) == []
        assert await store.read_rows() == [own]


async def test_what_is_offered_again_is_wiped_when_it_turns_out_to_be_erased(path: Path) -> None:
    offered = ROW._replace(payload=SECRET)
    refused = ROW._replace(id=7, code="invalid", reason="no")
    async with SqliteStore(path) as store:
        await fill(store, NAME, SECRET)
        await store.commit([DropContent(NAME), PutRow(offered), PutRow(refused)], durable=True)
        assert await store.read_rows() == [offered, refused]
        await store.commit([ReplaceState(NAME, b"the new history", 40), EraseRow(offered.id)])
        assert files_with(path, SECRET) == []
        assert await store.read_rows() == [refused]
        assert await store.read_content(NAME) == Content(b"the new history", [])


async def test_an_erased_edit_is_in_no_file(path: Path) -> None:
    erased = ROW._replace(id=7, payload=SECRET, code="invalid", reason="no")
    async with SqliteStore(path) as store:
        await store.commit([PutRow(ROW._replace(id=2, document="page/p")), PutRow(erased)], durable=True)
        assert files_with(path, SECRET)
        await store.commit([EraseRow(erased.id)])
        assert files_with(path, SECRET) == []
        assert [row.id for row in await store.read_rows()] == [2]


async def test_a_start_makes_up_for_a_wipe_that_was_cut_off(path: Path) -> None:
    async with SqliteStore(path) as store:
        await fill(store, NAME, SECRET)
    with closing(sqlite3.connect(path)) as died_after_the_commit:
        died_after_the_commit.execute("PRAGMA secure_delete = OFF")
        died_after_the_commit.execute("DELETE FROM updates")
        died_after_the_commit.execute("DELETE FROM states")
        died_after_the_commit.execute("INSERT INTO wipes VALUES (?)", (NAME,))
        died_after_the_commit.commit()
    assert files_with(path, SECRET)
    async with SqliteStore(path) as store:
        assert files_with(path, SECRET) == []
        assert await store.read_content(NAME) == Content(b"", [])
    async with SqliteStore(path) as store:
        assert not store._wipe_due


@contextmanager
def somebody_reading(path: Path) -> Iterator[None]:
    """Another connection holds on to the store as it is now."""
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM updates").fetchall()
        yield


async def test_a_wipe_that_a_reader_was_in_the_way_of_is_made_up_for(path: Path) -> None:
    async with SqliteStore(path) as store:
        await fill(store, NAME, SECRET)
        await store._connection.execute("PRAGMA busy_timeout = 50")
        with somebody_reading(path):
            await store.commit([DropContent(NAME)])
        await store.commit([PutRow(ROW)])
        assert files_with(path, SECRET), "not with every commit"
        await store.commit([RemoveRow(ROW.id)])
        store._wipe_after_s -= WIPE_RETRY_S
        await store.commit([PutRow(ROW._replace(document="page/p"))])
        assert files_with(path, SECRET) == []


async def test_a_reader_in_the_way_costs_no_edit_and_the_next_start_wipes(path: Path) -> None:
    async with SqliteStore(path) as store:
        await fill(store, NAME, SECRET)
        await store._connection.execute("PRAGMA busy_timeout = 50")
        with somebody_reading(path):
            await store.commit([DropContent(NAME), PutRow(ROW._replace(document="page/p"))])
            assert len(await store.read_rows()) == 1
            assert files_with(path, SECRET)
    async with SqliteStore(path) as store:
        assert files_with(path, SECRET) == []
        assert len(await store.read_rows()) == 1


async def test_a_file_of_the_first_format_is_taken_over(path: Path) -> None:
    with closing(sqlite3.connect(path)) as older:
        older.executescript(SCHEMA)
        older.execute("PRAGMA user_version = 1")
        older.execute("INSERT INTO documents VALUES (?, 1, 2, 3, 1)", (NAME,))
        older.commit()
    async with SqliteStore(path, read_only=True) as reader:
        assert await reader.read_documents() == [StoredDocument(NAME, 1, 2, 3)]
    async with SqliteStore(path) as store:
        assert await store.read_documents() == [StoredDocument(NAME, 1, 2, 3)]
        await store.commit([DropContent(NAME)])
