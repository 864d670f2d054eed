"""The server as an actor: looks at tickets and conversations that have changed, and at users whose drafts are to be
erased, and writes what is missing.

Beside the data's way: `log → projections → AUTOMATION → log`. What has to be looked at is durable (the list of it is
written in the same transaction as what came of the cause), and is taken off the list only when everything that follows
is durable too. What follows is computed from what is there, and has ids derived from its cause: so it is written once,
also when the server was killed in between (docs/decisions/0007-the-server-answers-by-state.md).

One thing after the other: two answers never race, and numbers have no gaps.
"""

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import structlog
from syncline_protocol.errors import RefusalCode, RefusedUpdate

from syncline_server.automation.conversation_upkeep import ConversationUpkeep
from syncline_server.automation.ticket_upkeep import TicketUpkeep
from syncline_server.automation.user_upkeep import UserUpkeep
from syncline_server.projections.model import Dirty, Projected
from syncline_server.storage.interface import StoreError

if TYPE_CHECKING:
    from syncline_server.hub import Hub
    from syncline_server.projections.projections import Projections

AT_ONCE: Final = 200
"""How much of the list is taken up before it is read again."""

RETRY_S: Final = 1.0
"""How long to wait when the store does not take writes."""

CLOSING_INTERVAL_S: Final = 30.0
"""How often tickets are looked for that close by themselves."""

TRANSIENT: Final = frozenset({RefusalCode.UNAVAILABLE, RefusalCode.RATE_LIMITED, RefusalCode.GAP, RefusalCode.FORKED})
"""Refusals that another attempt may not meet."""


class Automation:
    """See the module's text. An async context manager; tell `projected` what the projections are told to tell."""

    def __init__(self, hub: "Hub", projections: "Projections") -> None:
        self._projections = projections
        self._tickets = TicketUpkeep(hub, projections)
        self._conversations = ConversationUpkeep(hub, projections, self._tickets)
        self._users = UserUpkeep(hub, projections)
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._set_aside: set[Dirty] = set()
        """What cannot be looked at, for a person to see to; a change of it, or another start, tries again."""
        self._logger = structlog.get_logger()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="automation")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def projected(self, projected: Projected) -> None:
        """Something was projected; whether anything is to be looked at stands in it."""
        if projected.is_to_be_looked_at:
            self._idle.clear()
            self._wake.set()

    async def settled(self) -> None:
        """Return when everything that was committed before has been answered, durably."""
        while True:
            await self._projections.caught_up()
            if self._idle.is_set():
                return
            await self._idle.wait()

    async def _run(self) -> None:
        while True:
            try:
                await self._work()
            except (StoreError, RefusedUpdate) as error:
                self._logger.warning("automation.waits", error=str(error))
            except Exception:  # the boundary of a task: what is on the list stays there, and is looked at again
                self._logger.exception("automation.failed")
            await asyncio.sleep(RETRY_S)

    async def _work(self) -> None:
        """Look at what is on the list, and then at what comes, for ever. Raises what keeps it from going on."""
        if not await self._projections.complete():
            return  # numbers are given by what is known of all tickets
        while True:
            self._wake.clear()
            listed = await self._projections.dirty(limit=AT_ONCE + len(self._set_aside))
            dirty = [one for one in listed if one not in self._set_aside]
            if dirty:
                await self._look_at(dirty)
                continue
            self._idle.set()
            await self._tickets.close_what_is_due()
            try:
                async with asyncio.timeout(CLOSING_INTERVAL_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _look_at(self, dirty: list[Dirty]) -> None:
        done: list[Dirty] = []
        try:
            for one in dirty:
                if await self._look_at_one(one):
                    done.append(one)  # noqa: PERF401 - what is done counts, also when the next one raises
        finally:
            await self._projections.clean(done)

    async def _look_at_one(self, one: Dirty) -> bool:
        """Look at it; whether it is done. Raises what another attempt may not meet."""
        try:
            match one.kind:
                case "ticket":
                    await self._tickets.look_at(one.tenant, one.id)
                case "user":
                    await self._users.look_at(one.tenant, one.id)
                case _:
                    await self._conversations.look_at(one.tenant, one.id)
        except StoreError:
            raise
        except Exception as error:  # one that fails must not leave everything else unanswered
            if isinstance(error, RefusedUpdate) and error.code in TRANSIENT:
                raise
            self._logger.exception("automation.set_aside", tenant=one.tenant, kind=one.kind, id=one.id)
            self._set_aside.add(one)
            return False
        return True
