"""How a ticket begins: the events that open it, in one update, on a device without a connection as on the server.

What was taken out of a conversation comes in with its source: the customer's own words are linked, never retyped.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from syncline_protocol.documents.fields import Scalar

if TYPE_CHECKING:
    from syncline_protocol.extraction import Extracted


class Opening(NamedTuple):
    """What is known when a ticket is opened. `via`: how (`agent`, `rule`, `api`, …).

    `fields`: values with their sources; `values`: those that somebody gave, by name. `issue_type` may come with a
    confidence in percent and the message that decided it. `links`: own fields of `link` events: messages, files, other
    tickets.
    """

    subject: str
    via: str
    conversation: str | None = None
    customer: str | None = None
    language: str | None = None
    issue_type: str | None = None
    issue_confidence: int | None = None
    priority: str | None = None
    fields: "Sequence[Extracted]" = ()
    links: Sequence[Mapping[str, Any]] = ()
    values: Mapping[str, Scalar] = MappingProxyType({})


def opening_events(opening: Opening, new_id: Callable[[], str]) -> list[dict[str, Any]]:
    """The events (`type`, `id`, `after` and own fields) that open the ticket, each behind the one before it."""
    opened = {
        "type": "opened",
        "subject": opening.subject,
        "via": opening.via,
        "conversation": opening.conversation,
        "customer": opening.customer,
        "language": opening.language,
    }
    events: list[dict[str, Any]] = [{name: value for name, value in opened.items() if value is not None}]
    if opening.issue_type is not None:
        topic: dict[str, Any] = {"type": "topic", "issue_type": opening.issue_type}
        events.append(topic | ({} if opening.issue_confidence is None else {"confidence": opening.issue_confidence}))
    if opening.priority is not None:
        events.append({"type": "priority", "priority": opening.priority})
    events += [_field(one) for one in opening.fields]
    events += [{"type": "field", "name": name, "value": value} for name, value in opening.values.items()]
    events += [{"type": "link", **link} for link in opening.links]
    heads: list[str] = []
    for event in events:
        event["after"], event["id"] = heads, new_id()
        heads = [event["id"]]
    return events


def _field(extracted: "Extracted") -> dict[str, Any]:
    start, end = extracted.span
    return {
        "type": "field",
        "name": extracted.name,
        "value": extracted.value,
        "source": {"message": extracted.message, "start": start, "end": end},
        "confidence": extracted.confidence,
    }
