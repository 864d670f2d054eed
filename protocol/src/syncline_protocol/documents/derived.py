"""Ids of what the server writes because of something: made of the cause, so that it can be written once only.

A record's key belongs to one struct for ever. An effect whose id is a function of its cause and of what it is can be
computed and offered as often as one likes, before and after a crash: the second time it is there already.
"""

import hashlib
import uuid
from typing import Final

TIME_MASK: Final = ((1 << 48) - 1) << 80
VERSION: Final = 7 << 76
VARIANT: Final = 2 << 62
VERSION_MASK: Final = 0xF << 76
VARIANT_MASK: Final = 0x3 << 62


def derived_id(cause: str, effect: str) -> str:
    """The id of `effect` (a name, e.g. `number`) of the record `cause`: a UUIDv7 with the cause's time, the rest the
    SHA-256 of both. Raises `ValueError` when `cause` is no UUID.
    """
    time = uuid.UUID(cause).int & TIME_MASK
    digest = int.from_bytes(hashlib.sha256(f"{cause}\0{effect}".encode()).digest()[:16], "big")
    number = time | (digest & ~TIME_MASK)
    return str(uuid.UUID(int=number & ~VERSION_MASK & ~VARIANT_MASK | VERSION | VARIANT))


def named_id(name: str) -> str:
    """The id that stands for `name` alone, with a time of 0: of what has no cause but its place (a first segment)."""
    return derived_id("00000000-0000-7000-8000-000000000000", name)
