"""Document names: the paths under which a tenant's documents are known, and what kind each one is.

A device sends a name when it opens a document; from then on the connection's channel number stands for it. A name says
what the document holds and so which language its updates speak, and which rules they must pass.

    conversation/<id>        head of a conversation           records
    conversation/<id>/<n>    segment n of its messages        records
    ticket/<id>              the staff's working copy         records
    ticket/<id>/public       what the customer sees of it     records
    ticket/<id>/text         its texts, written together      content
    user/<id>                one user's own things            records
    page/<id>                free-form Yjs document           content

Parsing is strict, so that two spellings never mean one document: an id is 1 to 128 letters, digits and `._~@:|+-`
(not dots alone), a segment number is from 1 on without leading zeros, and nothing is decoded or normalised.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import NAME_BYTES_MAX

ID_CHARACTERS_MAX: Final = 128
"""Ids of conversations, tickets, pages and users. A subject of an OpenID issuer fits (`auth0|…`, an e-mail address)."""

SEGMENT_NUMBER_MAX: Final = 999_999_999
"""Nine digits: 10^12 messages in one conversation."""

_ID: Final = re.compile(rf"[A-Za-z0-9._~@:|+-]{{1,{ID_CHARACTERS_MAX}}}")
_SEGMENT_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}")
_SHOWN_CHARACTERS_MAX: Final = 80


class Language(StrEnum):
    """What the updates of a document may say (`docs/protocol.md`, section 6)."""

    RECORDS = "records"
    """New records in known root maps, and nothing else."""

    CONTENT = "content"
    """Whatever stock Yjs editors write."""


class DocumentKind(StrEnum):
    """What a document holds."""

    CONVERSATION = "conversation"
    SEGMENT = "segment"
    TICKET = "ticket"
    TICKET_PUBLIC = "ticket_public"
    TICKET_TEXT = "ticket_text"
    USER = "user"
    PAGE = "page"


TICKET_KINDS: Final = frozenset({DocumentKind.TICKET, DocumentKind.TICKET_PUBLIC, DocumentKind.TICKET_TEXT})
"""The documents of a ticket."""


def language(kind: DocumentKind) -> Language:
    """The language of a kind: pages and the texts of tickets hold Yjs content, all others records only."""
    return Language.CONTENT if kind in (DocumentKind.PAGE, DocumentKind.TICKET_TEXT) else Language.RECORDS


@dataclass(frozen=True, slots=True)
class DocumentName:
    """A parsed name. `segment` is 0 unless the kind is SEGMENT."""

    kind: DocumentKind
    id: str
    segment: int = field(default=0, kw_only=True)

    @property
    def language(self) -> Language:
        """The language of its updates."""
        return language(self.kind)

    @property
    def conversation(self) -> str | None:
        """The id of the conversation that it belongs to, or None."""
        return self.id if self.kind in (DocumentKind.CONVERSATION, DocumentKind.SEGMENT) else None

    @property
    def ticket(self) -> str | None:
        """The id of the ticket that it belongs to, or None."""
        return self.id if self.kind in TICKET_KINDS else None

    @property
    def path(self) -> str:
        """The name as it is written."""
        match self.kind:
            case DocumentKind.SEGMENT:
                return f"conversation/{self.id}/{self.segment}"
            case DocumentKind.TICKET_PUBLIC:
                return f"ticket/{self.id}/public"
            case DocumentKind.TICKET_TEXT:
                return f"ticket/{self.id}/text"
            case _:
                return f"{self.kind.value}/{self.id}"


def is_id(text: str) -> bool:
    """Whether `text` may stand as an id in a name."""
    return _ID.fullmatch(text) is not None and text.strip(".") != ""


def parse_name(name: str) -> DocumentName:
    """Read a document's name. Raises `RefusedUpdate` (`invalid`) when it is none."""
    if len(name) > NAME_BYTES_MAX:  # counted in characters: what passes below is ASCII
        raise _invalid(name, f"it is longer than {NAME_BYTES_MAX} bytes")
    parsed = _read(name.split("/"))
    if parsed is None:
        raise _invalid(name, "no kind of document is named so")
    if not is_id(parsed.id):
        raise _invalid(name, f"an id is 1 to {ID_CHARACTERS_MAX} letters, digits and ._~@:|+-, not dots alone")
    return parsed


def _read(parts: list[str]) -> DocumentName | None:
    match parts:
        case ["conversation", conversation]:
            return DocumentName(DocumentKind.CONVERSATION, conversation)
        case ["conversation", conversation, number] if _SEGMENT_NUMBER.fullmatch(number):
            return DocumentName(DocumentKind.SEGMENT, conversation, segment=int(number))
        case ["ticket", ticket]:
            return DocumentName(DocumentKind.TICKET, ticket)
        case ["ticket", ticket, "public"]:
            return DocumentName(DocumentKind.TICKET_PUBLIC, ticket)
        case ["ticket", ticket, "text"]:
            return DocumentName(DocumentKind.TICKET_TEXT, ticket)
        case ["user", user]:
            return DocumentName(DocumentKind.USER, user)
        case ["page", page]:
            return DocumentName(DocumentKind.PAGE, page)
        case _:
            return None


def _invalid(name: str, reason: str) -> RefusedUpdate:
    return RefusedUpdate(RefusalCode.INVALID, f"{name[:_SHOWN_CHARACTERS_MAX]!r} is not a document's name: {reason}")
