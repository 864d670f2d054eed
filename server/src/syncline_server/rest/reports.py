"""Figures of a period, for those who are responsible for it."""

import re
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType
from syncline_protocol.documents.fields import LanguageTag, UserId, Word
from syncline_protocol.documents.identity import Role

from syncline_server.domain.open_time import Promises
from syncline_server.projections.reports import DIMENSIONS, Asked, Report
from syncline_server.rest.declaration import Answer, Call, Operation
from syncline_server.rest.projected import projected
from syncline_server.rest.reading import bad_parameter

READERS: Final = frozenset({Role.SUPERVISOR, Role.ADMIN, Role.AUDITOR, Role.INTEGRATION})
"""Who is told how others work."""

PERIOD_MS: Final = 30 * 24 * 60 * 60 * 1000
"""The period where none is named: up to now."""

_DAY: Final = r"((0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-9])|(0[13-9]|1[0-2])-30|(0[13578]|1[02])-31)"
_CLOCK: Final = r"([01]\d|2[0-3]):[0-5]\d"

Moment = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"\A([0-9]{{1,13}}|(19|20|21)\d\d-{_DAY}T{_CLOCK}:[0-5]\d(\.\d{{1,6}})?(Z|[+ -]{_CLOCK}))\Z",
        description="Unix time in milliseconds, or an RFC 3339 date and time with its zone",
        examples=["1790000000000", "2026-11-01T00:00:00+08:00"],
    ),
]
"""A moment in a query. A `+` that was sent as it is arrives as a space, and can mean nothing else."""


class ReportQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """`from`, `to`: the period, up to before `to`; the last 30 days if not given. `by`: what to break the figures down
    by. The rest: only what is of this group, …
    """

    from_: Moment | UnsetType = UNSET
    to: Moment | UnsetType = UNSET
    by: Literal["group", "assignee", "issue_type", "channel", "language"] | UnsetType = UNSET
    group: Word | UnsetType = UNSET
    assignee: UserId | UnsetType = UNSET
    issue_type: Word | UnsetType = UNSET
    channel: Word | UnsetType = UNSET
    language: LanguageTag | UnsetType = UNSET


async def report(call: Call[ReportQuery, None]) -> Answer:
    """The figures, by the configuration in force."""
    query, now_ms = call.query, call.hub.now_ms()
    to_ms = now_ms + 1 if query.to is UNSET else _moment_ms("to", query.to)
    from_ms = to_ms - PERIOD_MS if query.from_ is UNSET else _moment_ms("from", query.from_)
    if from_ms >= to_ms:
        raise bad_parameter("from", f"the period is to begin before it ends: {from_ms} is not before {to_ms}")
    given = {name: getattr(query, name) for name in DIMENSIONS if getattr(query, name) is not UNSET}
    asked = Asked(from_ms, to_ms, given, None if query.by is UNSET else query.by)
    projections = await projected(call.hub)
    configuration = call.hub.configuration.current
    tenant = call.identity.tenant
    return Answer(
        await projections.report(tenant, asked, lambda start, end: Promises(configuration, start, end), now_ms)
    )


def _moment_ms(name: str, text: str) -> int:
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(re.sub(r" (?=..:..$)", "+", text))
    except ValueError as error:
        raise bad_parameter(name, f"there is no such date: {error}") from error
    return round(moment.timestamp() * 1000)


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/metrics",
        id="read_report",
        summary="Figures of a period: response, resolution, reopening, repeat inquiries, satisfaction",
        who="supervisors, admins, auditors, integrations",
        roles=READERS,
        run=report,
        query=ReportQuery,
        answers={HTTPStatus.OK: Report},
    ),
)
