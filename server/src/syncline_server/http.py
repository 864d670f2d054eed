"""The HTTP side: health, metrics, and the requests that conversations cannot do without.

Errors are problem details (RFC 9457). Rights rest on the path and the token, never on the request's host or URL. The
REST interface proper comes with the ticket domain; what is here writes through the same admission and log as the
sockets.
"""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Final, TypeVar

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from syncline_protocol.documents.fields import LanguageTag, Subject, UserId, Word
from syncline_protocol.documents.identity import STAFF, Role
from syncline_protocol.errors import CloseCode, ProtocolViolation, RefusalCode, RefusedUpdate

from syncline_server.auth import Grant
from syncline_server.conversations import head_name, segment_name
from syncline_server.hub import Hub
from syncline_server.storage.interface import StoreError

BODY_BYTES_MAX: Final = 64 * 1024
PROBLEM: Final = "application/problem+json"

Endpoint = Callable[[Request], Awaitable[Response]]
Id = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
Body = TypeVar("Body", bound=msgspec.Struct)

MAY_CHANGE_PARTICIPANTS: Final = STAFF - {Role.AUDITOR}

STATUS_OF: Final = {
    RefusalCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    RefusalCode.NOT_YOURS: HTTPStatus.FORBIDDEN,
    RefusalCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    RefusalCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    RefusalCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    RefusalCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    RefusalCode.QUARANTINED: HTTPStatus.CONFLICT,
}


