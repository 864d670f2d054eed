"""Cursors: where a page ends, as a text that means something to its maker alone."""

import base64
import binascii
from typing import TypeVar

import msgspec

from syncline_server.rest.problems import Fault, Problem, ProblemCode

Position = TypeVar("Position", bound=msgspec.Struct)


def encode(position: msgspec.Struct) -> str:
    """The cursor for a position."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(position)).rstrip(b"=").decode()


def decode(cursor: str, kind: type[Position], parameter: str) -> Position:
    """The position that a cursor stands for. Raises `Problem` for one that was not given out."""
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.msgpack.decode(data, type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise unknown(parameter) from error


def unknown(parameter: str, detail: str = "the cursor is none that was given out here") -> Problem:
    """The problem with a cursor that was not given out here: there is nothing at it."""
    return Problem(ProblemCode.NOT_FOUND, detail, faults=[Fault(detail=detail, parameter=parameter)])
