"""What the server lists for people: inboxes, tickets, what a search found, who has read what.

Frozen values, the same on both sides: the projections make them, REST sends them as JSON, a device reads them, passing
over fields that a newer server adds.

Positions and cursors are the server's: texts that are given back as they came, and mean nothing in between. Stamps are
hybrid clock stamps (`clock.py`).
"""

import msgspec


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


class TicketRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ticket in a list. `opened_at` and `updated_at` are stamps. A customer is shown the status as customers see it,
    and nothing of what the staff does with it.
    """

    id: str
    status: str
    opened_at: int
    updated_at: int | None = None
    number: int | None = None
    subject: str | None = None
    issue_type: str | None = None
    language: str | None = None
    priority: str | None = None
    group: str | None = None
    assignee: str | None = None
    conversation: str | None = None
    customer: str | None = None


class TicketPage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tickets, the newest first. `next`: the cursor of the next page, None behind the last."""

    tickets: tuple[TicketRow, ...]
    next: str | None = None


class SeenBy(msgspec.Struct, frozen=True, kw_only=True):
    """`user` has read up to `message`, stamped `up_to`."""

    user: str
    up_to: int
    message: str


class SeenList(msgspec.Struct, frozen=True, kw_only=True):
    """How far everybody has read, by user."""

    seen: tuple[SeenBy, ...]