class NewConversation(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /v1/conversations`. With an `id` of the caller's, sending it again makes nothing new."""

    subject: Subject
    channel: Word
    customer: UserId | None = None
    language: LanguageTag = "zh"
    id: Id | None = None


class NewParticipant(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /v1/conversations/{id}/participants`."""

    user: UserId
    role: Role = Role.AGENT


class Problem(Exception):
    """An answer that is an error."""

    def __init__(self, status: HTTPStatus, title: str) -> None:
        super().__init__(title)
        self.status = status
        self.title = title


class Http:
    """The endpoints of one hub."""

    def __init__(self, hub: Hub, metrics: CollectorRegistry) -> None:
        self._hub = hub
        self._metrics = metrics

    def routes(self) -> Sequence[Route]:
        """Every HTTP route of the server."""
        return [
            Route("/healthz", self.health),
            Route("/readyz", self.ready),
            Route("/metrics", self.metrics),
            Route("/v1/conversations", _answer(self.create_conversation), methods=["POST"]),
            Route("/v1/conversations/{id}", _answer(self.show_conversation), methods=["GET"]),
            Route("/v1/conversations/{id}/participants", _answer(self.add_participant), methods=["POST"]),
            Route("/v1/conversations/{id}/participants/{user}", _answer(self.remove_participant), methods=["DELETE"]),
            Route("/v1/users/{user}/sessions", _answer(self.end_sessions), methods=["DELETE"]),
        ]

    # --- health

    async def health(self, _: Request) -> Response:
        """The process answers."""
        return PlainTextResponse("ok\n")

    async def ready(self, _: Request) -> Response:
        """The store takes writes, as far as is known; if not, why."""
        failure = self._hub.log.failure
        if failure is None:
            return JSONResponse({"ready": True})
        return JSONResponse({"ready": False, "reason": str(failure)}, status_code=HTTPStatus.SERVICE_UNAVAILABLE)

    async def metrics(self, _: Request) -> Response:
        """Prometheus' text format."""
        return Response(generate_latest(self._metrics), media_type=CONTENT_TYPE_LATEST)

    # --- conversations

    async def create_conversation(self, request: Request) -> Response:
        """Staff for any customer; a customer for themselves."""
        grant = self._grant(request)
        wanted = await _body(request, NewConversation)
        if grant.role is Role.AUDITOR:
            raise Problem(HTTPStatus.FORBIDDEN, "an auditor writes nothing")
        if grant.role is Role.CUSTOMER and wanted.customer not in (None, grant.user):
            raise Problem(HTTPStatus.FORBIDDEN, "a customer opens conversations of their own only")
        customer = grant.user if grant.role is Role.CUSTOMER else wanted.customer
        conversation = await self._hub.conversations.create(
            grant.identity("rest"),
            subject=wanted.subject,
            channel=wanted.channel,
            language=wanted.language,
            customer=customer,
            id=wanted.id,
        )
        answer = {"id": conversation, "document": head_name(conversation), "segment": segment_name(conversation, 1)}
        return JSONResponse(answer, status_code=HTTPStatus.CREATED)

    async def show_conversation(self, request: Request) -> Response:
        """What the head says: subject, people, segments."""
        grant = self._grant(request)
        conversation = request.path_params["id"]
        document, _ = await self._hub.open(grant.identity("rest"), head_name(conversation))
        self._hub.unpin(document)
        head = await self._hub.conversations.head(grant.tenant, conversation)
        if head is None:
            raise RefusedUpdate(RefusalCode.NOT_FOUND, f"there is no conversation {conversation}")
        return Response(msgspec.json.encode(head), media_type="application/json")

    async def add_participant(self, request: Request) -> Response:
        """Let a user take part."""
        grant = self._staff(request)
        wanted = await _body(request, NewParticipant)
        if wanted.role is Role.SERVER:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the server's role is not given to anybody")
        conversation = request.path_params["id"]
        await self._hub.conversations.add_participant(grant.tenant, conversation, wanted.user, wanted.role.value)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def remove_participant(self, request: Request) -> Response:
        """Let a user take part no longer; what they have open is withdrawn at once."""
        grant = self._staff(request)
        conversation, user = request.path_params["id"], request.path_params["user"]
        await self._hub.conversations.remove_participant(grant.tenant, conversation, user)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    # --- sessions

    async def end_sessions(self, request: Request) -> Response:
        """Log out: oneself, or (admins) anybody of the tenant; `?device=` for one device only."""
        grant = self._grant(request)
        user = request.path_params["user"]
        if user != grant.user and grant.role is not Role.ADMIN:
            raise Problem(HTTPStatus.FORBIDDEN, "only an admin logs others out")
        await self._hub.revoke(grant.tenant, user, request.query_params.get("device", ""))
        return Response(status_code=HTTPStatus.NO_CONTENT)

    # --- rights

    def _grant(self, request: Request) -> Grant:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Problem(HTTPStatus.UNAUTHORIZED, "send a token: `Authorization: Bearer …`")
        return self._hub.authority.check(token, now_ms=self._hub.now_ms())

    def _staff(self, request: Request) -> Grant:
        grant = self._grant(request)
        if grant.role not in MAY_CHANGE_PARTICIPANTS:
            raise Problem(HTTPStatus.FORBIDDEN, f"a {grant.role.value} does not change who takes part")
        return grant


def _answer(endpoint: Endpoint) -> Endpoint:
    """Turn what an endpoint raises into problem details, in this one place."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Problem as problem:
            return _problem(problem.status, problem.title)
        except RefusedUpdate as refusal:
            return _problem(STATUS_OF.get(refusal.code, HTTPStatus.UNPROCESSABLE_ENTITY), refusal.reason, refusal.code)
        except ProtocolViolation as violation:
            known = violation.close_code is not CloseCode.STORAGE_UNAVAILABLE
            return _problem(HTTPStatus.UNAUTHORIZED if known else HTTPStatus.SERVICE_UNAVAILABLE, violation.reason)
        except StoreError as error:
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, f"the store does not answer: {error}")

    return answered


async def unknown(_: Request, error: Exception) -> Response:
    """What no route answers: not found, or not with this method."""
    if not isinstance(error, HTTPException):
        raise error
    return _problem(HTTPStatus(error.status_code), str(error.detail))


def _problem(status: HTTPStatus, detail: str, code: RefusalCode | None = None) -> Response:
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    if code is not None:
        body["code"] = code.value
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else None
    return JSONResponse(body, status_code=status, media_type=PROBLEM, headers=headers)


async def _body(request: Request, kind: type[Body]) -> Body:
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > BODY_BYTES_MAX:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is over {BODY_BYTES_MAX} bytes")
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"the body is not as expected: {error}") from error
