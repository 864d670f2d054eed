"""Slow devices: bounded memory for them, no delay for others, and everything in the end."""

import asyncio
from pathlib import Path

from support.running import running
from support.wire import WireDevice, wire_device
from syncline_protocol import frames

OUTBOX_BYTES = 64 * 1024


async def burst(writer: WireDevice, fast: WireDevice, segment: str, until: int) -> None:
    """Write 50 messages, and see that a device that reads has all of them."""
    for _ in range(50):
        await writer.update(segment, writer.encode(segment, writer.record("x" * 8_000)))
    seen = 0
    while seen < until:
        updates = await fast.expect(frames.Updates)
        seen = updates.seq + len(updates.payloads) - 1


async def test_a_device_that_stops_reading_falls_behind_and_ends_complete(tmp_path: Path) -> None:
    async with running(tmp_path / "data", outbox_bytes=OUTBOX_BYTES, updates_per_second_device=1e6) as server:
        segment = await server.conversation()
        async with (
            wire_device(server.url, server.token("jin"), "slow", queue=1) as slow,
            wire_device(server.url, server.token("lan"), "fast") as fast,
            wire_device(server.url, server.token("mei"), "writer") as writer,
        ):
            for device in (slow, fast, writer):
                await device.open(segment)
            slow.connection.transport.pause_reading()
            count = 1_500
            for number in range(50, count + 1, 50):
                await burst(writer, fast, segment, number)
                sessions = {one.identity.device: one for one in server.hub.followers}
                assert sessions["slow"].socket.waiting_bytes < 2 * OUTBOX_BYTES + 512 * 1024
            assert server.hub.metrics.fell_behind > 0
            slow.connection.transport.resume_reading()
            seen: list[int] = []
            async with asyncio.timeout(30):
                while len(seen) < count:
                    updates = await slow.expect(frames.Updates)
                    seen += range(updates.seq, updates.seq + len(updates.payloads))
            assert seen == list(range(1, count + 1))
            await writer.silence(0.5)
            await writer.update(segment, writer.encode(segment, writer.record("live again")))
            assert (await slow.expect(frames.Updates)).seq == count + 1


async def test_an_author_hears_acks_while_behind(tmp_path: Path) -> None:
    async with running(tmp_path / "data", outbox_bytes=OUTBOX_BYTES) as server:
        segment = await server.conversation()
        async with (
            wire_device(server.url, server.token("jin"), "slow", queue=1) as slow,
            wire_device(server.url, server.token("mei"), "writer") as writer,
        ):
            await slow.open(segment)
            await writer.open(segment)
            slow.connection.transport.pause_reading()
            for _ in range(600):
                await writer.update(segment, writer.encode(segment, writer.record("x" * 12_000)))
                if writer.clocks[segment] % 100 == 0:
                    await writer.silence(0.3)
            number = await slow.update(segment, slow.encode(segment, slow.record("mine")))
            slow.connection.transport.resume_reading()
            acks: list[int] = []
            async with asyncio.timeout(30):
                while not acks:
                    acks = (await slow.expect(frames.Acks)).updates
            assert acks[1] == number
