"""What people read for a ticket's status and priority, and which status a customer is shown at all.

The server writes a status's labels into the public document (`public_records.py`); devices of the staff show the
labels of every internal status by themselves. Both call this, and so does whoever prints a table. Nothing is looked up
by sentence: documents hold the names, and a reader's language picks the words.

Labels are tables of language → text. A reader's tag is looked for as it is (`zh-Hant`), then shorter (`zh`), then in
English.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from syncline_protocol.documents.ticket_records import Priority, TicketStatus

Labels = Mapping[str, str]
"""Language → text."""

Overrides = Mapping[str, Labels]
"""Name of a status → the labels that a tenant has put in place of ours. A language that it leaves out keeps ours."""

FALLBACK_LANGUAGE: Final = "en"
"""Spoken to whoever speaks nothing that there is a label in."""

PUBLIC_STATUSES: Final[Mapping[TicketStatus, TicketStatus]] = MappingProxyType({
    TicketStatus.NEW: TicketStatus.NEW,
    TicketStatus.ACCEPTED: TicketStatus.ACCEPTED,
    TicketStatus.IN_PROGRESS: TicketStatus.IN_PROGRESS,
    TicketStatus.AWAITING_CUSTOMER: TicketStatus.AWAITING_CUSTOMER,
    TicketStatus.ON_HOLD: TicketStatus.IN_PROGRESS,
    TicketStatus.AWAITING_INTERNAL: TicketStatus.IN_PROGRESS,
    TicketStatus.RESOLVED: TicketStatus.RESOLVED,
    TicketStatus.CLOSED: TicketStatus.CLOSED,
    TicketStatus.CANCELLED: TicketStatus.CANCELLED,
    TicketStatus.MERGED: TicketStatus.CLOSED,
})  # fmt: skip
"""Internal → what the customer sees. Whom a ticket waits for among the staff is not the customer's business. One that
was merged is over for itself; what it was merged into has a document of its own.
"""

PUBLIC_LABELS: Final[Mapping[TicketStatus, Labels]] = MappingProxyType({
    TicketStatus.NEW: MappingProxyType({"zh": "待受理", "en": "Waiting"}),
    TicketStatus.ACCEPTED: MappingProxyType({"zh": "已受理", "en": "Accepted"}),
    TicketStatus.IN_PROGRESS: MappingProxyType({"zh": "处理中", "en": "In progress"}),
    TicketStatus.AWAITING_CUSTOMER: MappingProxyType({"zh": "待反馈", "en": "Awaiting your reply"}),
    TicketStatus.RESOLVED: MappingProxyType({"zh": "已解决", "en": "Resolved"}),
    TicketStatus.CLOSED: MappingProxyType({"zh": "已关闭", "en": "Closed"}),
    TicketStatus.CANCELLED: MappingProxyType({"zh": "已取消", "en": "Cancelled"}),
})  # fmt: skip
"""For the customer."""

STAFF_LABELS: Final[Mapping[TicketStatus, Labels]] = MappingProxyType({
    **PUBLIC_LABELS,
    TicketStatus.AWAITING_CUSTOMER: MappingProxyType({"zh": "待客户反馈", "en": "Awaiting customer"}),
    TicketStatus.ON_HOLD: MappingProxyType({"zh": "已挂起", "en": "On hold"}),
    TicketStatus.AWAITING_INTERNAL: MappingProxyType({"zh": "待内部处理", "en": "Awaiting colleagues"}),
    TicketStatus.MERGED: MappingProxyType({"zh": "已合并", "en": "Merged"}),
})  # fmt: skip
"""For the staff."""

PRIORITY_LABELS: Final[Mapping[Priority, Labels]] = MappingProxyType({
    Priority.LOW: MappingProxyType({"zh": "低", "en": "Low"}),
    Priority.NORMAL: MappingProxyType({"zh": "普通", "en": "Normal"}),
    Priority.HIGH: MappingProxyType({"zh": "高", "en": "High"}),
    Priority.URGENT: MappingProxyType({"zh": "紧急", "en": "Urgent"}),
})  # fmt: skip


def public_status(status: str) -> TicketStatus:
    """What a ticket of this status is to its customer. Raises `ValueError` for what is no status."""
    return PUBLIC_STATUSES[TicketStatus(status)]


def labels(status: str, overrides: Overrides | None = None) -> dict[str, str]:
    """What the customer reads of a ticket of this status, in every language there is. Raises `ValueError`."""
    public = public_status(status)
    return {**PUBLIC_LABELS[public], **(overrides or {}).get(public, {})}


def label(status: str, language: str, overrides: Overrides | None = None) -> str:
    """What the customer reads of a ticket of this status, in one language. Raises `ValueError` for no status."""
    return spoken(labels(status, overrides), language)


def staff_label(status: str, language: str) -> str:
    """What the staff reads of a status. Raises `ValueError` for what is no status."""
    return spoken(STAFF_LABELS[TicketStatus(status)], language)


def priority_label(priority: str, language: str) -> str:
    """What anybody reads of a priority. Raises `ValueError` for what is none."""
    return spoken(PRIORITY_LABELS[Priority(priority)], language)


def spoken(table: Labels, language: str) -> str:
    """The text for a reader of `language` (BCP 47, in any case): in it, in the language it is a variety of, in English,
    in whatever there is. `table` is not empty.
    """
    by_tag = {tag.casefold(): text for tag, text in table.items()}
    parts = language.casefold().split("-")
    for length in range(len(parts), 0, -1):
        text = by_tag.get("-".join(parts[:length]))
        if text is not None:
            return text
    return by_tag.get(FALLBACK_LANGUAGE) or next(iter(table.values()))
