"""What a tenant decided, as far as a device of the staff needs it without a connection: groups, issue types and their
required fields, priorities, the words for statuses, and the rules for extraction.
"""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from syncline_protocol.documents.labels import PRIORITY_LABELS, STAFF_LABELS, labels, public_status
from syncline_protocol.documents.ticket_records import Priority, TicketStatus

from syncline_server.domain.configuration import Configuration
from syncline_server.rest.declaration import READING_STAFF, Answer, Call, NoParameters, Operation

Words = Mapping[str, str]
"""Language → text."""


class GroupShown(msgspec.Struct, frozen=True, kw_only=True):
    """A group. `languages`: those it speaks; none, and it speaks all."""

    name: str
    labels: Words
    members: tuple[str, ...]
    languages: tuple[str, ...]


class IssueTypeShown(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of problem: the groups for it, the preferred one first, and the fields that its tickets need."""

    name: str
    labels: Words
    groups: tuple[str, ...]
    required: tuple[str, ...]
    priority: Priority


class PriorityShown(msgspec.Struct, frozen=True, kw_only=True):
    """A priority. Milliseconds, of open time or by the clock (`time`); null where nothing is promised."""

    name: Priority
    labels: Words
    respond_within_ms: int | None
    resolve_within_ms: int | None
    time: str


class StatusShown(msgspec.Struct, frozen=True, kw_only=True):
    """A status in the staff's words, and what a customer sees of it."""

    name: TicketStatus
    labels: Words
    public: TicketStatus
    public_labels: Words


class ConfigurationShown(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `issue_type` and `extraction` are the tables of `syncline.toml` that add to the shipped rules for
    extraction, as a device reads them.
    """

    groups: tuple[GroupShown, ...]
    issue_types: tuple[IssueTypeShown, ...]
    priorities: tuple[PriorityShown, ...]
    statuses: tuple[StatusShown, ...]
    issue_type: list[dict[str, Any]]
    extraction: dict[str, Any]


async def show(call: Call[NoParameters, None]) -> Answer:
    """The configuration in force, or that it is the one that the caller has."""
    shown = _shown(call.hub.configuration.current)
    tag = f'"{hashlib.sha256(msgspec.json.encode(shown)).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if _matches(call.headers.get("if-none-match", ""), tag):
        return Answer(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Answer(shown, headers=headers)


def _matches(condition: str, tag: str) -> bool:
    """Whether the caller has this one (RFC 9110, section 13.1.2)."""
    tags = {one.strip().removeprefix("W/") for one in condition.split(",")}
    return "*" in tags or tag in tags


def _shown(configuration: Configuration) -> ConfigurationShown:
    return ConfigurationShown(
        groups=tuple(
            GroupShown(name=one.name, labels=one.labels, members=one.members, languages=one.languages)
            for one in configuration.groups.values()
        ),
        issue_types=tuple(
            IssueTypeShown(
                name=one.name, labels=one.labels, groups=one.groups, required=one.required, priority=one.priority
            )
            for one in configuration.issue_types.values()
        ),
        priorities=tuple(
            PriorityShown(
                name=one.name,
                labels=dict(PRIORITY_LABELS[one.name]),
                respond_within_ms=_plain(one.respond_within),
                resolve_within_ms=_plain(one.resolve_within),
                time=one.time,
            )
            for one in configuration.priorities.values()
        ),
        statuses=tuple(
            StatusShown(
                name=status,
                labels=dict(STAFF_LABELS[status]),
                public=public_status(status),
                public_labels=labels(status, configuration.labels),
            )
            for status in TicketStatus
        ),
        issue_type=configuration.rule_tables["issue_type"],
        extraction=configuration.rule_tables["extraction"],
    )


def _plain(length: int | None) -> int | None:
    return None if length is None else int(length)


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/configuration",
        id="show_configuration",
        summary="Groups, issue types, priorities, statuses and extraction rules; `If-None-Match` asks for news only",
        who="staff, auditors",
        roles=READING_STAFF,
        run=show,
        answers={HTTPStatus.OK: ConfigurationShown, HTTPStatus.NOT_MODIFIED: None},
        headers={"ETag": "the tag of this configuration"},
        request_headers={"If-None-Match": "tags of the ones that the caller has"},
    ),
)
