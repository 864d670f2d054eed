"""From the list of operations to routes: who calls, whether they may, what they sent, and what comes of it.

The order in which a request is refused: no token that counts (401), too many requests (429), a role that may not (403),
path, query and body not as declared (422, 415, 413, 400), and then what the operation itself says.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

import msgspec
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from syncline_protocol.errors import ProtocolViolation, RefusedUpdate

from syncline_server.hub import Hub
from syncline_server.projections.model import InvalidQuery, UnknownPlace
from syncline_server.rest import cursors, problems, reading
from syncline_server.rest.callers import Callers
from syncline_server.rest.declaration import Answer, Call, Operation
from syncline_server.rest.live_extractor import LiveExtractor
from syncline_server.rest.operations import OPERATIONS
from syncline_server.rest.problems import Problem, ProblemCode
from syncline_server.storage.interface import StoreError

Endpoint = Callable[[Request], Awaitable[Response]]

CODE_OF_STATUS: Final = {
    HTTPStatus.NOT_FOUND: ProblemCode.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: ProblemCode.METHOD_NOT_ALLOWED,
}


class Rest:
    """The REST interface of one hub. An async context manager."""

    def __init__(self, hub: Hub, metrics: CollectorRegistry) -> None:
        self._hub = hub
        self._metrics = metrics
        self._callers = Callers(hub)
        self._extractor = LiveExtractor(hub.configuration)

    async def __aenter__(self) -> Self:
        await self._extractor.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._extractor.__aexit__(kind, error, trace)

    def routes(self) -> Sequence[Route]:
        """One route for each path, so that a wrong method is told all the right ones."""
        paths: dict[str, dict[str, Operation]] = {}
        for operation in OPERATIONS:
            paths.setdefault(operation.path, {})[operation.method] = operation
        return [Route(path, self._endpoint(by_method), methods=[*by_method]) for path, by_method in paths.items()]

    def _endpoint(self, by_method: Mapping[str, Operation]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            method = "GET" if request.method == "HEAD" else request.method
            return await self._answered(by_method[method], request)

        return endpoint

    async def _answered(self, operation: Operation, request: Request) -> Response:
        """Turn what an operation raises into problem details, in this one place."""
        try:
            return _response(operation, await operation.run(await self._call(operation, request)))
        except Problem as problem:
            return problems.answer(problem)
        except RefusedUpdate as refusal:
            return problems.answer(problems.of_refusal(refusal))
        except ProtocolViolation as violation:
            return problems.answer(problems.of_violation(violation))
        except UnknownPlace as error:
            name = next(one for one in ("since", "cursor") if one in operation.query.__struct_fields__)
            return problems.answer(cursors.unknown(name, str(error)))
        except InvalidQuery as error:
            return problems.answer(Problem(ProblemCode.INVALID, str(error)))
        except StoreError as error:
            return problems.answer(Problem(ProblemCode.UNAVAILABLE, f"the store does not answer: {error}"))
        except ClientDisconnect:  # nobody reads this; nothing was begun
            return problems.answer(Problem(ProblemCode.MALFORMED, "the caller has left"))

    async def _call(self, operation: Operation, request: Request) -> Call[object, object]:
        actor = None
        if operation.roles is not None:
            actor = await self._callers.caller(request)
            role = actor.identity.role
            if role not in operation.roles:
                raise Problem(ProblemCode.FORBIDDEN, f"this is not for a {role.value}: {operation.who}")
        return Call(
            hub=self._hub,
            metrics=self._metrics,
            headers=request.headers,
            path=reading.path(request, operation),
            query=reading.query(request, operation.query),
            body=None if operation.body is None else await reading.body(request, operation),
            extractor=self._extractor,
            actor=actor,
            still_there=lambda: self._check(request),
        )

    async def _check(self, request: Request) -> None:
        self._callers.check(request)
        if await request.is_disconnected():
            raise ClientDisconnect


def _response(operation: Operation, answer: Answer) -> Response:
    declared = operation.answers[answer.status]
    if declared is None:
        return Response(status_code=answer.status, headers=answer.headers)
    if isinstance(declared, str):
        content = answer.value
    else:
        assert isinstance(answer.value, declared), (operation.id, answer.value)
        content = msgspec.json.encode(answer.value)
    return Response(content, answer.status, headers=answer.headers, media_type=answer.media_type)


async def unknown(_: Request, error: Exception) -> Response:
    """What no route answers: not found, or not with this method."""
    if not isinstance(error, HTTPException):
        raise error
    code = CODE_OF_STATUS.get(HTTPStatus(error.status_code), ProblemCode.MALFORMED)
    allowed = (error.headers or {}).get("Allow")
    headers = {} if allowed is None else {"Allow": ", ".join(sorted(allowed.split(", ")))}
    return problems.answer(Problem(code, str(error.detail), headers=headers))


async def failed(_: Request, __: Exception) -> Response:
    """The server's fault. What it is stands in its log, not in the answer."""
    return problems.answer(Problem(ProblemCode.INTERNAL, "the server failed; its log says how"))
