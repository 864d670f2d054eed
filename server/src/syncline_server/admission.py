"""What an update must pass before anything else sees it.

On the data's way: `session → ADMISSION → log`. No update reaches the log, another device or a CRDT engine unless it
passed here, in this order (`docs/protocol.md`, section 6): shape, ownership, continuity, rules. (Size comes before, in
the session, and so does rate.) An update is admitted whole or refused whole; a refusal leaves the index as it was.

There are two languages. Record documents take new records and nothing else; pages take whatever stock Yjs editors
write.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from syncline_protocol.documents.identity import Identity
from syncline_protocol.documents.record_index import RecordIndex
from syncline_protocol.documents.rules import check_records
from syncline_protocol.documents.text_rules import check_texts
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.frames import Access
from syncline_protocol.names import DocumentKind, DocumentName, Language
from syncline_protocol.update import RecordStruct, ScannedUpdate, scan_records, scan_update
from syncline_protocol.update.content_index import ContentIndex

Owns = Callable[[int], bool]
"""Whether a client id belongs to the writer."""


class Admission(Protocol):
    """One loaded document's admission: its index and the language it takes."""

    @property
    def vector(self) -> dict[int, int]:
        """Next clock by client id, of all that was admitted."""

    @property
    def digest(self) -> bytes | None:
        """Digest of what was admitted, or None where it takes the engine to know (pages)."""

    def admit(self, payload: bytes, identity: Identity, access: Access, owns: Owns, now_ms: int) -> bool:
        """Admit an update; returns whether it brings anything new. Raises `RefusedUpdate`."""

    def encode(self) -> bytes:
        """The index, to be stored beside a snapshot."""


class RecordAdmission:
    """Admission to a document of records."""

    def __init__(self, name: DocumentName, index: RecordIndex) -> None:
        self._name = name
        self.index = index

    @property
    def vector(self) -> dict[int, int]:
        """Next clock by client id."""
        return self.index.vector

    @property
    def digest(self) -> bytes | None:
        """Sum of the hashes of all records."""
        return self.index.digest

    def admit(self, payload: bytes, identity: Identity, access: Access, owns: Owns, now_ms: int) -> bool:
        """See `Admission.admit`."""
        if access < Access.APPEND:
            raise RefusedUpdate(
                RefusalCode.FORBIDDEN, f"{identity.role.value} {identity.user} may only read this document"
            )
        new = self.index.check(scan_records(payload), owns)
        if not new:
            return False
        check_records(identity, self._name, new, self.index, now_ms)
        self.index.integrate(new)
        return True

    def replay(self, payload: bytes) -> Sequence[RecordStruct]:
        """Take an update out of the log into the index: it was admitted once."""
        new = self.index.check(scan_records(payload), _anybody)
        self.index.integrate(new)
        return new

    def encode(self) -> bytes:
        """See `Admission.encode`."""
        return self.index.encode()


class ContentAdmission:
    """Admission to a document of Yjs content: a free-form page, or the texts of a ticket."""

    digest = None

    def __init__(self, name: DocumentName, index: ContentIndex) -> None:
        self._is_texts = name.kind is DocumentKind.TICKET_TEXT
        self.index = index

    @property
    def vector(self) -> dict[int, int]:
        """Next clock by client id."""
        return self.index.vector

    def admit(self, payload: bytes, identity: Identity, access: Access, owns: Owns, now_ms: int) -> bool:  # noqa: ARG002
        """See `Admission.admit`. What comes when is no matter of free-form content, so `now_ms` is not used."""
        update = scan_update(payload)
        if access < Access.WRITE:
            if self._knows(update):  # a stock client that only reads repeats what it was sent
                return False
            raise RefusedUpdate(
                RefusalCode.FORBIDDEN, f"{identity.role.value} {identity.user} may only read this document"
            )
        if self._is_texts:
            check_texts(update)
        return self.index.admit(update, owns=owns)

    def _knows(self, update: ScannedUpdate) -> bool:
        """Whether the update brings nothing new."""
        vector, deleted = self.index.state.vector, self.index.state.deleted
        return all(section.end <= vector.get(section.client, 0) for section in update.sections) and all(
            client in deleted and all(deleted[client].covers(start, end) for start, end in ranges)
            for client, ranges in update.deletes.items()
        )

    def replay(self, payload: bytes) -> None:
        """Take an update out of the log into the index: it was admitted once."""
        self.index.admit(scan_update(payload), owns=_anybody)

    def encode(self) -> bytes:
        """See `Admission.encode`."""
        return self.index.encode()


def _anybody(_: int) -> bool:
    return True


def empty(name: DocumentName) -> "RecordAdmission | ContentAdmission":
    """Admission to a document that holds nothing yet."""
    if name.language is Language.RECORDS:
        return RecordAdmission(name, RecordIndex())
    return ContentAdmission(name, ContentIndex())


def restore(name: DocumentName, index: bytes) -> "RecordAdmission | ContentAdmission":
    """Admission to a document whose index was stored beside its snapshot."""
    if name.language is Language.RECORDS:
        return RecordAdmission(name, RecordIndex.decode(index))
    return ContentAdmission(name, ContentIndex.decode(index))
