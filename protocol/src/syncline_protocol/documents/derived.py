"""Ids of what the server writes because of something: made of the cause, so that it can be written once only.

A record's key belongs to one struct for ever. An effect whose id is a function of its cause and of what it is can be
computed and offered as often as one likes, before and after a crash: the second time it is there already.
"""

import hashlib
from typing import Final

TIME_DIGITS: Final = 12
"""Of a UUIDv7's 32 hexadecimal digits the first: its time, 48 bits."""

NO_CAUSE: Final = "00000000-0000-7000-8000-000000000000"


def derived_id(cause: str, effect: str) -> str:
    """The id of `effect` (a name, e.g. `number`) of the record `cause`: a UUIDv7 with the cause's time, the rest the
    SHA-256 of both (the first digits of it, but for version and variant).
    """
    time = cause.replace("-", "")[:TIME_DIGITS]
    digest = hashlib.sha256(f"{cause}\0{effect}".encode()).hexdigest()
    variant = "89ab"[int(digest[3], 16) & 3]
    return f"{time[:8]}-{time[8:]}-7{digest[:3]}-{variant}{digest[4:7]}-{digest[7:19]}"


def named_id(name: str) -> str:
    """The id that stands for `name` alone, with a time of 0: of what has no cause but its place (a first segment)."""
    return derived_id(NO_CAUSE, name)
