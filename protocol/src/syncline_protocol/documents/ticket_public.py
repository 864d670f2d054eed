"""A ticket as its customer reads it: a pure function of the set of steps in `ticket/<id>/public`.

The server alone writes it. The step with the greatest (`at`, `id`) says how the ticket stands; all of them, in that
order, are its timeline.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from syncline_protocol.documents.public_records import Step
from syncline_protocol.documents.schema import PUBLIC, read_record


class StepShown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the ticket stood from `at` on, because of the event `cause`."""

    id: str
    cause: str
    at: int
    status: str
    labels: Mapping[str, str]
    responsible: str | None = None
    expected_by: int | None = None


class PublicTicket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ticket as its customer sees it. `since`: when the status became what it is (a stamp); `labels`: the status in
    words, by language; `expected_by`: Unix time in milliseconds.
    """

    number: int
    status: str
    labels: Mapping[str, str]
    since: int
    timeline: tuple[StepShown, ...]
    subject: str | None = None
    conversation: str | None = None
    responsible: str | None = None
    expected_by: int | None = None


def reduce_public(values: Iterable[Mapping[str, Any]]) -> PublicTicket | None:
    """The ticket that these steps make; None when there are none. Raises `ValueError` when one is malformed."""
    read = {one.id: one for one in (read_record(PUBLIC, value) for value in values) if isinstance(one, Step)}
    steps = sorted(read.values(), key=lambda one: (one.at, one.id))
    if not steps:
        return None
    last = steps[-1]
    since = last.at
    for step in reversed(steps):
        if step.status != last.status:
            break
        since = step.at
    return PublicTicket(
        number=last.number,
        status=last.status,
        labels=dict(sorted(last.labels.items())),
        since=since,
        timeline=tuple(_shown(step) for step in steps),
        subject=None if last.subject is UNSET else last.subject,
        conversation=None if last.conversation is UNSET else last.conversation,
        responsible=None if last.responsible is UNSET else last.responsible,
        expected_by=None if last.expected_by is UNSET else last.expected_by,
    )


def _shown(step: Step) -> StepShown:
    return StepShown(
        id=step.id,
        cause=step.cause,
        at=step.at,
        status=step.status,
        labels=dict(sorted(step.labels.items())),
        responsible=None if step.responsible is UNSET else step.responsible,
        expected_by=None if step.expected_by is UNSET else step.expected_by,
    )
