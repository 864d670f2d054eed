"""Errors as answers: problem details (RFC 9457), each with a code for programs and a pointer to what is wrong.

The one place that knows which refusal is which status. Whatever goes wrong in an operation is raised, and turned into
an answer in `routing.py`.
"""

import math
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import msgspec
from starlette.responses import Response
from syncline_protocol.errors import CloseCode, ProtocolViolation, RefusalCode, RefusedUpdate

MEDIA_TYPE: Final = "application/problem+json"

RETRY_AFTER_S: Final = 1
"""When to come back, if the refusal does not say."""


class ProblemCode(StrEnum):
    """What went wrong, for programs."""

    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    EXISTS = "exists"
    CLAIM_LOST = "claim_lost"
    QUARANTINED = "quarantined"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID = "invalid"
    CLOCK_AHEAD = "clock_ahead"
    RATE_LIMITED = "rate_limited"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


STATUS_OF: Final[Mapping[ProblemCode, HTTPStatus]] = MappingProxyType(
    {
        ProblemCode.MALFORMED: HTTPStatus.BAD_REQUEST,
        ProblemCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
        ProblemCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
        ProblemCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
        ProblemCode.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
        ProblemCode.CONFLICT: HTTPStatus.CONFLICT,
        ProblemCode.EXISTS: HTTPStatus.CONFLICT,
        ProblemCode.CLAIM_LOST: HTTPStatus.CONFLICT,
        ProblemCode.QUARANTINED: HTTPStatus.CONFLICT,
        ProblemCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        ProblemCode.UNSUPPORTED_MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        ProblemCode.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
        ProblemCode.CLOCK_AHEAD: HTTPStatus.CONFLICT,
        ProblemCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
        ProblemCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
        ProblemCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    }
)

CODE_OF: Final[Mapping[RefusalCode, ProblemCode]] = MappingProxyType(
    {
        RefusalCode.FORBIDDEN: ProblemCode.FORBIDDEN,
        RefusalCode.INVALID: ProblemCode.CONFLICT,
        RefusalCode.MALFORMED: ProblemCode.INVALID,
        RefusalCode.CLOCK_AHEAD: ProblemCode.CLOCK_AHEAD,
        RefusalCode.TOO_LARGE: ProblemCode.TOO_LARGE,
        RefusalCode.RATE_LIMITED: ProblemCode.RATE_LIMITED,
        RefusalCode.NOT_FOUND: ProblemCode.NOT_FOUND,
        RefusalCode.QUARANTINED: ProblemCode.QUARANTINED,
    }
)
"""What is invalid to admission has passed its declaration: it does not go with what is there. Other refusals are
between the server's own author and its document: `unavailable`, try again.
"""

COMES_BACK: Final = frozenset({ProblemCode.RATE_LIMITED, ProblemCode.UNAVAILABLE})
"""Problems that pass: answered with `Retry-After`."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong: in the body at `pointer` (a JSON pointer as a URI fragment), or in a `parameter`."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error (RFC 9457). `code` is for programs, `detail` for people.

    `errors`: what of the request is wrong. `record`: the record that was refused. `holder`: who has the ticket.
    """

    type: str = msgspec.field(default_factory=lambda: "about:blank")  # made, not a default: it is always shown
    title: str
    status: int
    detail: str
    code: ProblemCode
    errors: tuple[Fault, ...] = ()
    record: str | None = None
    holder: str | None = None
    retry_after_ms: int | None = None
    server_time_ms: int | None = None


class Problem(Exception):
    """An answer that is an error."""

    def __init__(
        self,
        code: ProblemCode,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        members: Mapping[str, Any] = MappingProxyType({}),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.faults = tuple(faults)
        self.members = members
        self.headers = headers


def answer(problem: Problem) -> Response:
    """The problem as it goes out."""
    status = STATUS_OF[problem.code]
    members = {name: problem.members[name] for name in ProblemDetails.__struct_fields__ if name in problem.members}
    details = ProblemDetails(
        title=status.phrase,
        status=status.value,
        detail=problem.detail,
        code=problem.code,
        errors=problem.faults,
        **members,
    )
    headers = dict(problem.headers)
    if problem.code is ProblemCode.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.code in COMES_BACK:
        headers["Retry-After"] = str(_seconds(details.retry_after_ms))
    return Response(msgspec.json.encode(details), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _seconds(milliseconds: int | None) -> int:
    return RETRY_AFTER_S if milliseconds is None else max(RETRY_AFTER_S, math.ceil(milliseconds / 1000))


def of_refusal(refusal: RefusedUpdate) -> Problem:
    """What a refused update or opening is to a caller."""
    code = CODE_OF.get(refusal.code, ProblemCode.UNAVAILABLE)
    return Problem(code, refusal.reason, members=refusal.detail)


def of_violation(violation: ProtocolViolation) -> Problem:
    """A token that does not count, or a store that cannot be asked for a lease."""
    is_store = violation.close_code is CloseCode.STORAGE_UNAVAILABLE
    return Problem(ProblemCode.UNAVAILABLE if is_store else ProblemCode.UNAUTHENTICATED, violation.reason)


# --- what msgspec says, with a pointer

_AT: Final = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$(?P<path>[^`]*)`)?$", re.DOTALL)
_NAMED: Final = re.compile(r"^Object (?:contains unknown|missing required) field `(?P<field>.*)`$", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def fault_in_body(error: Exception) -> Fault:
    """Where in a JSON body the fault is that msgspec found."""
    what, steps = _taken_apart(str(error))
    escaped = (step.replace("~", "~0").replace("/", "~1") for step in steps)
    return Fault(detail=what, pointer="#" + "".join(f"/{step}" for step in escaped))


def fault_in_parameters(error: Exception) -> Fault:
    """Which parameter it is that msgspec found at fault."""
    what, steps = _taken_apart(str(error))
    return Fault(detail=what, parameter=steps[0] if steps else None)


def _taken_apart(message: str) -> tuple[str, list[str]]:
    match = _AT.match(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    steps: list[str] = []
    for name, place in _STEP.findall(path):
        if place == "...":  # some value of a dictionary: it does not say which
            break
        steps.append(name or place)
    named = _NAMED.match(what)
    return what, [*steps, named["field"]] if named else steps
