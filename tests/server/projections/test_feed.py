"""The task that keeps the tables up: failures, and how long one waits."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from support.histories import TENANT, Histories, wild
from syncline_protocol.documents.identity import Identity, Role
from syncline_server.projections import feed
from syncline_server.projections.database import NAME, Database
from syncline_server.projections.projections import Projections
from syncline_server.projections.projector import Projector
from syncline_server.storage.interface import StoreUnavailable
from syncline_server.storage.sqlite import SqliteStore

MEI = Identity(tenant=TENANT, user="mei", device="desk", role=Role.AGENT)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "RETRY_S", 0.05)


class Failing:
    """Lets the projector fail as often as told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        self.left = 0
        project = Projector.project

        def fail(projector: Projector, *arguments: object) -> object:
            projected = project(projector, *arguments)  # type: ignore[arg-type]
            if self.left > 0:
                self.left -= 1
                raise error
            return projected

        monkeypatch.setattr(Projector, "project", fail)


async def conversations(projections: Projections) -> list[str]:
    return [row.conversation for row in (await projections.inbox(MEI)).rows]


@pytest.mark.parametrize("error", [StoreUnavailable("full"), LookupError("a fault")])
async def test_a_failure_is_said_and_got_over(
    projections: Projections, histories: Histories, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    failing = Failing(monkeypatch, error)
    await histories.open("c1")
    assert await projections.caught_up()
    failing.left = 3
    await histories.open("c2")
    while projections.failure is None:
        await asyncio.sleep(0.01)
    assert await conversations(projections) == ["c1"]
    assert await projections.caught_up(timeout_s=30)
    assert await conversations(projections) == ["c2", "c1"]
    while projections.failure is not None:
        await asyncio.sleep(0.01)


async def test_while_it_fails_nobody_waits_longer_than_they_said(
    projections: Projections, histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Failing(monkeypatch, StoreUnavailable("full"))
    failing.left = 10**6
    await histories.open("c1")
    began = time.monotonic()
    assert not await projections.caught_up(timeout_s=0.2)
    assert time.monotonic() - began < 2
    failing.left = 0
    assert await projections.caught_up()


async def test_what_failed_in_the_middle_of_a_history_leaves_nothing_out(
    projections: Projections, histories: Histories, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    failing = Failing(monkeypatch, StoreUnavailable("full"))
    for part in range(8):
        failing.left = part % 3
        await wild(histories, part, steps=20)
    assert await projections.caught_up(timeout_s=30)
    failing.left = 0
    async with Projections(tmp_path, histories.store, file="anew.db") as anew:
        assert await anew.complete()
        assert await projections.digest() == await anew.digest()


@pytest.fixture
async def slow(tmp_path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Projections]:
    """Projections that like to let a lot come together."""
    monkeypatch.setattr(feed, "INTERVAL_S", 5.0)
    monkeypatch.setattr(feed, "MESSAGES_INTERVAL_S", 5.0)
    async with Projections(tmp_path, store) as projections:
        yield projections


async def test_under_load_it_waits_for_more_unless_somebody_waits_for_it(slow: Projections, store: SqliteStore) -> None:
    histories = Histories(store, committed=slow.committed)
    await histories.open("c1")
    assert await slow.caught_up()
    await histories.open("c2")
    await asyncio.sleep(0.2)
    assert await conversations(slow) == ["c1"]
    began = time.monotonic()
    assert await slow.caught_up()
    assert time.monotonic() - began < 2
    assert await conversations(slow) == ["c2", "c1"]


async def test_who_waits_for_a_change_hurries_nobody(slow: Projections, store: SqliteStore) -> None:
    histories = Histories(store, committed=slow.committed)
    await histories.open("c1")
    assert await slow.caught_up()
    position = (await slow.inbox(MEI)).position
    await histories.open("c2")
    assert not await slow.wait_for_change(TENANT, position, 0.2)
    assert await slow.caught_up()
    assert await slow.wait_for_change(TENANT, position, 0)


async def test_messages_wait_for_more_and_what_the_server_answers_to_takes_them_along(
    projections: Projections, histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MESSAGES_INTERVAL_S", 5.0)
    await histories.open("c1")
    assert await projections.caught_up()
    await histories.say("c1", "no wifi")
    await asyncio.sleep(4 * feed.INTERVAL_S)
    assert (await projections.inbox(MEI)).rows[0].messages == 0
    position = (await projections.inbox(MEI)).position
    await histories.ticket("t1", "opened", subject="Tablet", conversation="c1")
    assert await projections.wait_for_change(TENANT, position, 2.0)
    assert (await projections.inbox(MEI)).rows[0].messages == 1


async def test_making_anew_is_tried_again_when_the_disk_says_no(
    tmp_path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Projections(tmp_path, store) as projections:
        await wild(Histories(store, committed=projections.committed), 2)
        assert await projections.caught_up()
        digest = await projections.digest()
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as another:
        another.execute("UPDATE positions SET name = 'of another store'")
    async with Projections(tmp_path, store) as projections:
        open_, refusals = Database.open, [StoreUnavailable("full")] * 2

        async def refuse(database: Database) -> bool:
            if refusals:
                raise refusals.pop()
            return await open_(database)

        monkeypatch.setattr(Database, "open", refuse)
        assert await projections.complete(timeout_s=30)
        assert (refusals, await projections.digest()) == ([], digest)
