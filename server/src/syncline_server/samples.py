"""Loading sample dialogues into a store, so that a first start has something to show.

The format is `samples/README.md`'s. Dialogues are written through the same admission and log as everything else, each
message by its own author, and a ticket is opened out of each. What is there already stays as it is.
"""

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import structlog
from syncline_protocol.dialogues import Dialogue, read_dialogues
from syncline_protocol.documents.derived import named_id
from syncline_protocol.documents.identity import PROGRAMS, Identity, Role
from syncline_protocol.documents.messages import reduce_messages
from syncline_protocol.documents.schema import MESSAGES
from syncline_protocol.documents.suggestion import said_in, suggested_opening
from syncline_protocol.extraction import extract

from syncline_server import clock
from syncline_server.auth import Authority, read_secret
from syncline_server.conversations import segment_name
from syncline_server.document import Document
from syncline_server.hub import Hub
from syncline_server.settings import Settings
from syncline_server.storage.record_reading import read_records

TENANT: Final = "default"
DEVICE: Final = "samples"
SHOWN_TOKEN_S: Final = 7 * 86_400
NAMES: Final = {"zh": "中文", "en": "English"}


def read(path: Path) -> list[Dialogue]:
    """The dialogues in `path`. Raises `OSError`, or `ValueError` when it is not such a file."""
    try:
        return list(read_dialogues(path.read_bytes()))
    except ValueError as error:
        raise ValueError(f"{path} is not a file of dialogues: {error}") from error


async def load(hub: Hub, dialogues: list[Dialogue]) -> int:
    """Write what is not there yet of the dialogues, and open a ticket for each; returns for how many that was so."""
    return sum([await _load(hub, dialogue) for dialogue in dialogues])


async def _load(hub: Hub, dialogue: Dialogue) -> bool:
    """Write what is missing of a dialogue, from wherever an earlier start was interrupted; whether anything was."""
    people = {user: _identity(user, role) for user, role in dialogue.participants.items()}
    staff = next((one for one in people.values() if one.role is not Role.CUSTOMER), _identity("agent", Role.AGENT))
    customer = next((one.user for one in people.values() if one.role is Role.CUSTOMER), None)
    await hub.conversations.create(
        staff, subject=dialogue.subject, channel="chat", language=dialogue.language, customer=customer, id=dialogue.id
    )
    document = await hub.find_named(TENANT, segment_name(dialogue.id, 1))
    try:
        was_missing = await _write(hub, document, dialogue, people)
    finally:
        hub.unpin(document)
    if await hub.tickets.state(TENANT, ticket_of(dialogue)) is not None:
        return was_missing
    await _open_ticket(hub, dialogue, staff)
    return True


async def _write(hub: Hub, document: Document, dialogue: Dialogue, people: Mapping[str, Identity]) -> bool:
    """Write the messages that are not there; whether there were any. A message's id is made of its place."""
    _, there = await read_records(hub.store, document.number)
    written = 0
    last_at = 0
    for place, message in enumerate(dialogue.messages):
        id_ = named_id(f"{dialogue.id}/{place}")
        value = there.get((MESSAGES, id_))
        if value is None:
            record: dict[str, Any] = {"type": "text", "text": message.text, "id": id_}
            record |= {"auto": True} if people[message.by].role in PROGRAMS else {}
            author = hub.actors.of(people[message.by])
            (value,) = await author.write(document, MESSAGES, [record], observed=last_at)
            written += 1
        last_at = value["at"]
    return written > 0


async def _open_ticket(hub: Hub, dialogue: Dialogue, staff: Identity) -> None:
    head = await hub.conversations.head(TENANT, dialogue.id)
    document = await hub.find_named(TENANT, segment_name(dialogue.id, 1))
    try:
        _, records = await read_records(hub.store, document.number)
    finally:
        hub.unpin(document)
    assert head is not None
    messages = reduce_messages(records.values())
    extraction = extract(said_in(head, messages), hub.configuration.current.rules)
    opening = suggested_opening(dialogue.id, head, messages, extraction, via="agent")
    await hub.tickets.create(staff, opening, id=ticket_of(dialogue))


def ticket_of(dialogue: Dialogue) -> str:
    """The id of the ticket that is opened for a dialogue."""
    return f"sample-{dialogue.id}"


def _identity(user: str, role: Role) -> Identity:
    return Identity(tenant=TENANT, user=user, device=DEVICE, role=role)


def loader(dialogues: list[Dialogue], settings: Settings) -> Callable[[Hub], Awaitable[None]]:
    """What `syncline serve --samples` does once the server runs: load, and say how to join in."""

    async def start(hub: Hub) -> None:
        began = time.monotonic()
        written = await load(hub, dialogues)
        structlog.get_logger().info("samples.loaded", conversations=written, seconds=round(time.monotonic() - began, 2))
        print(_welcome(settings, dialogues), flush=True)  # noqa: T201 - what a person who typed `make run` waits for

    return start


def _welcome(settings: Settings, dialogues: list[Dialogue]) -> str:
    shown = next((one for one in dialogues if one.language == "zh"), dialogues[0])
    customer = next(user for user, role in shown.participants.items() if role is Role.CUSTOMER)
    authority = Authority(read_secret(settings.data))
    now_ms = clock.now_ms()
    server = f"--url http://{settings.host}:{settings.port}"
    commands = {
        "customer": [f"chat {shown.id}"],
        "agent": [f"chat {shown.id}", "inbox", f"ticket show {ticket_of(shown)}"],
    }
    lines = [f"\nSyncline serves {len(dialogues)} conversations on http://{settings.host}:{settings.port}\n"]
    lines += [
        f"  {one.id:<28} {NAMES.get(one.language, one.language):<8} {json.dumps(one.subject, ensure_ascii=False)}"
        for one in dialogues
    ]
    for user, role in ((customer, "customer"), ("agent.mei", "agent")):
        text = authority.issue(tenant=TENANT, user=user, role=role, now_ms=now_ms, ttl_s=SHOWN_TOKEN_S)
        lines.append(f"\nAs {role} {user}, in another terminal:\n  export SYNCLINE_TOKEN={text}")
        lines += [f"  .venv/bin/syncline {command} {server}" for command in commands[role]]
    return "\n".join(lines) + "\n"
