"""What the customer is told of a ticket: the next step of its public side, and how the conversation words it.

Beside the data's way: `log → projections → automation → PUBLIC SIDE → automation → log`. Pure functions. Steps are a
chain: the id of each is made of the one before it and of its cause, so that a step is written once, and the same status
can be reached again later.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from syncline_protocol.documents.derived import derived_id
from syncline_protocol.documents.labels import Labels, Overrides, labels, public_status, spoken
from syncline_protocol.documents.ticket import Ticket

Step = dict[str, Any]

STEP_EVENT: Final = "ticket_step"
"""The event of the system message that tells of a step."""

LANGUAGE: Final = "zh"
"""Spoken where it is not known which language a customer speaks."""

TEXTS: Final[Mapping[str, Labels]] = {
    "step": {"zh": "工单 #{number}：{label}", "en": "Ticket #{number}: {label}"},
    "responsible": {"zh": "，负责人：{name}", "en": ", {name} is on it"},
    "untitled": {"zh": "工单 #{number}", "en": "Ticket #{number}"},
}
"""By language, what is said when a device does not word it by itself."""


class Shown(NamedTuple):
    """What a tenant lets its customers see, worked out for one ticket.

    `responsible`: who is on it, under the name that is to be shown, or None; `expected_by`: Unix time in milliseconds.
    """

    responsible: str | None
    expected_by: int | None
    overrides: Overrides


def next_step(ticket: Ticket, opening: str, steps: Sequence[Mapping[str, Any]], shown: Shown) -> Step | None:
    """The step that is missing at the end of `steps` (in their order, erased ones included); None if the last one says
    how things stand.

    `opening`: the id of the event that opened the ticket. None, too, for a ticket without a number yet.
    """
    if ticket.number is None:
        return None
    step = _step(ticket, shown)
    last = steps[-1] if steps and steps[-1]["type"] == "step" else None
    if last is not None and all(last.get(name) == value for name, value in step.items()) and _same_fields(last, step):
        return None
    cause = _cause(ticket, last, step) or opening
    before = str(steps[-1]["id"]) if steps else opening
    return {"type": "step", "id": derived_id(before, f"step {cause}"), "cause": cause, **step}


def _step(ticket: Ticket, shown: Shown) -> Step:
    number = ticket.number
    subject = ticket.subject.value if ticket.subject is not None else None
    untitled = spoken(TEXTS["untitled"], ticket.language or LANGUAGE).format(number=number)
    step = {
        "number": number,
        "subject": subject if isinstance(subject, str) else untitled,
        "status": public_status(ticket.status).value,
        "labels": labels(ticket.status, shown.overrides),
        "conversation": ticket.conversation,
        "responsible": shown.responsible,
        "expected_by": shown.expected_by,
    }
    return {name: value for name, value in step.items() if value is not None}


def _same_fields(last: Mapping[str, Any], step: Step) -> bool:
    return not any(name in last and name not in step for name in ("responsible", "expected_by", "conversation"))


def _cause(ticket: Ticket, last: Mapping[str, Any] | None, step: Step) -> str | None:
    """The event because of which the step differs from the last one."""
    if last is None or last["status"] != step["status"]:
        return ticket.status_event
    if last.get("responsible") != step.get("responsible"):
        return ticket.assignment
    if last["subject"] != step["subject"] and ticket.subject is not None:
        return ticket.subject.event
    return None if ticket.priority is None else ticket.priority.event


def announcement(
    ticket_id: str, step: Mapping[str, Any], before: Mapping[str, Any] | None, language: str
) -> Step | None:
    """The system message that tells of `step` in the conversation; None if nothing changed that customers look for."""
    if before is not None and all(before.get(name) == step.get(name) for name in ("status", "responsible")):
        return None
    text = spoken(TEXTS["step"], language).format(number=step["number"], label=spoken(step["labels"], language))
    data = {"ticket": ticket_id, "number": step["number"], "status": step["status"]}
    responsible = step.get("responsible")
    if responsible is not None:
        text += spoken(TEXTS["responsible"], language).format(name=responsible)
        data["responsible"] = responsible
    return {
        "type": "system",
        "id": derived_id(step["id"], "announcement"),
        "event": STEP_EVENT,
        "text": text,
        "data": data,
    }
