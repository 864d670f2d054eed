"""The extractor that the configuration names, asked over HTTP; where it fails, the rules."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from syncline_protocol.extraction import Extraction, Said
from syncline_server.domain.live_configuration import LiveConfiguration
from syncline_server.rest.live_extractor import LiveExtractor

SAID = [Said(id="m1", by="cus", text="error code E-1234", is_customer=True)]


class Remote:
    """An extractor of somebody else's, which is asked and has nothing to say."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/extract"
        self.asked: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request on one connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(next((line for line in head.splitlines() if line.lower().startswith("authorization")), ""))
        body = json.dumps({}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def remote() -> AsyncIterator[Remote]:
    made = Remote(0)
    listening = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/extract"
    async with listening:
        yield made


def codes(extraction: Extraction) -> list[str]:
    return [field.value for field in extraction.fields if field.name == "error_code"]


async def test_the_one_that_is_configured_now_is_asked(tmp_path: Path, remote: Remote) -> None:
    file = tmp_path / "syncline.toml"
    file.write_text("", encoding="utf-8")
    live = LiveConfiguration(file)
    async with LiveExtractor(live) as extractor:
        assert codes(await extractor.extract(SAID)) == ["E-1234"]
        file.write_text(f'[extractor]\nurl = "{remote.url}"\ntoken = "letmein"\n', encoding="utf-8")
        assert live.reload() == ()
        for _ in range(2):
            assert codes(await extractor.extract(SAID)) == ["E-1234"]
        assert remote.asked == ["authorization: Bearer letmein"] * 2
        file.write_text("", encoding="utf-8")
        assert live.reload() == ()
        assert codes(await extractor.extract(SAID)) == ["E-1234"]
    assert len(remote.asked) == 2


async def test_where_nobody_answers_the_rules_do(tmp_path: Path) -> None:
    file = tmp_path / "syncline.toml"
    file.write_text('[extractor]\nurl = "http://127.0.0.1:9/extract"\ntimeout = "1s"\n', encoding="utf-8")
    async with LiveExtractor(LiveConfiguration(file)) as extractor:
        assert codes(await extractor.extract(SAID)) == ["E-1234"]
