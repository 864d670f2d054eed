"""Who calls: the token, the rate, and the author under whom they write.

Each user is an author of their own, with the device `rest`. The same user may ask twice at once: both requests write
under one lease, which is safe because an author takes its next clock from the document in the same turn of the loop in
which it is admitted.
"""

import asyncio
from collections import OrderedDict
from typing import Final

from starlette.requests import Request
from syncline_protocol.documents.identity import Identity

from syncline_server.actor import Actor
from syncline_server.auth import Grant
from syncline_server.hub import Hub
from syncline_server.intake import HOLD_S_MAX
from syncline_server.rest.problems import Problem, ProblemCode

DEVICE: Final = "rest"
"""The device in records that were written by REST. No installation should bear this name."""

CALLERS_KEPT: Final = 10_000
"""Callers whose rate is remembered; whoever called longest ago is forgotten once their rate has recovered."""


class Callers:
    """Those who called last."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._known: OrderedDict[Identity, None] = OrderedDict()

    async def caller(self, request: Request) -> Actor:
        """The author for the request's token. A request counts like an update: over the rate it waits, and is then
        refused.

        Raises `Problem` (unauthenticated, rate_limited) or `ProtocolViolation` (a token that does not count).
        """
        identity = self.check(request).identity(DEVICE)
        seconds = self._take(identity, asyncio.get_running_loop().time())
        if seconds > HOLD_S_MAX:
            retry = {"retry_after_ms": int(seconds * 1000)}
            raise Problem(ProblemCode.RATE_LIMITED, "too many requests", members=retry)
        if seconds > 0:
            await asyncio.sleep(seconds)
        return self._hub.actors.of(identity)

    def check(self, request: Request) -> Grant:
        """What the request's token grants now. Raises `Problem` or `ProtocolViolation`."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Problem(ProblemCode.UNAUTHENTICATED, "send a token: `Authorization: Bearer …`")
        return self._hub.authority.check(token, now_ms=self._hub.now_ms())

    def _take(self, identity: Identity, now_s: float) -> float:
        self._known[identity] = None
        self._known.move_to_end(identity)
        if len(self._known) > CALLERS_KEPT:
            longest_ago, _ = self._known.popitem(last=False)
            self._hub.rates.forget(longest_ago, now_s)
        return self._hub.rates.take(identity, now_s)
