"""Who works on a ticket: the answers to claims and transfers, when several crossed.
 Candidates are the server's `assignment`s and people's `transfer`s; those that no other one knows are the heads. Of
several:

1. A person's word over a program's: an assignment is worth what its cause is, the claim or transfer that it answers.
2. A transfer, or the answer to one, over any other assignment. And the answer to a claim that crossed a transfer does
   not supersede it, although the server, which answers, knew of both: the claimer did not. They become a watcher.
3. The greatest (`at`, `id`).
 A candidate that names no person leaves the ticket to its group; one that names no group leaves it in the group it was
in, as far as its author knew.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import UNSET

from syncline_protocol.documents.fields import Scalar
from syncline_protocol.documents.history import Event, History, bits
from syncline_protocol.documents.ticket_records import Assignment, Claim, ClaimLost, Transfer


class ClaimOutcome(StrEnum):
    """What became of a claim."""

    PROVISIONAL = "provisional"
    """The server has not answered."""

    GRANTED = "granted"
    LOST = "lost"


class ClaimState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A claim. `holder`: of a lost one who had the ticket, of a granted one who has it now."""

    event: str
    by: str
    at: int
    state: ClaimOutcome
    holder: str | None = None


class Handover(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """To whom else a ticket was given at the same time."""

    event: str
    by: str
    at: int
    group: str | None = None
    user: str | None = None


class Handling(msgspec.Struct, frozen=True, kw_only=True):
    """Who works on a ticket. `assignment` is the event that says so, `because` its reason."""

    group: str | None
    assignee: str | None
    assignment: str | None
    because: Mapping[str, Scalar] | None
    others: tuple[Handover, ...]
    watchers: tuple[str, ...]
    claims: tuple[ClaimState, ...]


Given = Assignment | Transfer

CLAIM: Final = Claim.__struct_config__.tag
TRANSFER: Final = Transfer.__struct_config__.tag


def reduce_assignment(history: History) -> Handling:
    """Who works on the ticket."""
    given = {event: record for event, record in history.said() if isinstance(record, Given)}
    ranked = _ranked(history, given)
    shown = ranked[0] if ranked else None
    record = None if shown is None else given[shown]
    assignee = None if record is None or record.user is UNSET else record.user
    return Handling(
        group=_group(history, given, shown),
        assignee=assignee,
        assignment=None if shown is None else shown.id,
        because=record.because if isinstance(record, Assignment) and record.because is not UNSET else None,
        others=tuple(_handover(event, given[event]) for event in sorted(ranked[1:], key=lambda one: one.place)),
        watchers=_watchers(history, assignee),
        claims=_claims(history, assignee),
    )


def _ranked(history: History, given: Mapping[Event, Given]) -> list[Event]:
    """The heads of these candidates, by rules 1 to 3: the first is shown."""
    known = 0
    for event in given:
        known |= _superseded(history, event, given)
    heads = [event for event in given if not known >> event.place & 1]
    return sorted(heads, key=lambda event: (*_worth(history, event, given), event.place), reverse=True)


def _worth(history: History, event: Event, given: Mapping[Event, Given]) -> tuple[bool, bool]:
    """Whether it comes of a person's word, and whether of a transfer."""
    cause = _cause(history, event, given)
    return cause.human, cause.type == TRANSFER


def _cause(history: History, event: Event, given: Mapping[Event, Given]) -> Event:
    """What a candidate answers; itself if it answers nothing that is there."""
    record = given[event]
    return history.by_id.get(record.cause, event) if isinstance(record, Assignment) else event


def _superseded(history: History, event: Event, given: Mapping[Event, Given]) -> int:
    """The events that a candidate takes the place of: those it knows, but of an answer to a claim (rule 2) the
    transfers that the claimer did not know, with their answers, if they are worth more.
    """
    known = history.past[event.place]
    cause = _cause(history, event, given)
    if cause.type != CLAIM:
        return known
    kept = [
        other
        for other in given
        if known >> other.place & 1
        and _worth(history, other, given) > (cause.human, False)
        and not history.knows(cause, _cause(history, other, given))
    ]
    return known & ~bits(kept)


def _group(history: History, given: Mapping[Event, Given], shown: Event | None) -> str | None:
    """The group that `shown` names; else the one it was in, as `shown` knew."""
    if shown is None:
        return None
    group = given[shown].group
    if group is not UNSET:
        return group
    known = _superseded(history, shown, given)
    named = {one: record for one, record in given.items() if known >> one.place & 1 and record.group is not UNSET}
    return _group(history, named, next(iter(_ranked(history, named)), None))


def _handover(event: Event, record: Given) -> Handover:
    group = None if record.group is UNSET else record.group
    user = None if record.user is UNSET else record.user
    return Handover(event=event.id, by=event.by, at=event.at, group=group, user=user)


def _watchers(history: History, assignee: str | None) -> tuple[str, ...]:
    """Everybody who claimed the ticket or was assigned to it and is not now, in order."""
    concerned: dict[str, None] = {}
    for event, record in history.said():
        if isinstance(record, Claim):
            concerned[event.by] = None
        elif isinstance(record, Assignment) and isinstance(record.user, str):
            concerned[record.user] = None
    return tuple(user for user in concerned if user != assignee)


def _claims(history: History, assignee: str | None) -> tuple[ClaimState, ...]:
    granted = {record.cause for _, record in history.said() if isinstance(record, Assignment)}
    lost = {record.cause: record for _, record in history.said() if isinstance(record, ClaimLost)}
    return tuple(
        _claim(event, granted=event.id in granted, lost=lost.get(event.id), assignee=assignee)
        for event, record in history.said()
        if isinstance(record, Claim)
    )


def _claim(event: Event, *, granted: bool, lost: ClaimLost | None, assignee: str | None) -> ClaimState:
    state, holder = ClaimOutcome.PROVISIONAL, None
    if granted:
        state, holder = ClaimOutcome.GRANTED, assignee
    elif lost is not None:
        state, holder = ClaimOutcome.LOST, None if lost.holder is UNSET else lost.holder
    return ClaimState(event=event.id, by=event.by, at=event.at, state=state, holder=holder)
