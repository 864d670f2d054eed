"""An inbox on a device: the first page once, then changes; and what it shows without a connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from client.conftest import ServedPeer
from client.test_conversation import Head
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from support.answering import answering
from syncline_client import Device, MemoryStore, RequestRefused, inbox
from syncline_client.inbox import Inbox
from syncline_client.kept import INBOX, read_kept
from syncline_client.rest import Rest

WAIT_S = 10.0
GONE = 410


async def token() -> str:
    return "t"


class Listing:
    """The server's list: rows by conversation, and what changed at which position."""

    def __init__(self, *ats: int) -> None:
        self.rows = {f"c{at}": self.row(f"c{at}", at) for at in ats}
        self.log: list[str] = []
        self.era = 1
        self.is_down = False
        self.stale_as_status = False
        self._wake = asyncio.Event()

    @staticmethod
    def row(conversation: str, at: int, **fields: Any) -> dict[str, Any]:
        return {"conversation": conversation, "at": at, **fields}

    def put(self, conversation: str, at: int, **fields: Any) -> None:
        """A conversation changes, or is new."""
        self.rows[conversation] = self.row(conversation, at, **fields)
        self._changed(conversation)

    def remove(self, conversation: str) -> None:
        """A conversation is in this list no longer."""
        del self.rows[conversation]
        self._changed(conversation)

    def begin_another_era(self) -> None:
        """Positions given out before mean nothing any more."""
        self.era += 1
        self._changed("")

    def _changed(self, conversation: str) -> None:
        self.log.append(conversation)
        self._wake.set()

    async def answer(self, request: Request) -> Response:
        if self.is_down:
            return JSONResponse({"detail": "closed for repairs"}, 503)
        if request.query_params["view"] == "nonsense":
            return JSONResponse({"detail": "there is no such view"}, 422)
        if request.url.path == "/v1/inbox":
            return JSONResponse(self._page(request))
        return await self._changes(request)

    def _page(self, request: Request) -> dict[str, Any]:
        before = int(request.query_params.get("cursor", 10**9))
        limit = int(request.query_params["limit"])
        ordered = sorted((row for row in self.rows.values() if row["at"] < before), key=lambda row: -row["at"])
        page = {"rows": ordered[:limit], "position": f"{self.era}.{len(self.log)}"}
        return page | ({"next": str(ordered[limit - 1]["at"])} if len(ordered) > limit else {})

    async def _changes(self, request: Request) -> Response:
        era, since = map(int, request.query_params["since"].split("."))
        if since == len(self.log):
            self._wake.clear()
            async with asyncio.timeout(float(request.query_params["wait"])):
                await self._wake.wait()
        position = f"{self.era}.{len(self.log)}"
        if era != self.era:
            stale = {"position": position, "stale": True}
            return JSONResponse({"detail": "gone"}, GONE) if self.stale_as_status else JSONResponse(stale)
        changed = dict.fromkeys(self.log[since:])
        rows = [self.rows[one] for one in changed if one in self.rows]
        removed = [one for one in changed if one not in self.rows]
        return JSONResponse({"rows": rows, "removed": removed, "position": position})


@asynccontextmanager
async def opened(listing: Listing, *, limit: int = 3, store: MemoryStore | Path | None = None) -> AsyncIterator[Inbox]:
    async with (
        Device("http://127.0.0.1:1", token="none", store=store) as device,
        answering(listing.answer) as served,
        Rest(served.url, token) as rest,
        Inbox(device.replica, rest, device._random, limit=limit) as shown,
    ):
        yield shown


def conversations(shown: Inbox) -> list[str]:
    return [row.conversation for row in shown.rows]


async def test_the_first_page_is_read_and_more_when_asked() -> None:
    async with opened(Listing(1, 2, 3, 4, 5, 6, 7)) as shown:
        assert (conversations(shown), shown.is_live, shown.has_more) == (["c7", "c6", "c5"], True, True)
        assert await shown.more()
        assert await shown.more()
        assert not await shown.more()
        assert (conversations(shown), shown.has_more) == (["c7", "c6", "c5", "c4", "c3", "c2", "c1"], False)


async def test_changes_come_and_not_the_list_again() -> None:
    listing = Listing(1, 2, 3, 4, 5)
    async with asyncio.timeout(WAIT_S), opened(listing) as shown:
        changes = shown.changes()
        coming = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0.05)
        listing.put("c3", 9, unread=1)
        change = await coming
        assert ([row.conversation for row in change.rows], change.removed, change.is_anew) == (["c3"], (), False)
        assert (conversations(shown), shown.rows[0].unread) == (["c3", "c5", "c4"], 1)
        listing.put("c1", 1, unread=5)  # older than the window: not for us
        listing.put("c8", 12)
        listing.remove("c4")
        change = await anext(changes)
        assert ([row.conversation for row in change.rows], change.removed) == (["c8"], ("c4",))
        assert conversations(shown) == ["c8", "c3", "c5"]
        await changes.aclose()


async def test_a_window_that_reaches_the_end_takes_in_everything() -> None:
    listing = Listing(4, 5)
    async with asyncio.timeout(WAIT_S), opened(listing) as shown:
        changes = shown.changes()
        listing.put("c1", 1)
        await anext(changes)
        assert conversations(shown) == ["c5", "c4", "c1"]
        await changes.aclose()


