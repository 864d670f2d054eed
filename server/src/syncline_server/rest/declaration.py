"""What an operation is: everything that is served and described of it, in one value."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType
from prometheus_client import CollectorRegistry
from starlette.datastructures import Headers
from syncline_protocol.documents.fields import DocumentId
from syncline_protocol.documents.identity import STAFF, Identity, Role

from syncline_server.actor import Actor
from syncline_server.hub import Hub
from syncline_server.projections.lists import STATUSES
from syncline_server.rest.live_extractor import LiveExtractor
from syncline_server.rest.problems import ProblemCode

Id = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._~@:|+-]{1,128}\Z")]
"""The id of a conversation or ticket in a path."""

NewId = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
"""An id of the caller's choice."""

PATH_PARAMETERS: Final[Mapping[str, Any]] = MappingProxyType({"id": Id, "user": DocumentId})
"""The type of each name that stands in a path."""

StatusAsked = StrEnum("StatusAsked", {one.upper(): one for one in sorted(STATUSES)})  # type: ignore[misc]
"""A ticket's status, or `open`."""

EVERYBODY: Final = STAFF | {Role.CUSTOMER, Role.AUDITOR}
"""Every role a token can have."""

WRITERS: Final = STAFF | {Role.CUSTOMER}
READING_STAFF: Final = STAFF | {Role.AUDITOR}

PLAIN_TEXT: Final = "text/plain"


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query of an operation that takes none."""


Value = TypeVar("Value")


def or_none(value: Value | UnsetType) -> Value | None:
    """None for what was not given."""
    return None if value is UNSET else value


Query = TypeVar("Query")
Body = TypeVar("Body")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Query, Body]):
    """A request as an operation sees it: checked against its declaration."""

    hub: Hub
    metrics: CollectorRegistry
    headers: Headers
    path: Mapping[str, str]
    query: Query
    body: Body
    extractor: LiveExtractor
    actor: Actor | None
    still_there: Callable[[], Awaitable[None]]
    """Raises when the caller has left or may not read any longer: for operations that wait."""

    @property
    def author(self) -> Actor:
        """The caller's own author, under whom they write. Of operations that want a token."""
        assert self.actor is not None
        return self.actor

    @property
    def identity(self) -> Identity:
        """Who calls. Of operations that want a token."""
        return self.author.identity


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers: a value of the type that is declared for the status, or a text where that is."""

    value: Any = None
    status: HTTPStatus = field(default=HTTPStatus.OK, kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    media_type: str = field(default="application/json", kw_only=True)


Content = type[msgspec.Struct] | UnionType | str | None
"""What an answer holds: a struct, one of several, a text of a media type, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    `roles` may call it at all (None: no token is wanted); what else they need, the operation sees to. `who` says it for
    people. `body` is None where there is none; where it is not required, no body is as good as `{}`. `problems` are
    those that do not follow from the rest. `headers` are those of its successful answers,
    `request_headers` those that it looks at, each with what it means.
    """

    method: str
    path: str
    id: str
    summary: str
    who: str
    run: Callable[[Call[Any, Any]], Awaitable[Answer]]
    answers: Mapping[HTTPStatus, Content]
    roles: frozenset[Role] | None = EVERYBODY
    query: type[msgspec.Struct] = NoParameters
    body: Any = None
    body_required: bool = True
    problems: frozenset[ProblemCode] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)
    request_headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def path_parameters(self) -> tuple[str, ...]:
        """The names in its path."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))

    @property
    def all_problems(self) -> frozenset[ProblemCode]:
        """Every problem it may answer with; `internal` is none of them, and a wrong method is no operation."""
        found = {ProblemCode.INVALID, *self.problems}
        if self.roles is not None:
            found |= {ProblemCode.UNAUTHENTICATED, ProblemCode.RATE_LIMITED, ProblemCode.UNAVAILABLE}
        if self.roles is not None and self.roles != EVERYBODY:
            found.add(ProblemCode.FORBIDDEN)
        if self.path_parameters:
            found.add(ProblemCode.NOT_FOUND)
        if self.body is not None:
            found |= {ProblemCode.MALFORMED, ProblemCode.TOO_LARGE, ProblemCode.UNSUPPORTED_MEDIA_TYPE}
        return frozenset(found)
