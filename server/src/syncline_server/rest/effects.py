"""Waiting for what the server writes because of something: a ticket's number, the answer to a claim.

Beside the data's way. What is asked is in memory and the wait is short, so it is asked again and again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

WAIT_S: Final = 10.0
"""How long a caller waits for an answer of the server that belongs to what was asked."""

SHORT_WAIT_S: Final = 2.0
"""How long for what can be read later as well."""

STEP_S: Final = 0.01
"""How often it is asked: twice in the time that a commit takes."""


async def until(holds: Callable[[], Awaitable[bool]], *, timeout_s: float) -> bool:
    """Wait until `holds`; False when not in time."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + timeout_s
    while not await holds():
        if loop.time() >= until_s:
            return False
        await asyncio.sleep(STEP_S)
    return True
