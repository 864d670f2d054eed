"""What the server answers to a ticket: the events that follow from what others wrote, as a pure function.

Beside the data's way: `log → projections → automation → ANSWERS → automation → log`. Nothing here depends on what was
answered when: given everything that is there, it says what is missing. Every answer has an id derived from its cause
(`derived.py`), so that offering it again, after a crash for instance, writes nothing twice. The rules:

1. A ticket has a number from its opening on.
2. Opening it, and giving it another issue type while nobody is on it, routes it: to a group, and to a person there.
3. The last of the transfers that knew nothing of each other counts; it gives the ticket to a person, or routes it
   within the group.
4. Of the claims the first in the log's order gets the ticket, if nobody has it but by routing. A claim that knew
   nothing of a transfer is lost against it; so is one for a ticket that somebody has.
5. What a customer wrote and whoever ended the ticket (or asked the customer) had not seen, makes it go on.
6. What a customer says of a ticket in the conversation is put down in the ticket.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec import UNSET
from syncline_protocol.documents.derived import derived_id
from syncline_protocol.documents.history import Event as Known
from syncline_protocol.documents.history import History
from syncline_protocol.documents.ticket import OPENED, Ticket
from syncline_protocol.documents.ticket_records import Assignment, TicketStatus, Transfer

from syncline_server.domain.routing import Routed

Event = Mapping[str, Any]
Answer = dict[str, Any]

WAITING_FOR_CUSTOMER: Final = frozenset({TicketStatus.RESOLVED, TicketStatus.AWAITING_CUSTOMER})
"""Statuses that end with the customer's next word, whether or not it crossed them."""

ENDED: Final = frozenset({TicketStatus.CLOSED, TicketStatus.CANCELLED})
"""Statuses that only a word that crossed them takes back: later ones open another ticket."""


class Unseen(NamedTuple):
    """The first message of a customer that the author of the ticket's status had not seen. `has_crossed`: nor could the
    customer know of the status, when they wrote it.
    """

    message: str
    has_crossed: bool


class Rated(NamedTuple):
    """What a customer said of the ticket in the conversation: the record `id` there."""

    id: str
    score: int
    text: str | None


class Situation(NamedTuple):
    """Everything that the answers depend on.

    `events`: in the log's order. `next_number`: the tenant's. `route`: issue type, language and group (or None) to
    where the ticket goes now.
    """

    ticket: Ticket
    events: Sequence[Event]
    next_number: int
    route: Callable[[str | None, str | None, str | None], Routed]
    unseen: Unseen | None = None
    rated: Sequence[Rated] = ()


def answers(situation: Situation) -> list[Answer]:
    """The events that are missing, each behind the one before it and all behind what the ticket is now."""
    history = History(situation.events)
    missing = [
        *_number(situation, history),
        *_given(situation, history),
        *_reopened(situation),
        *_satisfaction(situation),
    ]
    heads: Sequence[str] = situation.ticket.heads
    for answer in missing:
        answer["after"] = list(heads)
        heads = [answer["id"]]
    return missing


def opening_of(events: Iterable[Event]) -> str:
    """The id of the event that opened the ticket, be it erased meanwhile."""
    opened = [event for event in events if OPENED in (event["type"], event.get("of"))]
    return str(min(opened, key=lambda event: (event["at"], event["id"]))["id"])


# --- 1


def _number(situation: Situation, history: History) -> Iterator[Answer]:
    if not any(event.type == "number" for event in history.events):
        yield _answer("number", opening_of(situation.events), number=situation.next_number)


# --- 2 to 4


def _given(situation: Situation, history: History) -> Iterator[Answer]:
    """Answers about who has the ticket, in the order of the rules; each knows of the ones before it."""
    ticket, events = situation.ticket, situation.events
    answered = {event["cause"] for event in events if event["type"] in ("assignment", "claim_lost")}
    held = _Held(ticket.assignee, ticket.group, is_routed=_is_routed(ticket))
    routed = _routing_cause(situation, answered)
    if routed is not None:
        yield _assign(routed, _routed_to(situation, None), held, ticket)
    transfer = _transfer(history, answered)
    if transfer is not None:
        yield _assign(transfer.id, _transferred_to(situation, transfer, held), held, ticket)
    for event in events:
        if event["type"] == "claim" and event["id"] not in answered:
            yield _answer_claim(history.by_id[event["id"]], held, ticket, history)


