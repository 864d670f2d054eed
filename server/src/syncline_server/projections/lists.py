"""The lists that a conversation stands in: what inboxes are windows of, and what says who may see it.

A list is named by what its conversations have in common: `all`; `person`, `assignee`, `watcher` and `unread` with a
user; `team` with a group. Each is there a second time for every status of a ticket in it, and for `open`. So every
window that may be asked for is a stretch of one index, or of a few. A list belongs to a tenant.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from syncline_protocol.documents.access import ALL_TICKETS
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.documents.ticket_records import TicketStatus

from syncline_server.projections.model import OPEN, InvalidQuery, View
from syncline_server.projections.tickets import ENDED
from syncline_server.projections.writing import Linked

SEES_ALL: Final = ALL_TICKETS | {Role.AUDITOR, Role.SERVER}

STATUSES: Final = frozenset({OPEN, *(status.value for status in TicketStatus)})

EVERYTHING: Final = "all"
PERSON: Final = "person"
ASSIGNEE: Final = "assignee"
WATCHER: Final = "watcher"
TEAM: Final = "team"
UNREAD: Final = "unread"


class Window(NamedTuple):
    """The lists to read for an inbox; `within`: only conversations in one of these (None: any)."""

    lists: tuple[str, ...]
    within: tuple[str, ...] | None


def name(kind: str, whose: str = "", *, status: str = "") -> str:
    """The name of a list. Neither kinds nor statuses have a slash; whoever's it is comes last."""
    return f"{status}/{kind}/{whose}"


def standing(people: Iterable[str], unread: Iterable[str], tickets: Iterable[Linked]) -> set[str]:
    """The lists of a conversation: who takes part, who has unread messages, its tickets."""
    common = [name(EVERYTHING), *(name(PERSON, user) for user in people), *(name(UNREAD, user) for user in unread)]
    lists = set(common)
    for ticket in tickets:
        own = list(_of_ticket(ticket))
        lists.update(own)
        for status in _statuses(ticket.status):
            lists.update(status + one for one in (*common, *own))
    return lists


def window(identity: Identity, view: View, group: str | None, status: str | None) -> Window:
    """What to read for this inbox of `identity`. Raises `InvalidQuery`."""
    if status is not None and status not in STATUSES:
        raise InvalidQuery(f"there is no status {status!r}: it is one of {', '.join(sorted(STATUSES))}")
    if status is not None and identity.role is Role.CUSTOMER:
        raise InvalidQuery("a customer's inbox is not narrowed by the status that the staff sees")
    if group is not None and view != View.GROUP:
        raise InvalidQuery("a group is asked for with the view `group`")
    visible = visible_lists(identity)
    match view:
        case View.ALL:
            lists = (name(EVERYTHING),) if visible is None else visible
        case View.MINE:
            lists = (name(ASSIGNEE, identity.user),)
        case View.UNREAD:
            lists = (name(UNREAD, identity.user),)
        case View.GROUP:
            lists = tuple(name(TEAM, one) for one in ([group] if group is not None else sorted(identity.groups)))
    within = None if visible is None or set(lists) <= set(visible) else visible
    return Window(tuple((status or "") + one for one in lists), within)


def visible_lists(identity: Identity) -> tuple[str, ...] | None:
    """The lists whose conversations `identity` may open; None: all of the tenant."""
    if identity.role in SEES_ALL:
        return None
    own = (name(PERSON, identity.user),)
    if identity.role is not Role.TECHNICIAN:
        return own
    works_on = (name(ASSIGNEE, identity.user), name(WATCHER, identity.user))
    return (*own, *works_on, *(name(TEAM, group) for group in sorted(identity.groups)))


def _of_ticket(ticket: Linked) -> Iterator[str]:
    if ticket.assignee is not None:
        yield name(ASSIGNEE, ticket.assignee)
    if ticket.team is not None:
        yield name(TEAM, ticket.team)
    for user in ticket.watchers:
        yield name(WATCHER, user)


def _statuses(status: str) -> tuple[str, ...]:
    return (status,) if status in ENDED else (status, OPEN)
