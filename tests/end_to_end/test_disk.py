"""A disk that takes no more: refused, said, nothing acknowledged that is not stored, and service resumes (P10, P11).

The limit on the size of files stands for the full disk: every write beyond it fails, to any user, at once, and lifting
it makes room again.
"""

import asyncio
import resource
import time
from http import HTTPStatus
from pathlib import Path

import httpx
from end_to_end.authors import Author, check, connected, converge, new_conversation, writing
from end_to_end.journal import Journal
from end_to_end.sizes import report
from support.server import ServerProcess
from syncline_protocol.errors import CloseCode

WAIT_S_MAX = 20.0


def limit_files(server: ServerProcess, size: int) -> None:
    """Let the server's files grow to `size` bytes and no further."""
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def readiness(server: ServerProcess, wanted: HTTPStatus) -> str:
    """Wait until `/readyz` answers so; what it says."""
    async with httpx.AsyncClient(base_url=server.http) as client, asyncio.timeout(WAIT_S_MAX):
        while True:
            answer = await client.get("/readyz")
            if answer.status_code == wanted:
                return answer.text
            await asyncio.sleep(0.05)


async def attack(tmp_path: Path, *, may_still_log: bool) -> None:
    """Fill the disk under load, make room again, crash, and compare."""
    journal = Journal()
    with ServerProcess(tmp_path / "data") as server:
        documents = [await new_conversation(server), "page/plan"]
        authors = [Author(number, server, documents, journal) for number in range(4)]
        devices = [author.device for author in authors]
        async with connected(devices, server.url):
            async with writing(authors):
                await asyncio.sleep(0.5)
                limit_files(server, 2 * server.log_path.stat().st_size + 8192 if may_still_log else 1)
                why = await readiness(server, HTTPStatus.SERVICE_UNAVAILABLE)
                acked_before = journal.acks
                await asyncio.sleep(1.5)
                limit_files(server, resource.RLIM_INFINITY)
                began = time.monotonic()
                await readiness(server, HTTPStatus.OK)
                resumed = time.monotonic() - began
                await asyncio.sleep(1.0)
            async with asyncio.timeout(WAIT_S_MAX):
                for device in devices:
                    await device.settle()
        assert "reason" in why
        assert "disk" in why
        assert journal.refusals["unavailable"]
        assert journal.acks > acked_before
        server.kill()
        server.start()
        contents = await converge(server, authors, journal)
        figures = check(journal, contents, authors)
    report(refused=journal.refusals["unavailable"], resumed_after_s=round(resumed, 2), **figures)


async def test_a_full_disk(tmp_path: Path) -> None:
    await attack(tmp_path, may_still_log=True)


async def test_a_disk_so_full_that_the_servers_own_log_cannot_be_written(tmp_path: Path) -> None:
    await attack(tmp_path, may_still_log=False)


async def test_a_stopping_server_loses_nothing_and_says_when_to_come_back(tmp_path: Path) -> None:
    journal = Journal()
    with ServerProcess(tmp_path / "data") as server:
        documents = [await new_conversation(server), "page/plan"]
        authors = [Author(number, server, documents, journal) for number in range(6)]
        devices = [author.device for author in authors]
        async with connected(devices, server.url), writing(authors):
            await asyncio.sleep(0.8)
            began = time.monotonic()
            await asyncio.to_thread(server.terminate)
            took = time.monotonic() - began
            await asyncio.sleep(0.1)
            assert all(len(device.busy) == 1 and device.busy[0].retry_after_ms > 0 for device in devices)
            assert {device.ended[-1] for device in devices} == {CloseCode.SHUTTING_DOWN}
        log = server.log_path.read_text(encoding="utf-8")
        assert "server.stopped" in log
        assert "failed" not in log
        server.start()
        contents = await converge(server, authors, journal)
        figures = check(journal, contents, authors)
    report(
        stopped_after_s=round(took, 2), waits_ms=sorted(device.busy[0].retry_after_ms for device in devices), **figures
    )
