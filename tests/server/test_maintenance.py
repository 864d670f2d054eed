"""Compacting a store that no server runs on."""

from pathlib import Path

import pytest
from support.running import running
from support.wire import wire_device
from syncline_protocol.names import Language
from syncline_server import maintenance
from syncline_server.storage.compaction import Compactor
from syncline_server.storage.interface import StoredDocument, StoreError
from syncline_server.storage.worker import JobFailed


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
    one = [outcome.line async for outcome in maintenance.compact(tmp_path / "data", "default", segments[0])]
    assert len(one) == 1
    assert one[0].startswith(f"{segments[0]}: compacted in ")
    every = [outcome.line async for outcome in maintenance.compact(tmp_path / "data", "default", None)]
    assert len(every) == 4
    assert f"{segments[0]}: nothing to do, at 1" in every
    async with running(tmp_path / "data") as server, wire_device(server.url, server.token("jin")) as device:
        opened = await device.open(*segments)
        assert [answer.head for answer in opened.documents] == [1, 1]


async def test_a_document_on_which_the_engine_fails_is_told_and_the_others_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments = await filled(tmp_path / "data")
    compact = Compactor.compact

    async def fail(self: Compactor, document: StoredDocument, *, language: Language) -> bool:
        if document.key.name == segments[0]:
            raise JobFailed("the engine gave up")
        return await compact(self, document, language=language)

    monkeypatch.setattr(Compactor, "compact", fail)
    outcomes = [outcome async for outcome in maintenance.compact(tmp_path / "data", "default", None)]
    assert [outcome.line for outcome in outcomes if outcome.failed] == [f"{segments[0]}: failed: the engine gave up"]
    assert len(outcomes) == 4


async def test_what_is_not_there_is_no_line(tmp_path: Path) -> None:
    assert [line async for line in maintenance.compact(tmp_path / "data", "default", "page/none")] == []


async def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path / "data"):
        with pytest.raises(StoreError):
            assert [line async for line in maintenance.compact(tmp_path / "data", "default", None)]
