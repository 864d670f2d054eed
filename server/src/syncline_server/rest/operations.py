"""Every operation there is. Routes and `/openapi.json` are made from this list, and the guide is held to it."""

from functools import cache
from http import HTTPStatus
from importlib import metadata
from typing import Final

import msgspec

from syncline_server.rest import (
    configuration,
    conversations,
    extraction,
    health,
    inbox,
    messages,
    openapi,
    reports,
    search,
    sessions,
    ticket_events,
    tickets,
)
from syncline_server.rest.declaration import Answer, Call, NoParameters, Operation
from syncline_server.rest.reading import JSON


async def describe(_: Call[NoParameters, None]) -> Answer:
    """This list, as OpenAPI."""
    return Answer(_description())


@cache
def _description() -> bytes:
    return msgspec.json.encode(openapi.document(OPERATIONS, metadata.version("syncline-server")))


OPERATIONS: Final[tuple[Operation, ...]] = (
    *health.OPERATIONS,
    Operation(
        method="GET",
        path="/openapi.json",
        id="description",
        summary="This description, as OpenAPI 3.1",
        who="anyone",
        roles=None,
        run=describe,
        answers={HTTPStatus.OK: JSON},
    ),
    *conversations.OPERATIONS,
    *messages.OPERATIONS,
    *extraction.OPERATIONS,
    *tickets.OPERATIONS,
    *ticket_events.OPERATIONS,
    *inbox.OPERATIONS,
    *search.OPERATIONS,
    *reports.OPERATIONS,
    *configuration.OPERATIONS,
    *sessions.OPERATIONS,
)
