"""What a customer's token, or a forger with one, does not get: refused by its code, no trace anywhere (P5, P6, P9)."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pycrdt
import pytest
import uuid_utils
from support.server import ServerProcess
from support.wire import WireDevice, now_at, wire_device
from syncline_protocol import frames
from syncline_protocol.errors import CloseCode
from syncline_protocol.update import RecordStruct, encode_records
from syncline_server.rest.operations import OPERATIONS
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

PUBLIC = {operation.path for operation in OPERATIONS if operation.roles is None}


class Place(NamedTuple):
    """A server with two customers' conversations in it, each with one message."""

    server: ServerProcess
    own: str
    """Segment of `cus`."""
    foreign: str
    """Segment of `eve`."""


def rest(server: ServerProcess, user: str, role: str, *, tenant: str = "default") -> httpx.Client:
    """An HTTP client of this user."""
    headers = {"Authorization": f"Bearer {server.token(user, role, tenant=tenant)}"}
    return httpx.Client(base_url=server.http, headers=headers)


def new_segment(server: ServerProcess, customer: str) -> str:
    """A conversation of this customer; its first segment's name."""
    with rest(server, "mei", "agent") as client:
        body = {"subject": "wifi", "channel": "chat", "customer": customer}
        answer = client.post("/v1/conversations", json=body)
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    return str(answer.json()["segment"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with ServerProcess(tmp_path_factory.mktemp("rights") / "data") as server:
        made = Place(server, new_segment(server, "cus"), new_segment(server, "eve"))
        asyncio.run(fill(made))
        with rest(server, "mei", "agent") as client:
            for id_, customer in (("mine", "cus"), ("theirs", "eve")):
                answer = client.post("/v1/tickets", json={"subject": id_, "id": id_, "customer": customer})
                assert answer.status_code == HTTPStatus.CREATED, answer.text
        yield made


async def fill(place: Place) -> None:
    """An agent says something in both conversations, on a page and to themselves."""
    async with wire_device(place.server.url, place.server.token("mei")) as mei:
        await mei.open(place.own, place.foreign)
        await mei.say(place.own, "good morning")
        await mei.say(place.foreign, "good evening")
        await mei.open("page/plan", "user/mei")
        page = pycrdt.Doc[Any](client_id=mei.welcome.client)
        page.get("text", type=pycrdt.Text).insert(0, "secret plan")
        await mei.update("page/plan", page.get_update())
        await mei.expect(frames.Acks)


async def read_log(server: ServerProcess, name: str, user: str = "reader", role: str = "agent") -> list[bytes]:
    """Every update of a document, as another device is shown it."""
    async with wire_device(server.url, server.token(user, role), "reader") as reader:
        opened = await reader.open(name)
        payloads: list[bytes] = []
        while len(payloads) < opened.documents[0].head:
            payloads += (await reader.expect(frames.Updates)).payloads
        return payloads


# --- opening


FOREIGN: dict[str, Callable[[Place], str]] = {
    "head of a foreign conversation": lambda place: place.foreign.rsplit("/", 1)[0],
    "segment of a foreign conversation": lambda place: place.foreign,
    "conversation that does not exist": lambda _: "conversation/no-such-thing",
    "segment that does not exist": lambda _: "conversation/no-such-thing/1",
    "page": lambda _: "page/plan",
    "page that does not exist": lambda _: "page/nothing-here",
    "another user's own document": lambda _: "user/mei",
    "another customer's own document": lambda _: "user/eve",
}


@pytest.mark.parametrize("what", FOREIGN)
async def test_a_customer_opens_nothing_of_others(place: Place, what: str) -> None:
    """What is there and what is not are refused alike: refusals cannot be used to guess."""
    name = FOREIGN[what](place)
    async with wire_device(place.server.url, place.server.token("cus", "customer")) as cus:
        opened = await cus.open(name)
        assert [refusal.code for refusal in opened.refused] == ["forbidden"]
        assert opened.documents == [frames.OpenedDocument(0, 0, 0, 0, 0)]
        assert not await cus.silence(0.05)


@pytest.mark.parametrize(
    "name", ["", "page", "page/", "../page/plan", "page/plan/../plan", "server/x", "PAGE/plan", "page/计划"]
)
async def test_names_that_are_none(place: Place, name: str) -> None:
    async with wire_device(place.server.url, place.server.token("cus", "customer")) as cus:
        opened = await cus.open(name)
        assert [refusal.code for refusal in opened.refused] == ["invalid"]


async def test_another_tenant_finds_nothing(place: Place) -> None:
    """The same names are other documents there; channels are guessed in vain."""
    server = place.server
    async with (
        wire_device(server.url, server.token("mei", tenant="other")) as stranger,
        wire_device(server.url, server.token("mei"), "here") as mei,
    ):
        await mei.open("page/plan")
        opened = await stranger.open(place.own, "page/plan")
        assert [refusal.code for refusal in opened.refused] == ["not_found"]
        assert opened.documents[1].head == 0
        stranger.channels["guess"] = mei.channels["page/plan"]
        refused = await stranger.refusal("guess", stranger.encode("guess", stranger.record()))
        assert refused.code == "not_open"
        await stranger.send(frames.SetPresence(mei.channels["page/plan"], {"typing": True}))
        await stranger.send(frames.Digest(mei.channels["page/plan"], 1, b"0" * 32))
        assert not [frame for frame in await stranger.silence() if not isinstance(frame, frames.Updates)]
        assert not any(isinstance(frame, frames.Presence) for frame in await mei.silence())


@pytest.mark.parametrize("what", FOREIGN)
async def test_stock_clients_of_a_customer(place: Place, what: str) -> None:
    token = place.server.token("cus", "customer")
    async with connect(f"{place.server.url}/yjs/{FOREIGN[what](place)}?token={token}") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.FORBIDDEN


# --- the REST interface


class Call(NamedTuple):
    """A request that a customer may not make."""

    route: str
    method: str
    path: str
    body: dict[str, Any] | None
    status: HTTPStatus = HTTPStatus.FORBIDDEN


def calls(place: Place) -> list[Call]:
    """One or more for every route that is not public."""
    own, foreign = place.own.split("/")[1], place.foreign.split("/")[1]
    conversation, people = "/v1/conversations/{id}", "/v1/conversations/{id}/participants"
    messages = "/v1/conversations/{id}/messages"
    tickets, ticket, note = "/v1/tickets", "/v1/tickets/{id}", {"type": "note", "text": "hello"}
    all_, wanted = "/v1/conversations", {"subject": "x", "channel": "chat"}
    return [
        Call(all_, "POST", all_, {**wanted, "customer": "eve"}),
        Call(all_, "POST", all_, {**wanted, "id": foreign}, HTTPStatus.CONFLICT),
        Call(conversation, "GET", f"/v1/conversations/{foreign}", None),
        Call(conversation, "GET", "/v1/conversations/no-such-thing", None),
        Call(messages, "GET", f"/v1/conversations/{foreign}/messages", None),
        Call(messages, "POST", f"/v1/conversations/{foreign}/messages", {"type": "text", "text": "hello"}),
        Call(people, "POST", f"/v1/conversations/{foreign}/participants", {"user": "cus", "role": "customer"}),
        Call(people, "POST", f"/v1/conversations/{own}/participants", {"user": "eve", "role": "customer"}),
        Call(people + "/{user}", "DELETE", f"/v1/conversations/{foreign}/participants/eve", None),
        Call(people + "/{user}", "DELETE", f"/v1/conversations/{own}/participants/mei", None),
        Call(all_, "GET", all_, None, HTTPStatus.OK),
        Call(f"{conversation}/seen", "GET", f"/v1/conversations/{foreign}/seen", None),
        Call(f"{conversation}/extraction", "GET", f"/v1/conversations/{own}/extraction", None),
        Call(f"{conversation}/tickets", "POST", f"/v1/conversations/{own}/tickets", {}),
        Call(tickets, "GET", tickets, None, HTTPStatus.OK),
        Call(tickets, "POST", tickets, {"subject": "x"}),
        *(Call(ticket, "GET", f"/v1/tickets/{id_}", None) for id_ in ("theirs", "no-such-thing")),
        *(Call(f"{ticket}/events", "GET", f"/v1/tickets/{id_}/events", None) for id_ in ("theirs", "mine")),
        *(Call(f"{ticket}/events", "POST", f"/v1/tickets/{id_}/events", note) for id_ in ("theirs", "mine")),
        Call(f"{ticket}/claim", "POST", "/v1/tickets/mine/claim", None),
        Call("/v1/inbox", "GET", "/v1/inbox", None, HTTPStatus.OK),
        Call("/v1/inbox/changes", "GET", "/v1/inbox/changes?since=0.0", None, HTTPStatus.OK),
        Call("/v1/search", "GET", "/v1/search?q=hello", None, HTTPStatus.OK),
        Call("/v1/search", "GET", f"/v1/search?q=hello&conversation={foreign}", None, HTTPStatus.OK),
        Call("/v1/configuration", "GET", "/v1/configuration", None),
        Call("/v1/metrics", "GET", "/v1/metrics?from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z", None),
        Call("/v1/users/{user}/sessions", "DELETE", "/v1/users/eve/sessions", None),
        Call("/v1/users/{user}/sessions", "DELETE", "/v1/users/mei/sessions?device=d1", None),
    ]  # fmt: skip


async def test_a_customer_and_every_route(place: Place) -> None:
    """Asking for a conversation under an id that exists changes nothing and gives no right to it."""
    guarded = {(operation.method, operation.path) for operation in OPERATIONS if operation.roles is not None}
    assert guarded == {(call.method, call.route) for call in calls(place)}
    foreign = place.foreign.split("/")[1]
    heads = [segment.rsplit("/", 1)[0] for segment in (place.own, place.foreign)]
    before = [await read_log(place.server, head) for head in heads]
    with rest(place.server, "cus", "customer") as cus, httpx.Client(base_url=place.server.http) as nobody:
        for call in calls(place):
            answer = cus.request(call.method, call.path, json=call.body)
            assert answer.status_code == call.status, (call, answer.text)
            if call.status == HTTPStatus.OK:
                assert not re.search(rf"\beve\b|theirs|{foreign}", answer.text), (call, answer.text)
            anonymous = nobody.request(call.method, call.path, json=call.body)
            assert anonymous.status_code == HTTPStatus.UNAUTHORIZED, call
    assert [await read_log(place.server, head) for head in heads] == before
    async with wire_device(place.server.url, place.server.token("cus", "customer")) as device:
        assert (await device.open(place.foreign)).refused


async def test_what_is_public_names_nobody(place: Place) -> None:
    with httpx.Client(base_url=place.server.http) as nobody:
        for path in PUBLIC:
            answer = nobody.get(path)
            assert answer.status_code == HTTPStatus.OK
            assert not re.search(r"\bcus\b|\beve\b|\bmei\b|page/|user/", answer.text)


# --- forging


class Forger(NamedTuple):
    """A customer's device in its own conversation, with one record of its own and one of an agent's there."""

    wire: WireDevice
    segment: str
    own: dict[str, Any]
    others: dict[str, Any]
    stolen: int
    """The lease of another device."""
    log: list[bytes]

    def encode(self, **changes: Any) -> bytes:
        """A new record, changed as told."""
        return self.struct(self.wire.record(**changes))

    def struct(self, value: dict[str, Any], *, client: int = 0, clock: int = 1, root: str = "messages") -> bytes:
        """A record as an update, at the device's next clock unless told otherwise."""
        return encode_records([RecordStruct(client or self.wire.welcome.client, clock, root, value["id"], value)])

    def with_engine(self, change: Callable[["pycrdt.Map[Any]"], None]) -> bytes:
        """What a stock editor on the segment's content would send for `change`."""
        editor = pycrdt.Doc[Any](client_id=self.wire.welcome.client)
        for payload in self.log:
            editor.apply_update(payload)
        before = editor.get_state()
        change(editor.get("messages", type=pycrdt.Map))
        return editor.get_update(before)


def overwrite(messages: "pycrdt.Map[Any]") -> None:
    """Put something else under a key that is there."""
    key = next(iter(messages.to_py() or {}))
    messages[key] = {**messages[key], "text": "EVIL"}


def delete(messages: "pycrdt.Map[Any]") -> None:
    """Delete a key."""
    del messages[next(iter(messages.to_py() or {}))]


def about(forger: Forger, type_: str, **fields: Any) -> bytes:
    """A record about the agent's message."""
    record = forger.wire.record()
    del record["text"]
    return forger.struct({**record, "type": type_, "message": forger.others["id"], **fields})


FORGERIES: dict[str, tuple[str, Callable[[Forger], bytes]]] = {
    "author": ("forbidden", lambda it: it.encode(by="mei")),
    "the server as author": ("forbidden", lambda it: it.encode(by="server")),
    "device": ("forbidden", lambda it: it.encode(device="another")),
    "client id of another device": ("not_yours", lambda it: it.struct(it.wire.record(), client=it.stolen, clock=1)),
    "client id of nobody": ("not_yours", lambda it: it.struct(it.wire.record(), client=2**41 + 7, clock=0)),
    "small client id": ("not_yours", lambda it: it.struct(it.wire.record(), client=1, clock=0)),
    "own record written again": ("invalid", lambda it: it.struct({**it.own, "text": "changed"})),
    "record of others written again": ("invalid", lambda it: it.struct({**it.others, "text": "changed"})),
    "record of others under one's own name": (
        "invalid", lambda it: it.struct({**it.others, "by": it.own["by"], "device": it.own["device"]})),
    "own clock written again": ("forked", lambda it: it.struct(it.wire.record(), clock=0)),
    "clock left out": ("gap", lambda it: it.struct(it.wire.record(), clock=2)),
    "key that is not the id": ("invalid", lambda it: encode_records(
        [RecordStruct(it.wire.welcome.client, 1, "messages", str(uuid_utils.uuid7()), it.wire.record())])),
    "another root": ("forbidden", lambda it: it.struct(it.wire.record(), root="conversation")),
    "system message": ("forbidden", lambda it: it.encode(type="system")),
    "unknown type": ("invalid", lambda it: it.encode(type="payment")),
    "unknown field": ("invalid", lambda it: it.encode(role="admin")),
    "time far ahead": ("clock_ahead", lambda it: it.encode(at=now_at() + (3_600_000 << 10))),
    "edit of others": ("forbidden", lambda it: about(it, "edit", text="EVIL")),
    "recall of others": ("forbidden", lambda it: about(it, "recall")),
    "overwrite by an engine": ("forbidden", lambda it: it.with_engine(overwrite)),
    "delete by an engine": ("forbidden", lambda it: it.with_engine(delete)),
    "not an update": ("malformed", lambda _: b"\x01\x02\x03"),
}  # fmt: skip


@asynccontextmanager
async def forger_in(place: Place) -> AsyncIterator[Forger]:
    """Every forger has a conversation of their own."""
    segment = new_segment(place.server, "cus")
    server = place.server
    async with (
        wire_device(server.url, server.token("mei"), "desk") as mei,
        wire_device(server.url, server.token("cus", "customer"), f"phone-{segment[-20:-2]}") as cus,
    ):
        await mei.open(segment)
        await cus.open(segment)
        others, own = mei.record("how can I help?"), cus.record("it does not work")
        await mei.update(segment, mei.encode(segment, others))
        await mei.expect(frames.Acks)
        await cus.expect(frames.Updates)
        await cus.update(segment, cus.encode(segment, own))
        await cus.expect(frames.Acks)
        log = await read_log(server, segment)
        assert len(log) == 2
        yield Forger(cus, segment, own, others, mei.welcome.client, log)


@pytest.mark.parametrize("what", FORGERIES)
async def test_forgeries_are_refused_and_leave_no_trace(place: Place, what: str) -> None:
    code, forge = FORGERIES[what]
    async with (
        forger_in(place) as forger,
        wire_device(place.server.url, place.server.token("observer"), "observer") as observer,
    ):
        await observer.open(forger.segment)
        await observer.silence(0.05)
        refused = await forger.wire.refusal(forger.segment, forge(forger))
        assert refused.code == code, refused
        if refused.code == "malformed":
            assert (await forger.wire.closed())[0] == CloseCode.UPDATE_REFUSED
        else:
            forger.wire.clocks[forger.segment] = 1
            assert await forger.wire.say(forger.segment, "an honest one is taken") == 3
            assert (await observer.expect(frames.Updates)).seq == 3
        assert not await observer.silence(0.05)
        log = await read_log(place.server, forger.segment)
        assert log[:2] == forger.log
        assert len(log) == (2 if refused.code == "malformed" else 3)


async def test_the_head_of_ones_own_conversation_is_read_only(place: Place) -> None:
    head = place.own.rsplit("/", 1)[0]
    before = await read_log(place.server, head)
    async with wire_device(place.server.url, place.server.token("cus", "customer"), "reader-of-head") as cus:
        opened = await cus.open(head)
        assert opened.documents[0].access == frames.Access.READ
        record = cus.record(type="participant_added", user="eve", role="customer")
        refused = await cus.refusal(head, cus.encode(head, record, root="conversation"))
        assert refused.code == "forbidden"
    assert await read_log(place.server, head) == before


async def test_an_auditor_reads_and_writes_nothing(place: Place) -> None:
    before = {name: await read_log(place.server, name) for name in (place.own, "page/plan")}
    async with wire_device(place.server.url, place.server.token("ada", "auditor"), "audit") as auditor:
        await auditor.open(*before)
        refused = await auditor.refusal(place.own, auditor.encode(place.own, auditor.record()))
        assert refused.code == "forbidden"
        page = pycrdt.Doc[Any](client_id=auditor.welcome.client)
        page.get("text", type=pycrdt.Text).insert(0, "EVIL")
        assert (await auditor.refusal("page/plan", page.get_update())).code == "forbidden"
    assert {name: await read_log(place.server, name) for name in before} == before


async def test_withdrawn_rights_end_live_sessions(place: Place, tmp_path: Path) -> None:
    """P9: within 5 s, here at once; what is said afterwards does not reach the one who left."""
    server = place.server
    segment = new_segment(server, "cus")
    conversation = segment.split("/")[1]
    async with wire_device(server.url, server.token("cus", "customer"), tmp_path.name[:40]) as cus:
        await cus.open(segment, segment.rsplit("/", 1)[0])
        with rest(server, "mei", "agent") as client:
            gone = client.delete(f"/v1/conversations/{conversation}/participants/cus")
        assert gone.status_code == HTTPStatus.NO_CONTENT
        evictions = [await cus.expect(frames.Evicted), await cus.expect(frames.Evicted)]
        assert {one.code for one in evictions} == {"forbidden"}
        await cus.silence(0.05)
        async with wire_device(server.url, server.token("mei"), "after") as mei:
            await mei.open(segment)
            await mei.say(segment, "now that they are gone")
        assert not await cus.silence(0.1)
        refused = await cus.refusal(segment, cus.encode(segment, cus.record()))
        assert refused.code == "not_open"
        assert (await cus.open(segment)).refused
