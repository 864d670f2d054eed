"""What the server asks of the worker process, and how both ends say it.

Between `worker.py` (asks) and `replay.py` (answers), over the process's standard input and output: frames of
MessagePack, each behind its length in four bytes, most significant first. A job is one `Start`, any number of `Piece`s
and one `End`; its answer is one `Done` or `Failed`, and comes after the `End`.
"""

import struct
from collections.abc import Callable
from typing import Final

import msgspec
from syncline_protocol.names import Language

LENGTH: Final = struct.Struct(">I")
"""Before each frame."""


class Compact(msgspec.Struct, frozen=True, tag="compact", array_like=True):
    """Replay the updates into one. Answered by `Compacted`."""

    language: Language


class Diff(msgspec.Struct, frozen=True, tag="diff", array_like=True):
    """Replay the updates, and give what a replica with this state vector lacks. Answered by `Diffed`."""

    vector: bytes


class Digest(msgspec.Struct, frozen=True, tag="digest", array_like=True):
    """Replay the updates, and give the digest of what they make. Answered by `Digested`."""

    language: Language


class Compacted(msgspec.Struct, frozen=True, tag="compacted", array_like=True):
    """`payload`: one update that has them all. `index`: the admission index of it. `digest`: of the document."""

    payload: bytes
    index: bytes
    digest: bytes


class Diffed(msgspec.Struct, frozen=True, tag="diffed", array_like=True):
    """`update`: brings the replica to where the document is."""

    update: bytes


class Digested(msgspec.Struct, frozen=True, tag="digested", array_like=True):
    """`digest`: 32 bytes."""

    digest: bytes


Job = Compact | Diff | Digest
Result = Compacted | Diffed | Digested


class Start(msgspec.Struct, frozen=True, tag="start", array_like=True):
    """A job begins."""

    job: Job


class Piece(msgspec.Struct, frozen=True, tag="piece", array_like=True):
    """The next updates of the document, in the order of the log; the snapshot, if there is one, is the first."""

    updates: list[bytes]


class End(msgspec.Struct, frozen=True, tag="end", array_like=True):
    """That was the document."""


class Done(msgspec.Struct, frozen=True, tag="done", array_like=True):
    """The job is done. `memory_bytes`: the most the process ever took."""

    result: Result
    memory_bytes: int


class Failed(msgspec.Struct, frozen=True, tag="failed", array_like=True):
    """The document made the job fail. `reason` is for an operator."""

    reason: str


Request = Start | Piece | End
Response = Done | Failed

_encode: Final = msgspec.msgpack.Encoder().encode
decode_request: Final[Callable[[bytes], Request]] = msgspec.msgpack.Decoder(Request).decode
decode_response: Final[Callable[[bytes], Response]] = msgspec.msgpack.Decoder(Response).decode


def encode_frame(frame: Request | Response) -> bytes:
    """The frame behind its length."""
    encoded = _encode(frame)
    return LENGTH.pack(len(encoded)) + encoded
