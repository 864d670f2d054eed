"""The inbox: a window of conversations by recency, and what changed in it since a position."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, UnsetType
from syncline_protocol.documents.fields import Word
from syncline_protocol.documents.identity import Role
from syncline_protocol.listings import InboxChanges, InboxPage

from syncline_server.projections.model import View
from syncline_server.rest.conversations import NOBODY_ELSE
from syncline_server.rest.declaration import Answer, Call, Operation, StatusAsked, or_none
from syncline_server.rest.problems import Problem, ProblemCode
from syncline_server.rest.projected import projected

LIMIT: Final = 50
LIMIT_MAX: Final = 200

WAIT_S_MAX: Final = 30
"""How long an answer that nothing has changed is held back at most: what proxies bear."""

STEP_S: Final = 2.0
"""How often, meanwhile, it is looked whether the caller is still there and may still read it (P9)."""

Limit = Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)]


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`view`: `all` if it is not named. `status`: of a ticket, or `open`. `group`: all of this group; it goes with no
    other view. With the view `group` and no group named, all of the caller's groups.
    """

    view: View | UnsetType = UNSET
    status: StatusAsked | UnsetType = UNSET
    group: Word | UnsetType = UNSET
    limit: Limit = LIMIT


class InboxQuery(Window, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page. `cursor`: where the page before it ended."""

    cursor: str = ""


class ChangesQuery(Window, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`since`: the position to go on from; `wait`: seconds to wait for a change, if there is none."""

    since: str
    wait: Annotated[int, msgspec.Meta(ge=0, le=WAIT_S_MAX)] = 0


class ConversationQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page. `cursor`: where the page before it ended."""

    limit: Limit = LIMIT
    cursor: str = ""


def _window(call: Call[Any, None]) -> dict[str, Any]:
    query = call.query
    status, group = or_none(query.status), or_none(query.group)
    if status is not None and call.identity.role is Role.CUSTOMER:
        raise Problem(ProblemCode.FORBIDDEN, "a customer's inbox is not narrowed by the status that the staff sees")
    view = or_none(query.view) or View.ALL
    if group is not None and view is View.ALL:
        view = View.GROUP  # all of the group
    return {"view": view, "status": status, "group": group, "limit": query.limit}


async def read(call: Call[InboxQuery, None]) -> Answer:
    """A page of the caller's inbox."""
    projections = await projected(call.hub)
    return Answer(await projections.inbox(call.identity, **_window(call), cursor=call.query.cursor or None))


async def list_conversations(call: Call[ConversationQuery, None]) -> Answer:
    """Every conversation that the caller may see."""
    projections = await projected(call.hub)
    return Answer(await projections.inbox(call.identity, limit=call.query.limit, cursor=call.query.cursor or None))


async def changes(call: Call[ChangesQuery, None]) -> Answer:
    """What changed, waited for. What others are told of is no change here, and is waited past."""
    projections = await projected(call.hub)
    loop = asyncio.get_running_loop()
    until_s = loop.time() + call.query.wait
    since = call.query.since
    while True:
        found = await projections.inbox_changes(call.identity, since=since, **_window(call))
        left_s = until_s - loop.time()
        if found.rows or found.removed or found.more or found.stale or left_s <= 0:
            return Answer(found)
        since = found.position
        await projections.wait_for_change(call.identity.tenant, since, min(left_s, STEP_S))
        await call.still_there()


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/inbox",
        id="read_inbox",
        summary="Conversations by recency: all, unread, mine, those of a group; by the status of their tickets",
        who="everyone, of what they may see",
        run=read,
        query=InboxQuery,
        answers={HTTPStatus.OK: InboxPage},
        problems=NOBODY_ELSE | {ProblemCode.NOT_FOUND},
    ),
    Operation(
        method="GET",
        path="/v1/inbox/changes",
        id="read_inbox_changes",
        summary="What changed in it since a position; `wait` holds the answer back until something does",
        who="everyone, of what they may see",
        run=changes,
        query=ChangesQuery,
        answers={HTTPStatus.OK: InboxChanges},
        problems=NOBODY_ELSE | {ProblemCode.NOT_FOUND},
    ),
    Operation(
        method="GET",
        path="/v1/conversations",
        id="list_conversations",
        summary="Conversations by recency: the inbox with the view `all`",
        who="everyone, of what they may see",
        run=list_conversations,
        query=ConversationQuery,
        answers={HTTPStatus.OK: InboxPage},
        problems=frozenset({ProblemCode.NOT_FOUND}),
    ),
)
