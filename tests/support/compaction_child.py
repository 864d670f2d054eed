"""A process that compacts a document until it is killed: `python -m support.compaction_child DIRECTORY STEP`.

The steps are counted: before the job, after it, before each statement that writes, before the store is closed. At the
one with the number STEP the process kills itself as `kill -9` does. If there is none, it says that it is done.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from syncline_protocol.names import Language
from syncline_server.storage import jobs
from syncline_server.storage.compaction import Compactor
from syncline_server.storage.connections import Connection, Parameters, connect_sqlite
from syncline_server.storage.interface import DocumentKey
from syncline_server.storage.sqlite import SqliteStore
from syncline_server.storage.worker import Worker
from typing_extensions import override

KEY = DocumentKey("acme", "page/1")


class _Killing:
    """A connection whose process is killed before a certain statement; those that only read are not counted."""

    def __init__(self, connection: Connection, steps: Iterator[int]) -> None:
        self._connection = connection
        self._steps = steps

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    async def execute_fetchall(self, sql: str, parameters: Parameters = ()) -> Iterable[Any]:
        if not sql.lstrip().startswith(("SELECT", "WITH", "PRAGMA")):
            take(self._steps)
        return await self._connection.execute_fetchall(sql, parameters)

    async def close(self) -> None:
        await self._connection.close()


class _KillingWorker(Worker):
    """A worker whose server is killed before a job or after it."""

    def __init__(self, steps: Iterator[int]) -> None:
        super().__init__()
        self._steps = steps

    @override
    async def run(self, job: jobs.Job, updates: AsyncIterable[Sequence[bytes]]) -> jobs.Result:
        take(self._steps)
        result = await super().run(job, updates)
        take(self._steps)
        return result


def take(steps: Iterator[int]) -> None:
    """Take a step; the one with the number 0 kills this process as `kill -9` does."""
    if next(steps) == 0:
        os.kill(os.getpid(), signal.SIGKILL)


async def compact_until(directory: Path, steps: Iterator[int]) -> None:
    """Compact. The steps are those of a worker and a connection that kill."""

    async def connect(uri: str) -> Connection:
        return _Killing(await connect_sqlite(uri), steps)

    async with SqliteStore(directory, connect=connect) as store, _KillingWorker(steps) as worker:
        document = await store.read_document(KEY)
        assert document is not None
        await Compactor(store, worker, now_ms=lambda: 0).compact(document, language=Language.CONTENT)
        take(steps)
    print("compacted")  # noqa: T201 # what the test reads


if __name__ == "__main__":
    asyncio.run(compact_until(Path(sys.argv[1]), count(int(sys.argv[2]), -1)))
