"""One value that several people set: what it is now, and what else was said at the same time.

The *candidates* are the events that set the value; its *heads* are the candidates that no other candidate knows. One
head: that is the value. Several: a person's word over a program's; then what the register's own rule ranks higher (of
priorities: the more urgent); then the greatest (`at`, `id`). The other heads are kept and shown, in the order of (`at`,
`id`), until an event that knows them all sets the value again. They may say the same as what is shown.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from syncline_protocol.documents.fields import Scalar
from syncline_protocol.documents.history import Event, History
from syncline_protocol.documents.ticket_records import Source


class Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """What else was said: by the event `event`, by whom, when (a stamp)."""

    event: str
    by: str
    at: int
    value: Scalar


class Register(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value, who set it when, where it was taken from and how sure that is (percent), and what else was said."""

    value: Scalar
    event: str
    by: str
    at: int
    source: Source | None = None
    confidence: int | None = None
    others: tuple[Alternative, ...] = ()


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An event that sets the value."""

    event: Event
    value: Scalar
    source: Source | None = None
    confidence: int | None = None


def unranked(_: Any) -> int:
    """The rule of a register that has none of its own."""
    return 0


def register(
    history: History, candidates: Iterable[Candidate], *, rank: Callable[[Any], int] = unranked
) -> Register | None:
    """The value that these candidates make, given in order; None when there are none. `rank`: the register's own rule,
    by value.
    """
    by_event = {one.event.id: one for one in candidates}
    heads = history.heads([one.event for one in by_event.values()])
    if not heads:
        return None
    shown = max(heads, key=lambda event: (event.human, rank(by_event[event.id].value), event.place))
    candidate = by_event[shown.id]
    return Register(
        value=candidate.value,
        event=shown.id,
        by=shown.by,
        at=shown.at,
        source=candidate.source,
        confidence=candidate.confidence,
        others=tuple(alternative(event, by_event[event.id].value) for event in heads if event is not shown),
    )


def alternative(event: Event, value: Scalar) -> Alternative:
    """What `event` said, beside what is shown."""
    return Alternative(event=event.id, by=event.by, at=event.at, value=value)
