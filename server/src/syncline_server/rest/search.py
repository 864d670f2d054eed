"""Full-text search over messages and tickets."""

from http import HTTPStatus
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType
from syncline_protocol.listings import SearchPage

from syncline_server.rest.declaration import Answer, Call, Id, Operation, or_none
from syncline_server.rest.problems import ProblemCode
from syncline_server.rest.projected import projected

LIMIT: Final = 20
LIMIT_MAX: Final = 100
QUERY_CHARACTERS_MAX: Final = 500


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`q`: what to look for, all of it; `kind`: only messages, or only tickets; `conversation`: only in this one."""

    q: Annotated[str, msgspec.Meta(min_length=1, max_length=QUERY_CHARACTERS_MAX)]
    kind: Literal["message", "ticket"] | UnsetType = UNSET
    conversation: Id | UnsetType = UNSET
    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = LIMIT
    cursor: str = ""


async def search(call: Call[SearchQuery, None]) -> Answer:
    """What the caller may read and that holds all of it, the newest first."""
    query = call.query
    projections = await projected(call.hub)
    page = await projections.search(
        call.identity,
        query.q,
        limit=query.limit,
        cursor=query.cursor or None,
        kind=or_none(query.kind),
        conversation=or_none(query.conversation),
    )
    return Answer(page)


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/search",
        id="search",
        summary="Messages and tickets that hold all of `q`, the newest first",
        who="everyone, of what they may see",
        run=search,
        query=SearchQuery,
        answers={HTTPStatus.OK: SearchPage},
        problems=frozenset({ProblemCode.NOT_FOUND}),
    ),
)
