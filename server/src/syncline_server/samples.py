"""Loading sample dialogues into an empty store, so that a first start has something to show.

The format is `samples/README.md`'s. Dialogues are written through the same admission and log as everything else, each
message by its own author.
"""

import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog
from syncline_protocol.dialogues import Dialogue, read_dialogues
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.names import parse_name

from syncline_server import clock
from syncline_server.actor import Actor
from syncline_server.auth import Authority, read_secret
from syncline_server.conversations import segment_name
from syncline_server.hub import Hub
from syncline_server.settings import Settings
from syncline_server.storage.interface import DocumentKey

__all__ = ["DEVICE", "TENANT", "Dialogue", "load", "loader", "read"]

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
    """Write the dialogues that are not there yet; returns how many those are."""
    written = 0
    for dialogue in dialogues:
        if await hub.conversations.head(TENANT, dialogue.id) is None:
            await _write(hub, dialogue)
            written += 1
    return written


async def _write(hub: Hub, dialogue: Dialogue) -> None:
    people = {user: _identity(user, role) for user, role in dialogue.participants.items()}
    staff = next((one for one in people.values() if one.role is not Role.CUSTOMER), _identity("agent", Role.AGENT))
    customer = next((one.user for one in people.values() if one.role is Role.CUSTOMER), None)
    await hub.conversations.create(
        staff, subject=dialogue.subject, channel="chat", language=dialogue.language, customer=customer, id=dialogue.id
    )
    name = segment_name(dialogue.id, 1)
    document = await hub.find(DocumentKey(TENANT, name), parse_name(name), create=False)
    authors = {user: Actor(hub, identity) for user, identity in people.items()}
    try:
        for message in dialogue.messages:
            await authors[message.by].write(document, "messages", [{"type": "text", "text": message.text}])
    finally:
        hub.unpin(document)


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
    command = f".venv/bin/syncline chat {shown.id} --url http://{settings.host}:{settings.port}"
    lines = [f"\nSyncline serves {len(dialogues)} conversations on http://{settings.host}:{settings.port}\n"]
    lines += [
        f"  {one.id:<28} {NAMES.get(one.language, one.language):<8} {json.dumps(one.subject, ensure_ascii=False)}"
        for one in dialogues
    ]
    for user, role in ((customer, "customer"), ("agent.mei", "agent")):
        text = authority.issue(tenant=TENANT, user=user, role=role, now_ms=now_ms, ttl_s=SHOWN_TOKEN_S)
        lines.append(f"\nJoin as {role} {user}, in another terminal:\n  SYNCLINE_TOKEN={text} \\\n    {command}")
    return "\n".join(lines) + "\n"
