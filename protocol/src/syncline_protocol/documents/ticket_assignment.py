"""Who works on a ticket: the answers to claims and transfers, when several crossed.

Candidates are the server's `assignment`s and people's `transfer`s. An assignment answers its `cause`: a claim, a
transfer, or the opening. The server writes one answer after another, and knew all of them, but those who asked did not.
So an answer does not take the place of what its cause did not know, when that

- is a transfer or the answer to one, or
- was asked by a person, and the answer's cause was not.

Otherwise the candidates that no other one knows are the heads. Of several:

1. A person's word over a program's: an assignment is worth what its cause is.
2. A transfer, or the answer to one, over any other assignment: it says where the ticket belongs. Who claimed it
   meanwhile becomes a watcher.
3. Of transfers that crossed the one with the greatest (`at`, `id`), whichever the server answered first. Of everything
   else the server's last word.

A candidate that names no person leaves the ticket to its group; one that names no group leaves it in the group it was
in, as far as it took the place of others.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import UNSET

from syncline_protocol.documents.fields import Scalar
from syncline_protocol.documents.history import Event, History, bits, places
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

TRANSFER: Final = Transfer.__struct_config__.tag


def reduce_assignment(history: History) -> Handling:
    """Who works on the ticket."""
    candidates = _Candidates(history)
    ranked = candidates.ranked(candidates.given)
    shown = ranked[0] if ranked else None
    record = None if shown is None else candidates.given[shown]
    assignee = None if record is None or record.user is UNSET else record.user
    return Handling(
        group=candidates.group(shown),
        assignee=assignee,
        assignment=None if shown is None else shown.id,
        because=record.because if isinstance(record, Assignment) and record.because is not UNSET else None,
        others=tuple(
            _handover(event, candidates.given[event]) for event in sorted(ranked[1:], key=lambda one: one.place)
        ),
        watchers=_watchers(history, assignee),
        claims=_claims(history, assignee),
    )


class _Candidates:
    """The candidates, what each answers, and of which it takes the place."""

    def __init__(self, history: History) -> None:
        self._history = history
        self.given = {event: record for event, record in history.said if isinstance(record, Given)}
        self._causes = {event: self._cause(event, record) for event, record in self.given.items()}
        self._handed = bits(event for event, cause in self._causes.items() if cause.type == TRANSFER)
        self._asked = bits(event for event, cause in self._causes.items() if cause.human)
        self._replaced = {event: self._replaces(event) for event in self.given}

    def ranked(self, candidates: Collection[Event]) -> list[Event]:
        """The heads of these candidates: the first is shown."""
        replaced = 0
        for event in candidates:
            replaced |= self._replaced[event]
        return sorted((event for event in candidates if not replaced >> event.place & 1), key=self._worth, reverse=True)

    def group(self, shown: Event | None) -> str | None:
        """The group that `shown` names; else the one it was in, of what `shown` took the place of."""
        if shown is None:
            return None
        if self.given[shown].group is UNSET:
            replaced = self._replaced[shown]
            before = [one for one in self.given if replaced >> one.place & 1 and self.given[one].group is not UNSET]
            shown = next(iter(self.ranked(before)), shown)
        group = self.given[shown].group
        return None if group is UNSET else group

    def _cause(self, event: Event, record: Given) -> Event:
        """What a candidate answers; itself if it answers nothing that is there."""
        return self._history.by_id.get(record.cause, event) if isinstance(record, Assignment) else event

    def _replaces(self, event: Event) -> int:
        """The events of which a candidate takes the place: those it knows, without those that its cause crossed."""
        known, cause = self._history.past[event.place], self._causes[event]
        seen = self._history.past[cause.place] | 1 << cause.place
        weighty = self._handed if cause.human else self._handed | self._asked
        for place in places(known & weighty & ~seen):
            if not seen >> self._causes[self._history.events[place]].place & 1:
                known ^= 1 << place
        return known

    def _worth(self, event: Event) -> tuple[bool, bool, int, int]:
        cause = self._causes[event]
        is_transfer = cause.type == TRANSFER
        return cause.human, is_transfer, cause.place if is_transfer else 0, event.place


def _handover(event: Event, record: Given) -> Handover:
    group = None if record.group is UNSET else record.group
    user = None if record.user is UNSET else record.user
    return Handover(event=event.id, by=event.by, at=event.at, group=group, user=user)


def _watchers(history: History, assignee: str | None) -> tuple[str, ...]:
    """Everybody who claimed the ticket or was assigned to it and is not now, in order."""
    concerned: dict[str, None] = {}
    for event, record in history.said:
        if isinstance(record, Claim):
            concerned[event.by] = None
        elif isinstance(record, Assignment) and isinstance(record.user, str):
            concerned[record.user] = None
    return tuple(user for user in concerned if user != assignee)


def _claims(history: History, assignee: str | None) -> tuple[ClaimState, ...]:
    granted = {record.cause for _, record in history.said if isinstance(record, Assignment)}
    lost = {record.cause: record for _, record in history.said if isinstance(record, ClaimLost)}
    return tuple(
        _claim(event, granted=event.id in granted, lost=lost.get(event.id), assignee=assignee)
        for event, record in history.said
        if isinstance(record, Claim)
    )


def _claim(event: Event, *, granted: bool, lost: ClaimLost | None, assignee: str | None) -> ClaimState:
    state, holder = ClaimOutcome.PROVISIONAL, None
    if granted:
        state, holder = ClaimOutcome.GRANTED, assignee
    elif lost is not None:
        state, holder = ClaimOutcome.LOST, None if lost.holder is UNSET else lost.holder
    return ClaimState(event=event.id, by=event.by, at=event.at, state=state, holder=holder)
