"""A page's handle, against the real server: programs and editors write on one page."""

import asyncio
from collections.abc import Callable
from typing import Any

import pycrdt
import pytest
from support.server import ServerProcess
from syncline_client import ChangeKind, Device, EditNotAllowed, Page, Verdict
from syncline_client.page_content import Document, PageContent

WAIT_S = 10.0


def typing(words: str, *, at: int = 0) -> Callable[[Document], Any]:
    return lambda document: document.get("text", type=pycrdt.Text).insert(at, words)


async def until(page: Page, text: str) -> None:
    async with asyncio.timeout(WAIT_S):
        while page.text("text") != text:
            await asyncio.sleep(0.01)


async def test_two_people_type_at_once(server: ServerProcess) -> None:
    async with (
        Device(server.url, token=server.token("mei")) as desk,
        Device(server.url, token=server.token("wu")) as tablet,
    ):
        mine, theirs = await desk.page("page/two"), await tablet.page("page/two")
        await desk.connected()
        await tablet.connected()
        await mine.edit(typing("你好"))
        await until(theirs, "你好")
        await asyncio.gather(mine.edit(typing("！", at=6)), theirs.edit(typing("大家")))
        await until(mine, "大家你好！")
        await until(theirs, "大家你好！")
        async with asyncio.timeout(WAIT_S):
            assert (await desk.compare("page/two")).verdict is Verdict.EQUAL
            assert (await tablet.compare("page/two")).verdict is Verdict.EQUAL
        assert not desk.replica.mismatched


async def test_an_editor_with_a_document_of_its_own(server: ServerProcess) -> None:
    async with (
        Device(server.url, token=server.token("mei")) as desk,
        Device(server.url, token=server.token("wu")) as tablet,
    ):
        page, reader = await desk.page("page/editor"), await tablet.page("page/editor")
        await desk.connected()
        await desk.settled()
        editor = PageContent(page.client, [page.state()])
        for word in ("typed ", "in ", "an editor "):
            await page.record_local(editor.edit(typing(word)))
        await until(reader, "an editor in typed ")
        editor.edit(typing("skipped"))
        with pytest.raises(EditNotAllowed, match="gap"):
            await page.record_local(editor.edit(typing("x")))


async def test_changes_are_told(server: ServerProcess) -> None:
    async with asyncio.timeout(WAIT_S), Device(server.url, token=server.token("mei")) as desk:
        page = await desk.page("page/changes")
        await desk.connected()
        with page.changes() as changes:
            await page.edit(typing("x"))
            assert [(await anext(changes)).kind for _ in range(2)] == [ChangeKind.WRITTEN, ChangeKind.ACCEPTED]


async def test_a_customer_has_no_pages(server: ServerProcess) -> None:
    async with asyncio.timeout(WAIT_S), Device(server.url, token=server.token("li", "customer")) as phone:
        page = await phone.page("page/internal")
        await phone.connected()
        await page.edit(typing("let me in"))
        await phone.settled()
        assert page.refusal
        assert page.text("text") == ""
        assert [row.code for row in phone.refused] == ["forbidden"]


async def test_what_one_does_there_is_shown(server: ServerProcess) -> None:
    async with (
        asyncio.timeout(WAIT_S),
        Device(server.url, token=server.token("mei")) as desk,
        Device(server.url, token=server.token("wu")) as tablet,
    ):
        mine, theirs = await desk.page("page/show"), await tablet.page("page/show")
        await desk.settled()
        await tablet.settled()
        await mine.show({"cursor": 17})
        while not theirs.attendants():
            await asyncio.sleep(0.01)
        assert theirs.attendants()[0].state == {"cursor": 17}
        await mine.show(None)
        while theirs.attendants():
            await asyncio.sleep(0.01)


async def test_a_large_page_travels_whole(server: ServerProcess) -> None:
    async with (
        Device(server.url, token=server.token("mei")) as desk,
        Device(server.url, token=server.token("wu")) as tablet,
    ):
        page = await desk.page("page/large")
        await desk.connected()
        words = "汉" * 900_000  # 2.7 MB: more than a message
        await page.edit(typing(words))
        async with asyncio.timeout(WAIT_S):
            await desk.settled()
        reader = await tablet.page("page/large")
        await until(reader, words)


async def test_a_tickets_texts_are_a_page_with_three_roots(server: ServerProcess) -> None:
    async with asyncio.timeout(WAIT_S), Device(server.url, token=server.token("mei")) as desk:
        await desk.connected()
        ticket = await desk.open_ticket(subject="no wifi")
        await desk.settled()
        texts = await desk.page(f"ticket/{ticket.id}/text")
        await texts.edit(lambda document: document.get("resolution", type=pycrdt.Text).insert(0, "换了天线"))
        await desk.settled()
        assert (texts.text("resolution"), desk.refused) == ("换了天线", [])
        await texts.edit(lambda document: document.get("diary", type=pycrdt.Text).insert(0, "x"))
        await desk.settled()
        (row,) = desk.refused
        assert "a ticket has no text 'diary'" in row.reason
        assert texts.text("resolution") == "换了天线", "what was refused is taken out again"
