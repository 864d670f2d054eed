"""Internal notes never reach a customer (P6): not in the store of the customer's device, not in its traffic, not in an
answer of REST, whatever it asks for while the staff writes.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx
import pycrdt
import pytest
from end_to_end.authors import new_conversation
from support.recorded import Recorded
from support.server import ServerProcess
from syncline_client.client import Device
from syncline_client.page_content import Document
from syncline_client.transport import Transport, connect_websocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

NOTES: Final = 20
SETTLE_S_MAX: Final = 40.0
MARK: Final = "仅内部可见"

SECRETS: Final = (MARK, "SN-INTERNAL-4711", "escalated to legal", "draft that nobody sent", "待内部处理")
"""What only the staff may know: notes, fields, reasons, a draft, and an internal status."""


def leaks(data: bytes) -> list[str]:
    """The secrets that these bytes hold, as UTF-8 or as JSON writes them."""
    return [one for one in SECRETS if one.encode() in data or one.encode("unicode_escape") in data]


async def ask_everything(server: ServerProcess, ticket: str, conversation: str) -> bytes:
    """All that REST answers to the customer."""
    answers = b""
    headers = {"Authorization": f"Bearer {server.token('cus', 'customer')}"}
    paths = [
        f"/v1/tickets/{ticket}", f"/v1/tickets/{ticket}/events", "/v1/tickets", "/v1/inbox", "/v1/inbox?view=unread",
        f"/v1/conversations/{conversation}", f"/v1/conversations/{conversation}/messages",
        f"/v1/conversations/{conversation}/extraction", f"/v1/conversations/{conversation}/seen",
        *(f"/v1/search?q={word}" for word in ("仅内部", "INTERNAL", "legal", "draft", "SN-INTERNAL-4711")),
    ]  # fmt: skip
    async with httpx.AsyncClient(base_url=server.http, headers=headers) as client:
        for path in paths:
            answer = await client.get(path)
            assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR, (path, answer.text)
            answers += answer.content
    return answers


def type_a_draft(document: Document) -> None:
    """An editor of the staff."""
    document.get("reply", type=pycrdt.Text).insert(0, "draft that nobody sent")


async def knock(server: ServerProcess, ticket: str) -> bytes:
    """What a stock Yjs client of the customer is told of the staff's documents."""
    came = b""
    token = server.token("cus", "customer")
    for name in (f"ticket/{ticket}", f"ticket/{ticket}/text"):
        with suppress(ConnectionClosed, TimeoutError):
            async with connect(f"{server.url}/yjs/{name}?token={token}") as connection, asyncio.timeout(1):
                while True:
                    came += bytes(await connection.recv(decode=False))
    return came


@pytest.mark.timeout(150)
async def test_no_byte_of_what_is_internal_reaches_a_customer(tmp_path: Path) -> None:
    came: list[bytes] = []

    async def tapped(url: str) -> Transport:
        return Recorded(await connect_websocket(url), came)

    with ServerProcess(tmp_path / "data") as server:
        conversation = (await new_conversation(server, customer="cus")).split("/")[1]
        staff = Device(server.http, token=server.token("boss", "supervisor"), device="desk")
        phone = Device(
            server.http,
            token=server.token("cus", "customer"),
            device="phone",
            store=tmp_path / "cus.db",
            connect=tapped,
        )
        async with staff, phone:
            await asyncio.gather(staff.connected(), phone.connected())
            await (await phone.conversation(conversation)).say("我的平板连不上")
            ticket = await staff.open_ticket(conversation, subject="平板连不上")
            async with asyncio.timeout(SETTLE_S_MAX):
                while not (await phone.conversation(conversation)).tickets:
                    await asyncio.sleep(0.05)
            for name in (f"ticket/{ticket.id}", f"ticket/{ticket.id}/public", f"ticket/{ticket.id}/text"):
                await phone.follow(name)
            for number in range(NOTES):
                await ticket.note(f"{MARK} {number}: escalated to legal")
            await ticket.set_field("serial", "SN-INTERNAL-4711")
            await ticket.set_status("awaiting_internal", reason=f"{MARK}")
            texts = await ticket.texts()
            await texts.edit(type_a_draft)
            await ticket.set_status("resolved", resolution="escalated to legal")
            async with asyncio.timeout(SETTLE_S_MAX):
                await staff.settled()
                while (shown := await _status(phone, ticket.id)) != "resolved":
                    assert shown in (None, "new", "accepted", "in_progress"), shown
                    await asyncio.sleep(0.1)
            answers = await ask_everything(server, ticket.id, conversation)
            answers += await knock(server, ticket.id)
        files = b"".join(path.read_bytes() for path in tmp_path.glob("cus.db*"))
    assert leaks(answers) == []
    assert leaks(b"".join(came)) == []
    assert leaks(files) == []
    assert "我的平板连不上".encode() in files, "the search would find what is there"


async def _status(phone: Device, ticket: str) -> str | None:
    public = (await phone.ticket(ticket)).public
    return None if public is None else public.status
