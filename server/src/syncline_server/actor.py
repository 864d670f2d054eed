"""The server as an author: it writes records as a device does, under a lease of its own, and waits until they are
durable.

Beside the data's way, entering it where sessions do: `ACTOR → document (admission) → log → relay`.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import uuid_utils
from syncline_protocol.clock import HybridClock
from syncline_protocol.documents.identity import SERVER_USER, Identity, Role
from syncline_protocol.errors import RefusedUpdate
from syncline_protocol.frames import Access
from syncline_protocol.update import RecordStruct, encode_records

from syncline_server.admission import RecordAdmission
from syncline_server.document import Document

if TYPE_CHECKING:
    from syncline_server.hub import Hub

ACTORS_MAX: Final = 10_000
"""Authors kept, at some 1 KB each. One that is forgotten goes on under the same lease."""

SERVER: Final = Identity(tenant="", user=SERVER_USER, device=SERVER_USER, role=Role.SERVER)


class Actor:
    """An author within the server."""

    def __init__(self, hub: "Hub", identity: Identity) -> None:
        self._hub = hub
        self.identity = identity
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._next_id = 1
        self._clock = HybridClock()

    async def write(
        self,
        document: Document,
        root: str,
        values: Sequence[Mapping[str, Any]],
        *,
        access: Access = Access.APPEND,
        observed: int = 0,
    ) -> list[dict[str, Any]]:
        """Write records (`type` and their own fields given) into `document`; returns them whole, once durable.

        `observed`: the greatest stamp of what these records rest on; they get greater ones. Raises `RefusedUpdate`.
        """
        client = await self._hub.lease(self.identity, 0)
        await self._hub.load_index(document)
        admission = document.admission
        clock = admission.vector.get(client, 0) if admission is not None else 0
        self._clock = self._clock.observe(observed)
        records = [self._record(value) for value in values]
        structs = [RecordStruct(client, clock + step, root, one["id"], one) for step, one in enumerate(records)]
        number, self._next_id = self._next_id, self._next_id + 1
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            payload = encode_records(structs)
            document.admit(payload, self, number, access, client, lambda one: one == client, self._hub.now_ms())
            await waiting
        finally:
            self._waiting.pop(number, None)
        return records

    async def write_missing(
        self,
        document: Document,
        root: str,
        values: Sequence[Mapping[str, Any]],
        *,
        access: Access = Access.APPEND,
        observed: int = 0,
    ) -> list[dict[str, Any]]:
        """Write those of `values`, which bring their ids, that are not in `document` yet; returns these whole.

        So an effect can be offered as often as one likes and is written once. Raises `RefusedUpdate`.
        """
        await self._hub.load_index(document)
        known = document.admission.index.records if isinstance(document.admission, RecordAdmission) else {}
        missing = [value for value in values if (root, value["id"]) not in known]
        if not missing:
            await document.settled()  # known is not yet durable
            return []
        return await self.write(document, root, missing, access=access, observed=observed)

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


class Actors:
    """The authors within the server: itself, and whoever writes without a device of their own (REST)."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._actors: OrderedDict[Identity, Actor] = OrderedDict()

    @property
    def server(self) -> Actor:
        """The server itself."""
        return self.of(SERVER)

    def of(self, identity: Identity) -> Actor:
        """The one author for `identity`."""
        actor = self._actors.get(identity)
        if actor is None:
            actor = self._actors[identity] = Actor(self._hub, identity)
            if len(self._actors) > ACTORS_MAX:
                self._actors.popitem(last=False)
        self._actors.move_to_end(identity)
        return actor
