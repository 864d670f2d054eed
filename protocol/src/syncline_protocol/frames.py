"""The frames of `/v1/sync`: every message a device and the server exchange, as frozen values.

A frame is a MessagePack array whose first element is its number; the other elements are the fields below in their
order. `codec.py` is the only module that knows the bytes, `session.py` says when each may be sent, `docs/protocol.md`
is the normative text. Numbers below 32 go from device to server, from 32 on from server to device; `Fragment` goes both
ways.

A *channel* is the server's number for an open document, the same on all connections, so that one encoded frame serves
every subscriber. An update's *id* is the device's own number for it, unique within the connection.
"""

from enum import IntEnum
from typing import Annotated, Any, Final

import msgspec

Natural = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""A whole number that JavaScript holds exactly: channels, ids, sequence numbers, clocks, times."""


class Frame(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What all frames are. Fields are positional on the wire."""


class Access(IntEnum):
    """What a session may do with a document."""

    NONE = 0
    READ = 1
    APPEND = 2
    """Add records of one's own."""
    WRITE = 3
    """Write Yjs content."""


# --- device to server --------------------------------------------------------------------------------------------


class Hello(Frame, frozen=True, tag=1):
    """The first frame. `client` is the client id (lease) the device holds, 0 if none; `agent` names its software."""

    version: Natural
    token: str
    device: str
    client: Natural
    agent: str


class OpenDocument(Frame, frozen=True):
    """One document of an `Open`: `epoch` 0 and `cursor` 0 if the device has nothing of it.

    `pending` says that the device holds edits of it which are not acknowledged, and so has to know its `clock`.
    """

    name: str
    epoch: Natural
    cursor: Natural
    pending: bool


class Open(Frame, frozen=True, tag=2):
    """Open documents. Answered by one `Opened` with the same `request` and answers in the same order."""

    request: Natural
    documents: list[OpenDocument]


class Update(Frame, frozen=True, tag=3):
    """One update (Yjs update format v1) of an open document. Answered by `Acks` or `Refused` with the same `id`."""

    channel: Natural
    id: Natural
    payload: bytes


class Close(Frame, frozen=True, tag=4):
    """The device no longer follows the document. Not answered; updates sent before are still answered."""

    channel: Natural


class SetPresence(Frame, frozen=True, tag=5):
    """What others may see of this session in the document, e.g. `{"typing": true}`; None withdraws it."""

    channel: Natural
    state: dict[str, Any] | None


class Digest(Frame, frozen=True, tag=6):
    """The device is at `cursor` and its content's digest is `digest`. Answered by `DigestChecked`."""

    channel: Natural
    cursor: Natural
    digest: bytes


class Renew(Frame, frozen=True, tag=7):
    """A newer token of the same user, tenant and device. Answered by `Renewed`."""

    token: str


class RequestLease(Frame, frozen=True, tag=8):
    """The device needs another client id (its store was restored from a backup). Answered by `Leased`."""


class Fragment(Frame, frozen=True, tag=9):
    """Part of an encoded frame that is too large for one message; the frame is whole when `more` is false."""

    more: bool
    payload: bytes


# --- server to device --------------------------------------------------------------------------------------------


class Limits(Frame, frozen=True):
    """The server's limits that a device has to know."""

    frame_bytes_max: Natural
    update_bytes_max: Natural
    updates_in_flight_max: Natural
    open_documents_max: Natural


class Welcome(Frame, frozen=True, tag=32):
    """The session stands. `client` is the client id (lease) to write under. Times are Unix time in milliseconds."""

    session: str
    tenant: str
    user: str
    role: str
    client: Natural
    server_time_ms: Natural
    token_expires_ms: Natural
    limits: Limits


class OpenedDocument(Frame, frozen=True):
    """One answer of an `Opened`.

    `channel` is 0 and `access` NONE when refused (see `Opened.refused`). `head` is the last sequence number: equal to
    the device's cursor, nothing follows; else `Snapshot` and `Updates` follow up to it. `clock` is the next clock the
    server expects of the session's client id in this document, told when the device said `pending` (else 0): above the
    device's own means a restored backup. `epoch` is 0 when it is the device's, else the document's: what the device had
    is of another history, and it starts anew from what follows.
    """

    channel: Natural
    access: Natural
    head: Natural
    clock: Natural
    epoch: Natural


class OpenRefusal(Frame, frozen=True):
    """Why the document at `index` of the `Open` was refused."""

    index: Natural
    code: str
    reason: str


class Opened(Frame, frozen=True, tag=33):
    """Answers to an `Open`, in its order. Comes before any `Snapshot` or `Updates` of these documents."""

    request: Natural
    documents: list[OpenedDocument]
    refused: list[OpenRefusal]


class Updates(Frame, frozen=True, tag=34):
    """Updates of others, or a device's own of an earlier connection: `payloads[i]` has sequence number `seq + i`."""

    channel: Natural
    seq: Natural
    payloads: list[bytes]


class Snapshot(Frame, frozen=True, tag=35):
    """Everything up to and including `seq` as one update."""

    channel: Natural
    seq: Natural
    payload: bytes


class Acks(Frame, frozen=True, tag=36):
    """Updates that are durable, flat: channel, id, seq, channel, id, seq, …

    An update the server already had is acknowledged with `seq` 0: it is durable at a position the device is sent
    as `Updates`, or already has.
    """

    updates: list[Natural]


class Refused(Frame, frozen=True, tag=37):
    """An update is not taken. `code` is a `RefusalCode`; `detail` holds what its next step needs."""

    channel: Natural
    id: Natural
    code: str
    reason: str
    detail: dict[str, Any]


class Evicted(Frame, frozen=True, tag=38):
    """The document is closed for this session (rights withdrawn, document gone). Updates in flight are refused."""

    channel: Natural
    code: str
    reason: str


class Presence(Frame, frozen=True, tag=39):
    """Presence of another session; None: withdrawn. `session`, `user` and `device` are set by the server."""

    channel: Natural
    session: str
    user: str
    device: str
    state: dict[str, Any] | None


class DigestChecked(Frame, frozen=True, tag=40):
    """The server's digest at `cursor`; empty if it has none for that position (the device asks again when next up to
    date).
    """

    channel: Natural
    cursor: Natural
    equal: bool
    digest: bytes


class Renewed(Frame, frozen=True, tag=41):
    """The session lives until `token_expires_ms`."""

    token_expires_ms: Natural


class Leased(Frame, frozen=True, tag=42):
    """A new client id for this device; the old one must not be written under again."""

    client: Natural


class Busy(Frame, frozen=True, tag=43):
    """The server is about to close the connection, or sheds load: come back after `retry_after_ms`."""

    retry_after_ms: Natural
    reason: str


DeviceFrame = Hello | Open | Update | Close | SetPresence | Digest | Renew | RequestLease | Fragment
"""What a device sends."""

ServerFrame = (
    Welcome
    | Opened
    | Updates
    | Snapshot
    | Acks
    | Refused
    | Evicted
    | Presence
    | DigestChecked
    | Renewed
    | Leased
    | Busy
    | Fragment
)
"""What the server sends."""

UP_TO_DATE_BYTES_MAX: Final = 16
"""What an unchanged document costs in an `Opened`, at most."""
