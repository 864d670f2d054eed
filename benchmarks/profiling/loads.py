"""The loads whose goals are missed, each ready to be run again and again on one server."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from benchmarks.load.pace import send_steadily
from benchmarks.load.records import SAMPLES, read_texts
from benchmarks.scenarios import one_to_one, relay
from benchmarks.scenarios.window import WARM_UP_SHARE
from benchmarks.servers.contenders import Server

Run = Callable[[float], Awaitable[int]]
"""Drives the load for about so many seconds; returns of how many units (updates or deliveries)."""


class Load(NamedTuple):
    """One load. `unit` is what its costs are given per."""

    key: str
    title: str
    unit: str
    prepare: Callable[[Server], Awaitable[Run]]


async def _fan_out(server: Server, in_flight_max: int | None) -> Run:
    readers = relay.SUBSCRIBERS
    document = await relay.join(server, "conversation/profile/1", readers=readers, number=0, texts=read_texts(SAMPLES))

    async def run(seconds: float) -> int:
        if in_flight_max is None:
            count = round(relay.FAN_OUT_PER_SECOND * seconds)
            await relay.relay(server, [document], count, partial(send_steadily, per_second=relay.FAN_OUT_PER_SECOND))
        else:
            count = round(2 * relay.FULL_SPEED_PER_SECOND * seconds)
            await relay.full_speed(server, document, count, in_flight_max)
        return round(count * (1 + WARM_UP_SHARE)) * readers

    return run


async def _documents(server: Server) -> Sequence[relay.Document]:
    texts = read_texts(SAMPLES)
    joining = (
        relay.join(server, f"conversation/profile-{place}/1", readers=1, number=2 * place, texts=texts)
        for place in range(relay.DOCUMENTS)
    )
    return await asyncio.gather(*joining)


async def _many(server: Server, per_second: int | None) -> Run:
    documents = await _documents(server)

    async def run(seconds: float) -> int:
        if per_second is None:
            count = round(relay.MANY_FULL_SPEED_PER_SECOND * seconds)
            await relay.full_speed_of_all(server, documents, count)
        else:
            count = round(per_second * seconds)
            await relay.relay(server, documents, count, partial(send_steadily, per_second=per_second))
        return round(count * (1 + WARM_UP_SHARE))

    return run


async def _one_to_one(server: Server) -> Run:
    authors = await one_to_one.join(server, read_texts(SAMPLES))

    async def run(seconds: float) -> int:
        count = round(one_to_one.BUSY_PER_SECOND * seconds)
        await one_to_one.exchange(server, authors, count, one_to_one.BUSY_PER_SECOND)
        return round(count * (1 + WARM_UP_SHARE))

    return run


LOADS: Final = (
    Load("many-full-speed", "50 documents, 2 devices each, full speed", "update", partial(_many, per_second=None)),
    Load(
        "many-steady",
        f"50 documents, 2 devices each, {relay.MANY_PER_SECOND} updates/s",
        "update",
        partial(_many, per_second=relay.MANY_PER_SECOND),
    ),
    Load(
        "fan-out-few",
        f"1 document, 50 followers, {relay.IN_FLIGHT_FEW} updates in flight",
        "delivery",
        partial(_fan_out, in_flight_max=relay.IN_FLIGHT_FEW),
    ),
    Load(
        "fan-out-steady",
        f"1 document, 50 followers, {relay.FAN_OUT_PER_SECOND} updates/s",
        "delivery",
        partial(_fan_out, in_flight_max=None),
    ),
    Load("one-to-one", f"2 devices in turn, {one_to_one.BUSY_PER_SECOND} updates/s", "update", _one_to_one),
)
