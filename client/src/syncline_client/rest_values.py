"""What the REST interface answers, as a device reads it: fields that a newer server adds are passed over.

Positions and cursors are the server's: they are given back as they came, and mean nothing here.
"""

import msgspec


class InboxTicket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ticket in a row of an inbox."""

    id: str
    status: str
    number: int | None = None
    subject: str | None = None
    priority: str | None = None
    assignee: str | None = None
    group: str | None = None


class TicketRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ticket in a list. `opened_at` and `updated_at` are stamps."""

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
    """A window of an inbox, the most recent first. `next`: the cursor of the next page, None behind the last."""

    rows: tuple[InboxRow, ...]
    position: str
    next: str | None = None


class InboxChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changed since a position: rows as they are now, conversations that are not in it any more. `more`: go on at
    once; `stale`: the position is of another time, read the inbox anew.
    """

    position: str
    rows: tuple[InboxRow, ...] = ()
    removed: tuple[str, ...] = ()
    more: bool = False
    stale: bool = False


class Hit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message or ticket (`kind`) that was found. `spans`: where in `excerpt` the matches are, in code points."""

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
    """Hits, the newest first; a page may be short, or empty, and have a `next`."""

    hits: tuple[Hit, ...]
    next: str | None = None


class SeenBy(msgspec.Struct, frozen=True, kw_only=True):
    """`user` has read a conversation up to `message`, stamped `up_to`."""

    user: str
    up_to: int
    message: str


class SeenList(msgspec.Struct, frozen=True, kw_only=True):
    """How far everybody has read, by user."""

    seen: tuple[SeenBy, ...]
