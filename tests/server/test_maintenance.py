"""Compacting a store that no server runs on."""

from pathlib import Path

import pytest
from support.running import running
from support.wire import wire_device
from syncline_server import maintenance
from syncline_server.storage.interface import StoreError


async def filled(data: Path) -> list[str]:
    """A store with two conversations; the names of their segments."""
    async with running(data) as server:
        segments = [await server.conversation(), await server.conversation()]
        async with wire_device(server.url, server.token("mei")) as device:
            await device.open(*segments)
            for segment in segments:
                await device.say(segment)
    return segments


async def test_one_document_or_all_are_compacted_and_then_there_is_nothing_to_do(tmp_path: Path) -> None:
    segments = await filled(tmp_path / "data")
    one = [line async for line in maintenance.compact(tmp_path / "data", "default", segments[0])]
    assert len(one) == 1
    assert one[0].startswith(f"{segments[0]}: compacted in ")
    every = [line async for line in maintenance.compact(tmp_path / "data", "default", None)]
    assert len(every) == 4
    assert f"{segments[0]}: nothing to do, at 1" in every
    async with running(tmp_path / "data") as server, wire_device(server.url, server.token("jin")) as device:
        opened = await device.open(*segments)
        assert [answer.head for answer in opened.documents] == [1, 1]


async def test_what_is_not_there_is_no_line(tmp_path: Path) -> None:
    assert [line async for line in maintenance.compact(tmp_path / "data", "default", "page/none")] == []


async def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path / "data"):
        with pytest.raises(StoreError):
            assert [line async for line in maintenance.compact(tmp_path / "data", "default", None)]
