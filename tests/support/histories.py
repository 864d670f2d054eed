"""Documents in a store, as devices and the server would have written them: for tests of what is made of the log.

`Histories` writes into a store and tells what was committed; nothing here goes through admission. `wild` draws a
history of conversations, tickets and read markers from a seed, in an order in which it can happen.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Final

from support.records import NOW_MS, record_id
from syncline_protocol.clock import at_from_ms
from syncline_protocol.documents.erasure import erased
from syncline_protocol.documents.schema import CONVERSATION, EVENTS, MESSAGES, READ_MARKERS
from syncline_protocol.update import RecordStruct, encode_records
from syncline_server.storage.interface import DocumentKey, LogEntry, Snapshot, Store, StoredDocument

TENANT: Final = "acme"
CLIENT: Final = 2**41

Committed = Callable[[DocumentKey, int, int, Sequence[tuple[int, bytes]]], None]
Replaced = Callable[[DocumentKey, int, int], None]
Value = dict[str, Any]


def nobody_hears(*_: object) -> None:
    """Told, and nothing comes of it."""


class Histories:
    """Writes records into the documents of `store`. `committed` and `replaced` hear what `Projections` would."""

    def __init__(
        self,
        store: Store,
        *,
        committed: Committed = nobody_hears,
        replaced: Replaced = nobody_hears,
        tenant: str = TENANT,
    ) -> None:
        self.store = store
        self.tenant = tenant
        self.committed = committed
        self.replaced = replaced
        self.records: dict[str, list[tuple[str, Value]]] = {}
        """What each document holds: roots and values, as they were written."""
        self._documents: dict[str, StoredDocument] = {}
        self._heads: dict[str, int] = {}
        self._count = 0

    def value(self, type_: str, by: str = "ann", **fields: Any) -> Value:
        """A record with an id and a time of its own, each later than the one before."""
        self._count += 1
        written = {"id": record_id(self._count), "by": by, "device": "phone", "at": at_from_ms(NOW_MS) + self._count}
        return written | {"type": type_} | fields

    async def write(self, name: str, root: str, *values: Value) -> list[Value]:
        """Write records as one update."""
        document = await self._document(name)
        held = self.records.setdefault(name, [])
        payload = _encoded([(root, value) for value in values], start=len(held))
        held += [(root, value) for value in values]
        seq = self._heads[name] = self._heads.get(name, 0) + 1
        await self.store.append([LogEntry(document.number, seq, CLIENT, NOW_MS, payload)])
        self.committed(document.key, document.number, document.epoch, [(seq, payload)])
        return list(values)

    async def open(self, conversation: str, *, subject: str = "No wifi", customer: str = "ann", **people: str) -> None:
        """Open a conversation between `customer` and these people with their roles."""
        roles = {customer: "customer"} | people
        await self.write(
            f"conversation/{conversation}",
            CONVERSATION,
            self.value("opened", "server", subject=subject, channel="chat", language="en", customer=customer),
            *(self.value("participant_added", "server", user=user, role=role) for user, role in roles.items()),
            self.value("segment_opened", "server", segment=1),
        )

    async def say(self, conversation: str, text: str, *, by: str = "ann", segment: int = 1, **fields: Any) -> Value:
        """Write a text message."""
        value = self.value("text", by, text=text) | fields
        await self.write(f"conversation/{conversation}/{segment}", MESSAGES, value)
        return value

    async def about(self, conversation: str, type_: str, message: Value, *, by: str = "ann", **fields: Any) -> Value:
        """Write a record about a message of segment 1."""
        value = self.value(type_, by, message=message["id"], **fields)
        await self.write(f"conversation/{conversation}/1", MESSAGES, value)
        return value

    async def read(self, user: str, conversation: str, message: Value) -> None:
        """Write a read marker."""
        marker = self.value("read_marker", user, conversation=conversation, up_to=message["at"], message=message["id"])
        await self.write(f"user/{user}", READ_MARKERS, marker)

    async def ticket(self, ticket: str, type_: str, *, by: str = "mei", **fields: Any) -> Value:
        """Write an event of a ticket, which knows of all before it."""
        known = [value["id"] for _, value in self.records.get(f"ticket/{ticket}", [])]
        value = self.value(type_, by, after=known[-1:], **fields)
        await self.write(f"ticket/{ticket}", EVENTS, value)
        return value

    async def erase(self, name: str, ids: set[str]) -> None:
        """Replace the history of a document by one in which these records are erased, under a new epoch."""
        document = await self._document(name)
        held = [(root, erased(value) if value["id"] in ids else value) for root, value in self.records[name]]
        self.records[name] = held
        head = self._heads[name]
        await self.store.write_snapshot(document.number, Snapshot(head, _encoded(held, start=0), b""), keep_after=head)
        await self.store.renew_epoch(document.number, document.epoch + 1)
        renewed = self._documents[name] = document._replace(epoch=document.epoch + 1)
        self.replaced(renewed.key, renewed.number, renewed.epoch)

    async def _document(self, name: str) -> StoredDocument:
        document = self._documents.get(name)
        if document is None:
            document = self._documents[name] = await self.store.create_document(DocumentKey(self.tenant, name), 7)
        return document


def _encoded(values: Sequence[tuple[str, Mapping[str, Any]]], *, start: int) -> bytes:
    return encode_records(
        [
            RecordStruct(CLIENT, start + step, root, value["id"], dict(value))
            for step, (root, value) in enumerate(values)
        ]
    )


async def wild(histories: Histories, seed: int, *, steps: int = 60) -> None:
    """Let all sorts of things happen."""
    random = Random(seed)
    conversations = ["c1", "c2", "c3"]
    said: dict[str, list[Value]] = {name: [] for name in conversations}
    tickets: list[str] = []
    actions = (
        "say",
        "say",
        "say",
        "say",
        "open",
        "edit",
        "recall",
        "read",
        "read",
        "ticket",
        "ticket",
        "leave",
        "rate",
    )
    for _ in range(steps):
        conversation = random.choice(conversations)
        about = random.choice(said[conversation]) if said[conversation] else None
        by = random.choice(("ann", "bob", "mei", "tom"))
        match random.choice(actions):
            case "say":
                text = random.choice(("WiFi连不上", "hello there", "SN-8842/A1", "在吗"))
                at = at_from_ms(NOW_MS) + random.randrange(1000)
                segment = random.choice((1, 1, 2))
                said[conversation].append(
                    await histories.say(conversation, text, by=by, segment=segment, at=at)
                    if random.random() < 0.9
                    else await _announce(histories, conversation)
                )
            case "open":
                await histories.open(conversation, customer=random.choice(("ann", "bob")), mei="agent")
            case "edit" if about is not None:
                await histories.about(
                    conversation, "edit", about, by=random.choice((about["by"], by)), text=f"not {by}"
                )
            case "recall" if about is not None:
                await histories.about(conversation, random.choice(("recall", "redaction")), about, by="mei")
            case "read" if about is not None:
                await histories.read(by, conversation, about)
            case "ticket":
                await _work(histories, random, tickets, conversation)
            case "leave":
                gone = histories.value("participant_removed", "server", user=by)
                await histories.write(f"conversation/{conversation}", CONVERSATION, gone)
            case "rate" if tickets:
                rating = histories.value("satisfaction", "ann", ticket=random.choice(tickets), score=4)
                await histories.write(f"conversation/{conversation}/1", MESSAGES, rating)
        await _erase_some(histories, random)


async def _announce(histories: Histories, conversation: str) -> Value:
    value = histories.value("system", "server", event="ticket_accepted", text="已受理")
    await histories.write(f"conversation/{conversation}/1", MESSAGES, value)
    return value


async def _work(histories: Histories, random: Random, tickets: list[str], conversation: str) -> None:
    if not tickets or random.random() < 0.2:
        tickets.append(f"t{len(tickets) + 1}")
        await histories.ticket(
            tickets[-1], "opened", subject="Tablet 连不上", conversation=conversation, customer="ann"
        )
        return
    ticket = random.choice(tickets)
    cause = histories.records[f"ticket/{ticket}"][0][1]["id"]
    match random.randrange(6):
        case 0:
            await histories.ticket(ticket, "note", text="replaced the antenna")
        case 1:
            await histories.ticket(
                ticket, "status", status=random.choice(("in_progress", "on_hold", "resolved", "closed"))
            )
        case 2:
            group, user = random.choice(("hardware", "software")), random.choice(("mei", "tom"))
            await histories.ticket(ticket, "assignment", by="server", cause=cause, user=user, group=group)
        case 3:
            await histories.ticket(ticket, "field", name="serial", value=random.choice(("SN-1", "SN-2", None)))
        case 4:
            await histories.ticket(ticket, "link", conversation=random.choice(("c1", "c2", "c3", "c9")))
        case _:
            await histories.ticket(ticket, "priority", priority=random.choice(("low", "urgent")))


async def _erase_some(histories: Histories, random: Random) -> None:
    if histories.records and random.random() < 0.05:
        name = random.choice(list(histories.records))
        values = [value for root, value in histories.records[name] if root in (MESSAGES, EVENTS)]
        if values:
            await histories.erase(name, {random.choice(values)["id"]})
