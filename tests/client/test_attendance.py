"""What a device shows of itself: entries of one state, in one document at a time."""

import asyncio
from collections.abc import Callable

from client.conftest import ServedPeer
from syncline_client import Device
from syncline_client.attendance import Attendance

WAIT_S = 10.0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.01)


async def test_entries_are_shown_together_and_taken_back_one_by_one(peer: ServedPeer) -> None:
    async with Device(peer.url, token="ann") as ann, Device(peer.url, token="bob") as bob:
        for device in (ann, bob):
            for number in (1, 2):
                await device.follow(f"conversation/c/{number}")
            await device.settled()
        mine = Attendance(ann._presence, ann.connection)
        theirs = Attendance(bob._presence, bob.connection)

        def seen(number: int) -> list[tuple[str, object]]:
            return [(one.user, one.state) for one in theirs.others(f"conversation/c/{number}")]

        mine.show("conversation/c/1", typing=True)
        mine.show("conversation/c/1", viewing=True)
        await until(lambda: seen(1) == [("ann", {"typing": True, "viewing": True})])
        mine.show("conversation/c/1", typing=None)
        await until(lambda: seen(1) == [("ann", {"viewing": True})])
        mine.show("conversation/c/2", seen="m")
        await until(lambda: seen(2) == [("ann", {"viewing": True, "seen": "m"})])
        await until(lambda: seen(1) == [])
        mine.show("conversation/c/2", viewing=None, seen=None)
        await until(lambda: seen(2) == [])


async def test_showing_the_same_again_sends_nothing(peer: ServedPeer) -> None:
    async with Device(peer.url, token="ann") as ann:
        await ann.follow("conversation/c/1")
        await ann.settled()
        mine = Attendance(ann._presence, ann.connection)
        for _ in range(3):
            mine.show("conversation/c/1", typing=True)
            await asyncio.sleep(0.05)
        assert sum(type(frame).__name__ == "SetPresence" for frame in peer.received) == 1
