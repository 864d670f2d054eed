"""What can go wrong between a device and the server, as one tree.

    SynclineError
    ├── ProtocolViolation      the peer broke the protocol: the connection ends with `close_code`
    └── RefusedUpdate          one update is not taken: the connection goes on; `code` says what the device does next

`ProtocolViolation` is raised by the codec and the session tables; `RefusedUpdate` by the scanner, the indexes and the
rules. Each is translated to the wire in exactly one place: the session.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final


class CloseCode(IntEnum):
    """WebSocket close codes of ours. 44xx: stop, a person or a program must change something. 45xx: come back later."""

    MALFORMED_FRAME = 4400
    UNAUTHENTICATED = 4401
    FORBIDDEN = 4403
    HELLO_TIMEOUT = 4408
    REPLACED = 4409
    SESSION_REVOKED = 4410
    TOKEN_EXPIRED = 4411
    TOO_LARGE = 4413
    UPDATE_REFUSED = 4422
    VERSION_NOT_SPOKEN = 4426
    INTERNAL = 4500
    STORAGE_UNAVAILABLE = 4503
    SHUTTING_DOWN = 4504
    TOO_MANY = 4529


class RefusalCode(StrEnum):
    """Why an update, or an open, was refused."""

    MALFORMED = "malformed"
    NOT_YOURS = "not_yours"
    GAP = "gap"
    FORKED = "forked"
    FORBIDDEN = "forbidden"
    INVALID = "invalid"
    CLOCK_AHEAD = "clock_ahead"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    NOT_OPEN = "not_open"
    NOT_FOUND = "not_found"
    QUARANTINED = "quarantined"
    UNAVAILABLE = "unavailable"


NEXT_STEP: Final[Mapping[RefusalCode, str]] = MappingProxyType(
    {
        RefusalCode.MALFORMED: "keep the edit in the outbox as refused, show it to its author; the session is closed",
        RefusalCode.NOT_YOURS: "ask for a new lease and write the unsent records again under it",
        RefusalCode.GAP: "send everything again from the vector in the answer",
        RefusalCode.FORKED: "ask for a new lease and write the unsent records again under it",
        RefusalCode.FORBIDDEN: "keep the edit in the outbox as refused and show it to its author",
        RefusalCode.INVALID: "keep the edit in the outbox as refused and show it to its author",
        RefusalCode.CLOCK_AHEAD: "correct the clock by the server's time, write the record again and send it",
        RefusalCode.TOO_LARGE: "keep the edit in the outbox as refused and show it to its author",
        RefusalCode.RATE_LIMITED: "send again after `retry_after_ms`",
        RefusalCode.NOT_OPEN: "open the document and send again",
        RefusalCode.NOT_FOUND: "keep the edit in the outbox as refused and show it to its author",
        RefusalCode.QUARANTINED: "keep the edit in the outbox; the document is read-only until an operator has seen it",
        RefusalCode.UNAVAILABLE: "send again after `retry_after_ms`",
    }
)
"""What the device does with a refused update. Nothing is dropped: a refused edit stays readable in the outbox (P5)."""


class SynclineError(Exception):
    """Root of the tree."""


class ProtocolViolation(SynclineError):
    """The peer sent what the protocol does not allow; the connection ends with `close_code` and `reason`."""

    def __init__(self, close_code: CloseCode, reason: str) -> None:
        super().__init__(f"{close_code.name} ({close_code.value}): {reason}")
        self.close_code = close_code
        self.reason = reason


class RefusedUpdate(SynclineError):
    """An update or an open is not taken. `detail` carries what the next step needs (`vector`, `record`, …)."""

    def __init__(self, code: RefusalCode, reason: str, *, detail: Mapping[str, object] = MappingProxyType({})) -> None:
        super().__init__(f"{code.value}: {reason}")
        self.code = code
        self.reason = reason
        self.detail = detail
