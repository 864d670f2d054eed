"""Waiting for what the server writes because of something."""

import asyncio

from syncline_server.rest.effects import until


async def test_it_ends_when_it_holds() -> None:
    there = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, there.set)

    async def holds() -> bool:
        return there.is_set()

    assert await until(holds, timeout_s=10)


async def test_it_ends_in_time() -> None:
    asked = 0

    async def never() -> bool:
        nonlocal asked
        asked += 1
        return False

    begun = asyncio.get_running_loop().time()
    assert not await until(never, timeout_s=0.1)
    assert 0.1 <= asyncio.get_running_loop().time() - begun < 5
    assert asked >= 2


async def test_what_holds_already_is_asked_once() -> None:
    async def holds() -> bool:
        return True

    assert await until(holds, timeout_s=0)
