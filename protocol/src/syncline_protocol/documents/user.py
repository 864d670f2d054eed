"""A user's own things as their devices read them: how far each conversation is read, drafts, settings.

A pure function of the set of records in `user/<id>`. Read markers only move forward: the greatest (`up_to`, `message`)
holds, whichever device wrote it and when. Of drafts and settings the one with the greatest (`at`, `id`) holds; an
erased draft is none.

A draft that was sent says what the message says. So when a message is erased, its author's drafts for the conversation
go too: those not stamped after it. A later one is of something else, and stays.

What is unread follows from the read position and the messages, and so is the same on every device and on the server.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from syncline_protocol.documents.fields import Record, Scalar
from syncline_protocol.documents.message_records import SystemMessage
from syncline_protocol.documents.messages import Message
from syncline_protocol.documents.schema import DRAFTS, read_record
from syncline_protocol.documents.user_records import Draft, ReadMarker, Setting

SYSTEM: Final = SystemMessage.__struct_config__.tag
DRAFT: Final = Draft.__struct_config__.tag
NEVER: Final = -1
"""Before every stamp."""


class ReadPosition(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Read up to and including `message`, stamped `up_to`."""

    up_to: int
    message: str


class UserState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Read positions and drafts by conversation, settings by name. Empty drafts and settings of null are left out."""

    read: Mapping[str, ReadPosition] = {}
    drafts: Mapping[str, str] = {}
    settings: Mapping[str, Scalar] = {}


def reduce_user(records: Iterable[tuple[str, Mapping[str, Any]]]) -> UserState:
    """The state that these records, given with their roots, make, in whatever order, each once or often.

    Raises `ValueError` when one of them is malformed; those of unknown roots and types count for nothing.
    """
    known = [record for root, value in records if (record := read_record(root, value)) is not None]
    read: dict[str, ReadPosition] = {}
    drafts: dict[str, str] = {}
    settings: dict[str, Scalar] = {}
    for record in sorted(known, key=_order):
        match record:
            case ReadMarker():
                position = ReadPosition(up_to=record.up_to, message=record.message)
                read[record.conversation] = max(position, read.get(record.conversation, position))
            case Draft():
                drafts[record.conversation] = record.text
            case Setting():
                settings[record.name] = record.value
    return UserState(
        read=dict(sorted(read.items())),
        drafts={conversation: text for conversation, text in sorted(drafts.items()) if text},
        settings={name: value for name, value in sorted(settings.items()) if value is not None},
    )


def drafts_to_erase(records: Iterable[tuple[str, Mapping[str, Any]]], erased: Mapping[str, int]) -> list[str]:
    """The ids of the drafts among these records, given with their roots, that go with what was erased, in their order.

    `erased`: by conversation, the greatest stamp of an erased message of the user's.
    """
    drafts = (value for root, value in records if root == DRAFTS and value["type"] == DRAFT)
    return sorted(value["id"] for value in drafts if value["at"] <= erased.get(value["conversation"], NEVER))


def unread_count(messages: Iterable[Message], position: ReadPosition | None, user: str) -> int:
    """How many of these messages `user` has still to read: those beyond the position (None: nothing is read) that
    somebody else wrote. What the server says of itself, what was taken back and what was erased is nothing to read.
    """
    read = (-1, "") if position is None else (position.up_to, position.message)
    return sum(
        (message.at, message.id) > read
        and message.by != user
        and message.type != SYSTEM
        and message.recalled_by is None
        and not message.redacted
        for message in messages
    )


def _order(record: Record) -> tuple[int, str]:
    return (record.at, record.id)
