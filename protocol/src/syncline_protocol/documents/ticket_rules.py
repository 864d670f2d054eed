"""Who may write which event of a ticket: part of `rules.py`, for the root `events`.

An event is checked by itself and against what the ticket's index knows: whether the ticket was opened, and whether an
event that it names is there. What crossing events come to is no matter of rights: `ticket.py` says it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from syncline_protocol.documents.identity import STAFF, Identity, Role
from syncline_protocol.documents.refusing import refuse
from syncline_protocol.documents.schema import EVENTS
from syncline_protocol.documents.ticket_records import (
    ChecklistMark,
    EventRedaction,
    TicketEvent,
    TicketOpened,
    Unlink,
    Unmerge,
)
from syncline_protocol.errors import RefusalCode
from syncline_protocol.limits import EVENTS_PER_TICKET_MAX

if TYPE_CHECKING:
    from syncline_protocol.documents.record_index import RecordIndex

SUPERVISING: Final = frozenset({Role.SUPERVISOR, Role.ADMIN})
"""Who takes back and erases what others wrote."""

PERSONS: Final = frozenset({Role.AGENT, Role.TECHNICIAN, Role.SUPERVISOR, Role.ADMIN})
"""Who takes a ticket on: neither a bot nor an integration."""

MERGING: Final = STAFF - {Role.TECHNICIAN, Role.BOT}

_SERVER: Final = frozenset({Role.SERVER})

ROLES: Final[Mapping[str, frozenset[Role]]] = MappingProxyType(
    {
        "claim": PERSONS,
        "merge": MERGING,
        "unmerge": MERGING,
        "redaction": SUPERVISING,
        **dict.fromkeys(("status", "link"), STAFF | _SERVER),
        **dict.fromkeys(("assignment", "claim_lost", "satisfaction", "number", "reopened"), _SERVER),
    }
)
"""By type of event, where it is not all of the staff."""


def roles_of(type_: str) -> frozenset[Role]:
    """The roles that may write an event of this type."""
    return ROLES.get(type_, STAFF)


def check_event(identity: Identity, event: TicketEvent, index: "RecordIndex", fresh: Mapping[str, str]) -> None:
    """Refuse an event that does not fit the ticket. `fresh`: types by id of the events new in the same update before
    it.

    Raises `RefusedUpdate`: `invalid`, `forbidden` or `too_large`, with the event's id in `detail["record"]`.
    """
    count = len(index.records) + len(fresh)
    if count >= EVENTS_PER_TICKET_MAX and identity.role is not Role.SERVER:
        reason = f"a ticket has at most {EVENTS_PER_TICKET_MAX} events: open another one and link it"
        refuse(RefusalCode.TOO_LARGE, event.id, reason)
    is_opened = count > 0
    if isinstance(event, TicketOpened) == is_opened:
        reason = "the ticket was opened already" if is_opened else "the ticket was not opened: `opened` comes first"
        refuse(RefusalCode.INVALID, event.id, reason)
    if isinstance(event, TicketOpened) == bool(event.after):
        refuse(RefusalCode.INVALID, event.id, "`after` names the heads that its author knew, and `opened` knew none")
    if (event.auto is True) != (identity.role is Role.BOT):
        refuse(RefusalCode.FORBIDDEN, event.id, "`auto` is what a bot writes, and what nobody else does")
    named = _named(event)
    if named is None:
        return
    target, wanted = named
    found = fresh.get(target) or _type_of(index, target)
    if found == "" or (wanted and found not in (wanted, "redacted")):
        refuse(RefusalCode.INVALID, event.id, f"there is no {wanted or 'event'} {target} in this ticket")


def _named(event: TicketEvent) -> tuple[str, str] | None:
    """The event that an event is about, and of which type that has to be ('': of any)."""
    match event:
        case Unlink():
            return event.link, "link"
        case ChecklistMark():
            return event.item, "checklist_item"
        case Unmerge():
            return event.merge, "merge"
        case EventRedaction():
            return event.event, ""
        case _:
            return None


def _type_of(index: "RecordIndex", event: str) -> str:
    facts = index.records.get((EVENTS, event))
    return "" if facts is None else facts.type
