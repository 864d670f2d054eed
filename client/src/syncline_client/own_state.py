"""A user's own document in a program's hands: how far each conversation is read, drafts, settings.

First on the device's way, beside the conversations: `HANDLE → replica → outbox → …`. `user/<me>` is on all devices of
its user and on nobody else's. Its records are never deleted, so what changes with every scroll and every keystroke is
noted here first and written together a moment later:

1. A read marker is written only when it moves forward, and at most once in `GATHER_S` for each conversation.
2. A draft is written only when it differs from what is stored, and is stamped with when it was noted: not after the
   message that it has become meanwhile, with which it has to go when that is erased.
3. What is noted shows at once, and is written before the device stops.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from syncline_protocol.documents.fields import Scalar
from syncline_protocol.documents.schema import DRAFTS, READ_MARKERS, SETTINGS
from syncline_protocol.documents.user import ReadPosition, UserState, reduce_user
from syncline_protocol.names import DocumentKind, DocumentName

from syncline_client.connection import Connection
from syncline_client.errors import NeverConnected
from syncline_client.replica import Replica, logger
from syncline_client.store import StoreError

GATHER_S: Final = 0.5
"""From the first thing noted to the write: scrolling through a page of messages becomes one marker."""


class NotedDraft(NamedTuple):
    """What is written and not sent, and when."""

    text: str
    at: int


class OwnState:
    """See the module's text. One for each device; `run` writes what is noted, until it is cancelled."""

    def __init__(self, replica: Replica, connection: Connection) -> None:
        self._replica = replica
        self._connection = connection
        self._read: dict[str, ReadPosition] = {}
        self._drafts: dict[str, NotedDraft] = {}
        self._noted = asyncio.Event()
        self.is_open = False

    @property
    def name(self) -> str:
        """The document's name. Raises `NeverConnected` as long as the device has no user."""
        if not self._replica.identity.user:
            raise NeverConnected
        return DocumentName(DocumentKind.USER, self._replica.identity.user).path

    async def open(self) -> None:
        """Follow the document; the first time it is waited for, while there is a connection. Raises `NeverConnected`,
        `StoreError`.
        """
        document = await self._replica.follow(self.name)  # again, because what was long unused is not followed any more
        if self.is_open:
            return
        self.is_open = True
        if not document.epoch:
            await self._connection.arrival(self.name)

    # --- reading

    @property
    def state(self) -> UserState:
        """What is stored, on this device and as far as it is known on the others."""
        records = self._replica.records
        return reduce_user((root, one) for root in (READ_MARKERS, DRAFTS, SETTINGS) for one in records(self.name, root))

    def read_up_to(self, conversation: str) -> ReadPosition | None:
        """How far the conversation is read; None if not at all."""
        positions = (self.state.read.get(conversation), self._read.get(conversation))
        return max((one for one in positions if one is not None), default=None)

    def draft(self, conversation: str) -> str:
        """What was written in the conversation and not sent; empty if nothing."""
        noted = self._drafts.get(conversation)
        return self.state.drafts.get(conversation, "") if noted is None else noted.text

    def setting(self, name: str) -> Scalar:
        """The setting, None if it has its default."""
        return self.state.settings.get(name)

    # --- writing

    def note_read(self, conversation: str, position: ReadPosition) -> bool:
        """The conversation is read up to here; whether that is further than before."""
        before = self.read_up_to(conversation)
        if before is not None and position <= before:
            return False
        self._read[conversation] = position
        self._noted.set()
        return True

    def note_draft(self, conversation: str, text: str) -> None:
        """This is written and not sent; empty: nothing any more. Raises `NeverConnected`, `EditNotAllowed` (an overlong
        text); then what was noted before stays.
        """
        noted = NotedDraft(text, self._replica.clock.tick(self._replica.now_ms()).at)
        self._replica.check(self.name, DRAFTS, _draft(conversation, noted))
        self._drafts[conversation] = noted
        self._noted.set()

    async def set(self, name: str, value: Scalar) -> None:
        """Change a setting; None takes it back. Raises `NeverConnected`, `EditNotAllowed`, `StoreError`."""
        await self.open()
        await self._replica.write(self.name, SETTINGS, [{"type": "setting", "name": name, "value": value}])

    async def run(self) -> None:
        """Write what is noted, by and by."""
        while True:
            await self._noted.wait()
            await asyncio.sleep(GATHER_S)
            self._noted.clear()
            try:
                await self.flush()
            except StoreError as error:
                logger.error(
                    "read markers and drafts are not stored: %s", error
                )  # noted still, and tried with the next

    async def flush(self) -> None:
        """Write what is noted, now. Raises `StoreError`."""
        if not (self._read or self._drafts):
            return
        stored = self.state
        read, drafts = dict(self._read), dict(self._drafts)
        markers = [
            {"type": "read_marker", "conversation": conversation, "up_to": one.up_to, "message": one.message}
            for conversation, one in read.items()
            if one > stored.read.get(conversation, NOWHERE)
        ]
        changed = [
            _draft(conversation, noted)
            for conversation, noted in drafts.items()
            if noted.text != stored.drafts.get(conversation, "")
        ]
        await self._write(READ_MARKERS, markers)
        self._forget(self._read, read)
        await self._write(DRAFTS, changed)
        self._forget(self._drafts, drafts)

    async def _write(self, root: str, records: list[dict[str, Any]]) -> None:
        if records:
            await self._replica.write(self.name, root, records)

    @staticmethod
    def _forget(noted: dict[str, Any], written: Mapping[str, Any]) -> None:
        for conversation, one in written.items():
            if noted.get(conversation) == one:  # else it has changed while it was written
                del noted[conversation]


def _draft(conversation: str, noted: NotedDraft) -> dict[str, Any]:
    return {"type": "draft", "conversation": conversation, "text": noted.text, "at": noted.at}


NOWHERE: Final = ReadPosition(up_to=-1, message="")
