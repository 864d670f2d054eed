"""What the projections answer with: frozen values, for whoever asks (REST, the server's own actor).

Positions and cursors are opaque texts: they are given out here and taken back here, and mean nothing in between.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

OPEN: Final = "open"
"""In place of a status: every ticket that is not resolved, closed, cancelled or merged."""


class InvalidQuery(Exception):
    """What was asked for makes no sense (an unknown view, a cursor of somebody else's making); the text says what."""


class UnknownPlace(InvalidQuery):
    """A cursor or position that was not given out here."""


class View(StrEnum):
    """Which conversations an inbox shows."""

    ALL = "all"
    """Everything the user may see."""

    MINE = "mine"
    """Those with a ticket that is assigned to the user."""

    UNREAD = "unread"
    """Those with messages that the user has not read."""

    GROUP = "group"
    """Those with a ticket in the group asked for, or in any of the user's groups."""


class InboxTicket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ticket in a row of an inbox. A customer is shown their own, with the status as customers see it and no more."""

    id: str
    number: int | None = None
    subject: str | None = None
    status: str
    priority: str | None = None
    assignee: str | None = None
    group: str | None = None


class LastMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The newest message of a conversation. `text` is its beginning, in one line; none if it was taken back."""

    id: str
    at: int
    by: str
    type: str
    text: str | None = None


class InboxRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A conversation as an inbox lists it. `at`: the stamp it is sorted by; `unread`: messages, for the user asking."""

    conversation: str
    at: int
    subject: str | None = None
    channel: str | None = None
    language: str | None = None
    customer: str | None = None
    closed: bool = False
    messages: int = 0
    last: LastMessage | None = None
    unread: int = 0
    tickets: tuple[InboxTicket, ...] = ()


class InboxPage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A window of an inbox, the most recent first.

    `next`: the cursor of the next page, None behind the last. `position`: from where `inbox_changes` goes on.
    """

    rows: tuple[InboxRow, ...]
    next: str | None = None
    position: str


class InboxChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changed in an inbox since a position: rows as they are now, conversations that are not in it any more.

    `position`: from where to go on; with `more`, at once. `stale`: the position is of another time: read the inbox
    anew.
    """

    rows: tuple[InboxRow, ...] = ()
    removed: tuple[str, ...] = ()
    position: str
    more: bool = False
    stale: bool = False


class Seen(NamedTuple):
    """Somebody has read a conversation up to `message`, stamped `up_to`."""

    user: str
    up_to: int
    message: str


class Hit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message or ticket that was found. `spans`: where in `excerpt` the matches are, in code points, end exclusive.

    `id` is the message's or the ticket's; `at` and `by` are of the message, or of the ticket's opening.
    """

    kind: str
    id: str
    at: int
    by: str
    excerpt: str
    spans: tuple[tuple[int, int], ...] = ()
    conversation: str | None = None
    segment: int | None = None
    number: int | None = None


class SearchPage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Hits, the newest first. `next`: the cursor of the next page; a page may be short, or empty, and have one."""

    hits: tuple[Hit, ...]
    next: str | None = None


class Projected(NamedTuple):
    """What one transaction brought: tickets and conversations that the server has to look at, as (tenant, id).

    `changes`: by tenant, the number of the last change of its inboxes. `erased`: whether something was taken out that
    is still in the search index.
    """

    tickets: Sequence[tuple[str, str]]
    conversations: Sequence[tuple[str, str]]
    changes: Mapping[str, int]
    erased: bool


class Dirty(NamedTuple):
    """A ticket or conversation (`kind`) that has changed and was not looked at since. `mark` grows with each change."""

    tenant: str
    kind: str
    id: str
    mark: int
