"""What was dropped, out of the files: the write-ahead log, and the corners of pages that SQLite leaves as they were.

Beside the log's tables: `replace_history` drops content in a transaction that also sets a mark; a *wipe* takes care
that no file holds a byte of it, then takes the mark away. A crash in between leaves the mark, and the next start wipes.
"""

import asyncio
from typing import Final

from syncline_server.storage import statements
from syncline_server.storage.connections import Connections

PAGES_PER_TURN: Final = 2 * 1024
"""Pages looked at while commits wait: 8 MiB, as much as a checkpoint carries over at once."""


class Wiping:
    """See the module's text."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._turn = asyncio.Lock()
        self._dropped = 1  # how often, as far as this process knows; the last one may have left something to do
        self._wiped = 0  # up to which of these

    def dropped(self) -> None:
        """Something was dropped, durably."""
        self._dropped += 1

    async def finish(self) -> None:
        """Wipe if a wipe is due. Raises `StoreUnavailable` when somebody reads the database for too long."""
        if self._wiped == self._dropped:
            return
        async with self._turn:
            dropped = self._dropped
            while due := await self._due():
                first = 1
                while first <= self._connections.count_pages():
                    await self._connections.alone(self._connections.overwrite_slack(first, PAGES_PER_TURN))
                    first += PAGES_PER_TURN
                await self._connections.alone(self._settle(due))
            self._wiped = dropped

    async def _due(self) -> int:
        """How many times something was dropped since the last wipe."""
        ((due,),) = await self._connections.read(statements.READ_WIPE_DUE, (), doing="see whether a wipe is due")
        return int(due)

    async def _settle(self, due: int) -> None:
        """Take the mark away, unless more was dropped meanwhile."""
        await self._connections.sync_database()
        await self._connections.write(statements.CLEAR_WIPE_DUE, (due,), doing="end a wipe")
