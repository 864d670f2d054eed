"""Logging out."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from syncline_protocol.documents.identity import Role
from syncline_protocol.limits import DEVICE_BYTES_MAX

from syncline_server.rest.declaration import Answer, Call, Operation
from syncline_server.rest.problems import Problem, ProblemCode


class Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`device`: the one to log out; all if it is not named."""

    device: Annotated[str, msgspec.Meta(max_length=DEVICE_BYTES_MAX)] = ""


async def end(call: Call[Device, None]) -> Answer:
    """Log out: oneself, or (admins) anybody of the tenant."""
    user = call.path["user"]
    if user != call.identity.user and call.identity.role is not Role.ADMIN:
        raise Problem(ProblemCode.FORBIDDEN, "only an admin logs others out")
    await call.hub.revoke(call.identity.tenant, user, call.query.device)
    return Answer(status=HTTPStatus.NO_CONTENT)


OPERATIONS = (
    Operation(
        method="DELETE",
        path="/v1/users/{user}/sessions",
        id="end_sessions",
        summary="Logs out: tokens issued up to now are worthless, live sessions end; `?device=` for one device only",
        who="oneself, admins",
        run=end,
        query=Device,
        answers={HTTPStatus.NO_CONTENT: None},
        problems=frozenset({ProblemCode.FORBIDDEN}),
    ),
)