@pytest.mark.parametrize("as_status", [True, False])
async def test_a_position_of_another_time_means_the_list_anew(*, as_status: bool) -> None:
    listing = Listing(1, 2)
    listing.stale_as_status = as_status
    async with asyncio.timeout(WAIT_S), opened(listing) as shown:
        listing.rows = {"c8": Listing.row("c8", 8)}
        listing.begin_another_era()
        changes = shown.changes()
        change = await anext(changes)
        assert (change.is_anew, conversations(shown)) == (True, ["c8"])
        await changes.aclose()


async def test_a_window_that_has_grown_too_large_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "ROWS_MAX", 4)
    listing = Listing(1, 2, 3, 4, 5, 6)
    async with asyncio.timeout(WAIT_S), opened(listing) as shown:
        await shown.more()
        changes = shown.changes()
        assert (await anext(changes)).is_anew
        assert conversations(shown) == ["c6", "c5", "c4"]
        await changes.aclose()


async def test_the_server_goes_and_comes_back() -> None:
    listing = Listing(1, 2)
    async with asyncio.timeout(WAIT_S), opened(listing) as shown:
        listing.is_down = True
        changes = shown.changes()
        coming = asyncio.ensure_future(anext(changes))
        while shown.is_live:
            await asyncio.sleep(0.01)
        assert (shown.reason, conversations(shown)) == ("closed for repairs", ["c2", "c1"])
        listing.put("c3", 3)
        listing.is_down = False
        await coming
        assert (shown.is_live, shown.reason, conversations(shown)) == (True, "", ["c3", "c2", "c1"])
        await changes.aclose()


async def test_without_a_server_it_shows_what_there_was() -> None:
    store, listing = MemoryStore(), Listing(1, 2)
    async with opened(listing, store=store) as shown:
        assert shown.as_of_ms > 0
        as_of_ms = shown.as_of_ms
    listing.is_down = True
    async with asyncio.timeout(WAIT_S), opened(listing, store=store) as shown:
        assert (conversations(shown), shown.is_live, shown.as_of_ms) == (["c2", "c1"], False, as_of_ms)
        changes = shown.changes()
        coming = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0.05)
        listing.is_down = False
        assert (await coming).is_anew
        assert shown.is_live
        await changes.aclose()


async def test_what_is_kept_of_another_list_is_not_shown() -> None:
    store = MemoryStore()
    async with opened(Listing(1, 2), store=store):
        pass
    async with (
        Device("http://127.0.0.1:1", token="none", store=store) as device,
        device.inbox(view="mine") as shown,
    ):
        assert (shown.rows, shown.is_live, shown.as_of_ms) == ((), False, 0)
        assert "no server at http://127.0.0.1:1" in shown.reason


async def test_what_the_server_does_not_answer_is_said() -> None:
    listing = Listing(1)
    async with (
        Device("http://127.0.0.1:1", token="none") as device,
        answering(listing.answer) as served,
        Rest(served.url, token) as rest,
    ):
        with pytest.raises(RequestRefused, match="there is no such view"):
            async with Inbox(device.replica, rest, device._random, view="nonsense"):
                pytest.fail("it must not open")


async def test_nothing_that_somebody_wrote_is_kept() -> None:
    store, listing = MemoryStore(), Listing()
    last = {"id": "m", "at": 5, "by": "li", "type": "text", "text": "my card is 4111"}
    ticket = {"id": "t", "status": "new", "number": 7, "subject": "card 4111"}
    listing.put("c", 5, subject="4111 again", last=last, customer="li", unread=2, tickets=[ticket])
    async with opened(listing, store=store) as shown:
        assert shown.rows[0].subject == "4111 again"
    assert b"4111" not in await read_kept(store, INBOX)
    listing.is_down = True
    async with opened(listing, store=store) as shown:
        (row,) = shown.rows
        assert (row.customer, row.unread, row.tickets[0].number) == ("li", 2, 7)
        assert (row.subject, row.last, row.tickets[0].subject) == (None, None, None)


async def test_no_word_of_a_row_is_in_a_file(tmp_path: Path) -> None:
    listing = Listing()
    last = {"id": "m", "at": 5, "by": "li", "type": "text", "text": "my card is 4711"}
    listing.put("c", 5, subject="4711 again", last=last, tickets=[{"id": "t", "status": "new", "subject": "card 4711"}])
    async with asyncio.timeout(WAIT_S), opened(listing, store=tmp_path / "phone.db") as shown:
        changes = shown.changes()
        listing.put("c", 6, subject="still 4711", last=last)
        await anext(changes)
        await changes.aclose()
        await shown._keep()
        files = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
        assert any(b'"conversation":"c"' in content for content in files), "it is kept"
        assert not any(b"4711" in content for content in files)


async def test_the_words_come_from_the_documents_on_the_device(peer: ServedPeer) -> None:
    head = Head(peer)
    head.append("conversation/c", "conversation", "opened", subject="no wifi", channel="chat", language="en")
    head.open_segment(1)
    head.say(1, "it does not work")
    head.append("ticket/t", "events", "opened", after=[], subject="antenna")
    store, listing = MemoryStore(), Listing()
    listing.put("c", 5, tickets=[{"id": "t", "status": "new"}])
    async with Device(peer.url, token="ann", store=store) as device:
        await device.connected()
        await device.conversation("c")
        await device.ticket("t")
    async with opened(listing, store=store):
        assert not listing.is_down
    listing.is_down = True
    async with opened(listing, store=store) as shown:
        (row,) = shown.rows
        assert row.last is not None
        assert (row.subject, row.last.text, row.tickets[0].subject) == ("no wifi", "it does not work", "antenna")