class _Held:
    """Who has the ticket while the answers are made, one after the other."""

    def __init__(self, user: str | None, group: str | None, *, is_routed: bool) -> None:
        self.user = user
        self.group = group
        self.is_routed = is_routed


class _Target(NamedTuple):
    user: str | None
    group: str | None
    because: Mapping[str, Any]
    is_routed: bool


def _assign(cause: str, target: _Target, held: _Held, ticket: Ticket) -> Answer:
    held.user, held.group, held.is_routed = target.user, target.group, target.is_routed
    status = TicketStatus.ACCEPTED.value if target.user is not None and ticket.status is TicketStatus.NEW else None
    because = dict(target.because)
    return _answer("assignment", cause, user=target.user, group=target.group, because=because, status=status)


def _answer_claim(claim: Known, held: _Held, ticket: Ticket, history: History) -> Answer:
    transfers = [event for event in history.events if event.type == "transfer"]
    has_crossed = not all(history.knows(claim, transfer) for transfer in transfers)
    if not has_crossed and (held.user in (None, claim.by) or held.is_routed):
        target = _Target(claim.by, held.group, {"rule": "claim"}, is_routed=False)
        return _assign(claim.id, target, held, ticket)
    return _answer("claim_lost", claim.id, holder=held.user)


def _routing_cause(situation: Situation, answered: set[str]) -> str | None:
    """The event because of which the ticket is to be routed, if there is one that was not answered."""
    ticket = situation.ticket
    opening = opening_of(situation.events)
    if opening not in answered:
        return opening
    topic = ticket.issue_type
    if topic is None or topic.event in answered or ticket.assignee is not None:
        return None
    because = ticket.because or {}
    return topic.event if _is_routed(ticket) and because.get("issue_type") != topic.value else None


def _is_routed(ticket: Ticket) -> bool:
    return (ticket.because or {}).get("rule") == "routing"


def _routed_to(situation: Situation, group: str | None) -> _Target:
    ticket = situation.ticket
    issue_type = None if ticket.issue_type is None else ticket.issue_type.value
    routed = situation.route(issue_type if isinstance(issue_type, str) else None, ticket.language, group)
    return _Target(routed.user, routed.group, {**routed.because, "rule": "routing"}, is_routed=True)


def _transfer(history: History, answered: set[str]) -> Known | None:
    """The transfer to be answered: of those that no later word on who has the ticket knows, the last."""
    giving = [event for event in history.events if isinstance(event.record, Assignment | Transfer)]
    heads = history.heads(giving)
    open_ = [event for event in heads if isinstance(event.record, Transfer) and event.id not in answered]
    return open_[-1] if open_ else None


def _transferred_to(situation: Situation, transfer: Known, held: _Held) -> _Target:
    record = transfer.record
    assert isinstance(record, Transfer)
    group = held.group if record.group is UNSET else record.group
    if record.user is UNSET:
        return _routed_to(situation, group)
    return _Target(record.user, group, {"rule": "transfer", "by": transfer.by}, is_routed=False)


# --- 5 and 6


def _reopened(situation: Situation) -> Iterator[Answer]:
    ticket, unseen = situation.ticket, situation.unseen
    if unseen is None:
        return
    if ticket.status in WAITING_FOR_CUSTOMER or (ticket.status in ENDED and unseen.has_crossed):
        ended = ticket.status_event
        message = {"ended": ended, "message": unseen.message, "unseen": unseen.has_crossed}
        yield {"type": "reopened", "id": derived_id(ended, "reopened"), **message}


def _satisfaction(situation: Situation) -> Iterator[Answer]:
    there = {event["cause"] for event in situation.events if event["type"] == "satisfaction"}
    for rated in situation.rated:
        if rated.id not in there:
            yield _answer("satisfaction", rated.id, score=rated.score, text=rated.text)


def _answer(type_: str, cause: str, **fields: Any) -> Answer:
    given = {name: value for name, value in fields.items() if value is not None}
    return {"type": type_, "id": derived_id(cause, type_), "cause": cause, **given}
