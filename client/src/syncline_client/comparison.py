"""Comparing a document with the server's, by digest: how a device proves that both have the same (P3).

Beside the handles. A copy that differs is loaded anew by the connection; here it is waited for, and told.
"""

from enum import StrEnum
from typing import NamedTuple

from syncline_client.connection import Connection, Standing
from syncline_client.errors import DeviceStopped
from syncline_client.replica import Replica


class Verdict(StrEnum):
    """What comparing a document with the server's came to."""

    EQUAL = "equal"
    DIFFERED = "differed"
    """It was loaded anew, and is equal now."""
    REFUSED = "refused"
    """The server does not let this device have the document."""


class Comparison(NamedTuple):
    """One document, at `cursor`."""

    name: str
    cursor: int
    verdict: Verdict
    reason: str


async def compare(replica: Replica, connection: Connection, name: str) -> Comparison:
    """Bring a document up to date and compare it. Raises `DeviceStopped`, `StoreError`."""
    was_followed = replica.document(name).followed
    try:
        return await _compare(replica, connection, name)
    finally:
        if not was_followed:
            await replica.unfollow(name)


async def _compare(replica: Replica, connection: Connection, name: str) -> Comparison:
    differed = replica.mismatched.count(name)
    document = await replica.follow(name)
    connection.compare(name)
    while not connection.digest_is_equal(name):
        if connection.state.standing is Standing.STOPPED:
            raise DeviceStopped(connection.state.reason)
        if reason := connection.reason_of(name):
            return Comparison(name, document.cursor.position, Verdict.REFUSED, reason)
        await connection.changed()
    verdict = Verdict.EQUAL if replica.mismatched.count(name) == differed else Verdict.DIFFERED
    return Comparison(name, document.cursor.position, verdict, "")
