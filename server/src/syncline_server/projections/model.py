"""What the projections answer with: frozen values, for whoever asks (REST, the server's own actor).

Positions and cursors are opaque texts: they are given out here and taken back here, and mean nothing in between.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

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


class Seen(NamedTuple):
    """Somebody has read a conversation up to `message`, stamped `up_to`."""

    user: str
    up_to: int
    message: str


class Projected(NamedTuple):
    """What one transaction brought: tickets, conversations and users that the server has to look at, as (tenant, id).

    `changes`: by tenant, the number of the last change of its inboxes. `erased`: whether something was taken out that
    is still in the search index.
    """

    tickets: Sequence[tuple[str, str]]
    conversations: Sequence[tuple[str, str]]
    users: Sequence[tuple[str, str]]
    changes: Mapping[str, int]
    erased: bool

    @property
    def is_to_be_looked_at(self) -> bool:
        """Whether the server's own actor has something to do."""
        return bool(self.tickets or self.conversations or self.users)


class Dirty(NamedTuple):
    """A ticket, conversation or user (`kind`) that has changed and was not looked at since. `mark` grows with each
    change.
    """

    tenant: str
    kind: str
    id: str
    mark: int
