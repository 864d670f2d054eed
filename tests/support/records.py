"""Records for tests: well-formed by default, each field to be replaced."""

from typing import Any, Final

from syncline_protocol.clock import at_from_ms

NOW_MS: Final = 1_790_000_000_000
"""The time of all tests: a Monday in September 2026."""


def record_id(number: int) -> str:
    """A UUIDv7; ids are in the order of their numbers."""
    return f"01a0c5ad-f400-7000-8000-{number:012x}"


def record_value(number: int, kind: str, /, **fields: Any) -> dict[str, Any]:
    """A record of type `kind` by Alice's phone, written `number` milliseconds before or after the tests' time."""
    written = {"id": record_id(number), "by": "alice", "device": "phone", "at": at_from_ms(NOW_MS + number)}
    return {**written, "type": kind, **fields}
