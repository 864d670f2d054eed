"""The server as an author: it writes records as a device does, under a lease of its own, and waits until they are
durable.

Beside the data's way, entering it where sessions do: `ACTOR → document (admission) → log → relay`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import uuid_utils
from syncline_protocol.clock import HybridClock
from syncline_protocol.documents.identity import SERVER_USER
from syncline_protocol.documents.rules import Identity, Role
from syncline_protocol.errors import RefusedUpdate
from syncline_protocol.frames import Access
from syncline_protocol.update import RecordStruct, encode_records

from syncline_server.document import Document

if TYPE_CHECKING:
    from syncline_server.hub import Hub

SERVER: Final = Identity(tenant="", user=SERVER_USER, device=SERVER_USER, role=Role.SERVER)


class Actor:
    """An author within the server."""

    def __init__(self, hub: "Hub", identity: Identity) -> None:
        self._hub = hub
        self.identity = identity
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._next_id = 1
        self._clock = HybridClock()

    async def write(self, document: Document, root: str, values: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Write records (`type` and their own fields given) into `document`; returns them whole, once durable.

        Raises `RefusedUpdate`.
        """
        client = await self._hub.lease(self.identity, 0)
        await self._hub.load_index(document)
        admission = document.admission
        clock = admission.vector.get(client, 0) if admission is not None else 0
        records = [self._record(value) for value in values]
        structs = [RecordStruct(client, clock + step, root, one["id"], one) for step, one in enumerate(records)]
        number, self._next_id = self._next_id, self._next_id + 1
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            payload = encode_records(structs)
            document.admit(payload, self, number, Access.APPEND, client, lambda one: one == client, self._hub.now_ms())
            await waiting
        finally:
            self._waiting.pop(number, None)
        return records

    def _record(self, value: Mapping[str, Any]) -> dict[str, Any]:
        self._clock = self._clock.tick(self._hub.now_ms())
        identity = self.identity
        written = {"id": str(uuid_utils.uuid7()), "by": identity.user, "device": identity.device, "at": self._clock.at}
        return written | dict(value)

    def acknowledge(self, channel: int, id: int, seq: int) -> None:  # noqa: A002, ARG002 - the wire's word; one waits by id
        """The records are durable."""
        waiting = self._waiting.get(id)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def refuse(self, channel: int, id: int, refusal: RefusedUpdate) -> None:  # noqa: A002, ARG002
        """The records were not stored."""
        waiting = self._waiting.get(id)
        if waiting is not None and not waiting.done():
            waiting.set_exception(refusal)
