"""Whether the process answers, whether the store takes writes, and how much of everything there is."""

from http import HTTPStatus

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from syncline_server.rest.declaration import PLAIN_TEXT, Answer, Call, NoParameters, Operation


class Readiness(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether the store takes writes; if not, why."""

    ready: bool
    reason: str | None = None


async def health(_: Call[NoParameters, None]) -> Answer:
    """The process answers."""
    return Answer("ok\n", media_type=PLAIN_TEXT)


async def ready(call: Call[NoParameters, None]) -> Answer:
    """As far as is known."""
    failure = call.hub.log.failure
    if failure is None:
        return Answer(Readiness(ready=True))
    return Answer(Readiness(ready=False, reason=str(failure)), status=HTTPStatus.SERVICE_UNAVAILABLE)


async def metrics(call: Call[NoParameters, None]) -> Answer:
    """Prometheus' text format."""
    return Answer(generate_latest(call.metrics), media_type=CONTENT_TYPE_LATEST)


OPERATIONS = (
    Operation(
        method="GET",
        path="/healthz",
        id="health",
        summary="200 while the process answers",
        who="anyone",
        roles=None,
        run=health,
        answers={HTTPStatus.OK: PLAIN_TEXT},
    ),
    Operation(
        method="GET",
        path="/readyz",
        id="readiness",
        summary="200 while the store takes writes; else 503 with the reason",
        who="anyone",
        roles=None,
        run=ready,
        answers={HTTPStatus.OK: Readiness, HTTPStatus.SERVICE_UNAVAILABLE: Readiness},
    ),
    Operation(
        method="GET",
        path="/metrics",
        id="metrics",
        summary="Prometheus' text format",
        who="anyone who reaches the port",
        roles=None,
        run=metrics,
        answers={HTTPStatus.OK: PLAIN_TEXT},
    ),
)
