"""An author without a connection: writes straight into a document, and remembers what it was answered."""

from typing import Any

import uuid_utils
from support.wire import now_at
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.errors import RefusedUpdate
from syncline_protocol.frames import Access
from syncline_protocol.limits import LEASE_CLIENT_ID_MIN
from syncline_protocol.update import RecordStruct, encode_records
from syncline_server.document import Document


class Recorder:
    """See `relay.Author`. Each has its own client id and writes text messages one after the other."""

    def __init__(self, number: int = 0, *, role: Role = Role.AGENT) -> None:
        self.identity = Identity(tenant="default", user=f"user{number}", device="d1", role=role)
        self.client = LEASE_CLIENT_ID_MIN + number
        self.acks: list[tuple[int, int]] = []
        """(id, seq), as they came."""
        self.refusals: list[tuple[int, RefusedUpdate]] = []
        self._next_id = 1

    def acknowledge(self, channel: int, id: int, seq: int) -> None:  # noqa: A002, ARG002 - the wire's words
        """See `relay.Author`."""
        self.acks.append((id, seq))

    def refuse(self, channel: int, id: int, refusal: RefusedUpdate) -> None:  # noqa: A002, ARG002
        """See `relay.Author`."""
        self.refusals.append((id, refusal))

    def owns(self, client: int) -> bool:
        """Whether the client id is its own."""
        return client == self.client

    def record(self, text: str = "hello", **changes: Any) -> dict[str, Any]:
        """A text message, changed as told."""
        written = {"id": str(uuid_utils.uuid7()), "by": self.identity.user, "device": self.identity.device}
        return {**written, "at": now_at(), "type": "text", "text": text, **changes}

    def payload(self, clock: int, *records: dict[str, Any]) -> bytes:
        """Records as an update from `clock` on."""
        structs = [
            RecordStruct(self.client, clock + step, "messages", one["id"], one) for step, one in enumerate(records)
        ]
        return encode_records(structs)

    def write(self, document: Document, payload: bytes, *, access: Access = Access.APPEND, now_ms: int) -> bool:
        """Have an update admitted; whether it brought anything new. Raises `RefusedUpdate`."""
        number, self._next_id = self._next_id, self._next_id + 1
        return document.admit(payload, self, number, access, self.client, self.owns, now_ms)

    def say(self, document: Document, *texts: str, now_ms: int) -> bool:
        """Have messages admitted as one update, at the clock that is next."""
        assert document.admission is not None
        clock = document.admission.vector.get(self.client, 0)
        return self.write(document, self.payload(clock, *map(self.record, texts)), now_ms=now_ms)
