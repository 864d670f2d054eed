"""The first frame of a device on `/v1/sync`: who it is, and what it is told.

Between session and hub. Behind the `Welcome` the user is known, the device has a client id to write under, and the hub
knows of the session.
"""

from typing import TYPE_CHECKING, Final

from syncline_protocol import frames, limits
from syncline_protocol.errors import CloseCode, ProtocolViolation

if TYPE_CHECKING:
    from syncline_server.session import Session

LIMITS: Final = frames.Limits(
    limits.FRAME_BYTES_MAX, limits.UPDATE_BYTES_MAX, limits.UPDATES_IN_FLIGHT_MAX, limits.OPEN_DOCUMENTS_MAX
)
"""What every device is told."""


async def greet(session: "Session", hello: frames.Hello) -> None:
    """Answer a `Hello`. Raises `ProtocolViolation` when it is not to be welcomed."""
    hub = session.hub
    if hello.version != limits.PROTOCOL_VERSION:
        raise ProtocolViolation(
            CloseCode.VERSION_NOT_SPOKEN,
            f"this server speaks version {limits.PROTOCOL_VERSION}, not {hello.version}",
        )
    if not 0 < len(hello.device.encode()) <= limits.DEVICE_BYTES_MAX:
        raise ProtocolViolation(CloseCode.MALFORMED_FRAME, f"a device's name has 1 to {limits.DEVICE_BYTES_MAX} bytes")
    grant = hub.authority.check(hello.token, now_ms=hub.now_ms())
    identity = grant.identity(hello.device)
    if hub.authority.is_revoked(identity.tenant, identity.user, identity.device, grant.issued_ms):
        raise ProtocolViolation(CloseCode.SESSION_REVOKED, "this device was logged out")
    client = await hub.lease(identity, hello.client)
    if not session.connected:
        return
    session.known(identity, grant, client)
    hub.join(session)
    session.send(
        frames.Welcome(
            session.id,
            identity.tenant,
            identity.user,
            identity.role.value,
            client,
            hub.now_ms(),
            grant.expires_ms,
            LIMITS,
        )
    )
