"""Loads dialogues into a server as devices write them: each message by its own author, acknowledged before it counts.

Loading twice loads once: a message's id is made of the dialogue's id and the message's place, so what is there already
is recognised.
"""

import asyncio
import hashlib
import uuid
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import httpx
from syncline_protocol.clock import at_from_ms
from syncline_protocol.documents.identity import PROGRAMS
from syncline_protocol.documents.schema import MESSAGES

from syncline_client.client import Device
from syncline_client.dialogues import CUSTOMER, Dialogue
from syncline_client.replica import now_ms
from syncline_client.rest import http_url

DIALOGUES_AT_ONCE: Final = 8
"""Each has a connection for each of its people; more only wait for each other at the server's log."""

TURN_MS: Final = 1_000
"""Between two messages. The collections have no times: the last message is given the present."""

CHANNEL: Final = "chat"

TokenFor = Callable[[str, str], str]
"""Gives a token for a user and role."""


class LoadError(Exception):
    """The server did not take a dialogue; the text says which and why."""


class Loaded(NamedTuple):
    """What came of one dialogue: how many messages are durable, and why others were refused."""

    dialogue: str
    messages: int
    refused: tuple[str, ...]


async def load_dialogues(
    dialogues: Sequence[Dialogue], url: str, token_for: TokenFor, *, on_loaded: Callable[[Loaded], None]
) -> None:
    """Load all of them, several at a time. Raises `LoadError`, `DeviceStopped`, and what `token_for` raises."""
    turn = asyncio.Semaphore(DIALOGUES_AT_ONCE)

    async def load_one(dialogue: Dialogue) -> None:
        async with turn:
            on_loaded(await load(dialogue, url, token_for, http))

    async with httpx.AsyncClient(base_url=http_url(url)) as http, asyncio.TaskGroup() as tasks:
        for dialogue in dialogues:
            tasks.create_task(load_one(dialogue))


async def load(dialogue: Dialogue, url: str, token_for: TokenFor, http: httpx.AsyncClient) -> Loaded:
    """Create the conversation if it is not there, and let everybody say their part."""
    await _create(dialogue, token_for, http)
    begin_ms = now_ms() - TURN_MS * len(dialogue.turns)
    records: dict[str, list[dict[str, Any]]] = {}
    for place, turn in enumerate(dialogue.turns):
        at = at_from_ms(begin_ms + place * TURN_MS)
        record = {"type": "text", "text": turn.text, "id": message_id(dialogue.id, place), "at": at}
        record |= {"auto": True} if dialogue.participants[turn.by] in PROGRAMS else {}
        records.setdefault(turn.by, []).append(record)
    refused = await asyncio.gather(*(_speak(dialogue, user, said, url, token_for) for user, said in records.items()))
    reasons = tuple(reason for reasons in refused for reason in reasons)
    return Loaded(dialogue.id, len(dialogue.turns) - len(reasons), reasons)


async def _create(dialogue: Dialogue, token_for: TokenFor, http: httpx.AsyncClient) -> None:
    customer = next((user for user, role in dialogue.participants.items() if role == CUSTOMER), None)
    creator, role = next(
        ((user, role) for user, role in dialogue.participants.items() if role != CUSTOMER), (customer, CUSTOMER)
    )
    if creator is None:
        raise LoadError(f"{dialogue.id}: nobody takes part")
    body = {
        "id": dialogue.id,
        "subject": dialogue.subject,
        "channel": CHANNEL,
        "language": dialogue.language,
        "customer": customer,
    }
    headers = {"Authorization": f"Bearer {token_for(creator, role)}"}
    try:
        answer = await http.post("/v1/conversations", json=body, headers=headers)
    except httpx.HTTPError as error:
        raise LoadError(f"no server at {http.base_url}: {error}") from error
    if answer.status_code == HTTPStatus.CONFLICT:
        return  # it is somebody else's: what is said in it is refused, with the reason
    if not answer.is_success:
        raise LoadError(f"{dialogue.id}: the server answered {answer.status_code}: {answer.text}")


async def _speak(
    dialogue: Dialogue, user: str, records: Sequence[dict[str, Any]], url: str, token_for: TokenFor
) -> list[str]:
    """Write what one person said, and wait until it is durable; returns why anything was refused."""
    segment = f"conversation/{dialogue.id}/1"
    token = token_for(user, dialogue.participants[user])
    async with Device(url, token=token, device=device_name(dialogue.id)) as device:
        await device.connected()
        await device.write(segment, MESSAGES, records)
        await device.settled()
        return [row.reason for row in device.refused]


def device_name(dialogue: str) -> str:
    """The device on which a dialogue's people speak: one for each, because somebody may speak in several at a time."""
    return f"load-{hashlib.sha256(dialogue.encode()).hexdigest()[:16]}"


def message_id(dialogue: str, place: int) -> str:
    """The id of a dialogue's message: a UUIDv7 by its form (RFC 9562), always the same."""
    digest = hashlib.sha256(f"{dialogue}\0{place}".encode()).digest()
    number = int.from_bytes(digest[:16], "big")
    number = number & ~(0xF << 76) | 7 << 76  # version
    number = number & ~(0x3 << 62) | 2 << 62  # variant
    return str(uuid.UUID(int=number))
