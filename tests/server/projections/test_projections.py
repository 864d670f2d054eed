"""Projections end to end, on a real store: what they say live, after a crash, and made anew."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from support import running_domain
from support.histories import TENANT, Histories, nobody_hears, wild
from support.running import running
from support.running_domain import CUS, Domain
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.documents.messages import reduce_messages
from syncline_protocol.documents.schema import MESSAGES
from syncline_protocol.documents.user import ReadPosition, reduce_user, unread_count
from syncline_server.projections import facts
from syncline_server.projections.database import NAME
from syncline_server.projections.model import Projected
from syncline_server.projections.projections import Projections
from syncline_server.storage.interface import DocumentKey, StoreCorrupt, StoreError
from syncline_server.storage.sqlite import SqliteStore

MEI = Identity(tenant=TENANT, user="mei", device="desk", role=Role.AGENT)


async def made_anew(directory: Path, store: SqliteStore) -> bytes:
    """The digest of projections made of the log alone."""
    async with Projections(directory, store, file="anew.db") as projections:
        assert await projections.complete()
        return await projections.digest()


@pytest.mark.parametrize("seed", range(20))
async def test_what_is_kept_up_live_is_what_is_made_anew(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    async with SqliteStore(tmp_path) as store, Projections(tmp_path, store) as projections:
        histories = Histories(store, committed=projections.committed, replaced=projections.replaced)
        for part in range(6):
            await wild(histories, 100 * seed + part, steps=random.randrange(1, 30))
            if random.random() < 0.5:
                assert await projections.caught_up()
        assert await projections.complete()
        assert await projections.purged()
        assert projections.failure is None
        assert await projections.digest() == await made_anew(tmp_path, store)


@pytest.mark.parametrize("seed", range(10))
async def test_what_is_unread_is_what_the_protocol_counts(
    projections: Projections, histories: Histories, tmp_path: Path, seed: int
) -> None:
    await wild(histories, seed, steps=150)
    assert await projections.caught_up()
    rows = sqlite3.connect(tmp_path / NAME).execute(
        "SELECT id, user, unread FROM following JOIN conversations ON ref = conversation"
    )
    counted = {(conversation, user): unread for conversation, user, unread in rows}
    assert counted
    for (conversation, user), unread in counted.items():
        markers = reduce_user(histories.records.get(f"user/{user}", ())).read
        assert unread == expected_unread(histories, conversation, user, markers.get(conversation))
    assert any(counted.values())


def expected_unread(histories: Histories, conversation: str, user: str, position: ReadPosition | None) -> int:
    """What a device of the user counts, over all segments."""
    segments = [held for name, held in histories.records.items() if name.startswith(f"conversation/{conversation}/")]
    shown = [reduce_messages([value for root, value in held if root == MESSAGES]) for held in segments]
    return sum(unread_count(messages, position, user) for messages in shown)


async def test_what_lags_after_a_crash_is_caught_up_from_the_store(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path) as store:
        async with Projections(tmp_path, store) as projections:
            histories = Histories(store, committed=projections.committed, replaced=projections.replaced)
            await wild(histories, 1)
            assert await projections.caught_up()
        histories.committed = histories.replaced = nobody_hears
        await wild(histories, 2)  # nobody hears of these
        async with Projections(tmp_path, store) as projections:
            assert projections.behind > 0
            assert await projections.complete()
            assert projections.behind == 0
            assert await projections.digest() == await made_anew(tmp_path, store)


@pytest.mark.parametrize("damage", ["no database", "another version", "cut off", "another store", "a damaged page"])
async def test_a_database_that_is_of_no_use_is_made_anew(tmp_path: Path, damage: str) -> None:
    async with SqliteStore(tmp_path) as store:
        async with Projections(tmp_path, store) as projections:
            histories = Histories(store, committed=projections.committed, replaced=projections.replaced)
            await wild(histories, 3)
            assert await projections.caught_up()
            digest = await projections.digest()
        harm(tmp_path / NAME, damage)
        async with Projections(tmp_path, store) as projections:
            while await projections.complete(timeout_s=1) is False or await digest_or_none(projections) is None:
                await asyncio.sleep(0.05)
            assert await projections.digest() == digest
            assert projections.failure is None


async def test_a_table_that_is_lost_while_it_runs_is_made_anew_whoever_finds_out(
    tmp_path: Path, projections: Projections, histories: Histories
) -> None:
    await wild(histories, 3)
    assert await projections.caught_up()
    digest = await projections.digest()
    run(tmp_path / NAME, "DROP TABLE ratings")
    with pytest.raises(StoreCorrupt):
        await projections.facts.ratings(TENANT, "t1")
    while await projections.complete(timeout_s=1) is False or await digest_or_none(projections) is None:
        await asyncio.sleep(0.05)
    assert await projections.digest() == digest


async def test_a_wrong_question_leaves_the_database_as_it_is(
    projections: Projections, histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    await histories.open("c1")
    assert await projections.caught_up()
    position = (await projections.inbox(MEI)).position
    monkeypatch.setattr(facts, "LOADS", "SELECT nothing FROM tickets")
    with pytest.raises(sqlite3.OperationalError):
        await projections.facts.loads(TENANT)
    await histories.open("c2")
    assert await projections.caught_up()
    assert projections.failure is None
    changes = await projections.inbox_changes(MEI, since=position)
    assert (changes.stale, [row.conversation for row in changes.rows]) == (False, ["c2"])


async def digest_or_none(projections: Projections) -> bytes | None:
    """The digest, or None while the database is found to be damaged."""
    try:
        return await projections.digest()
    except StoreError:
        return None


def harm(path: Path, damage: str) -> None:
    """Do something to a closed database."""
    match damage:
        case "no database":
            path.write_bytes(b"certainly no database" * 1000)
        case "cut off":
            path.write_bytes(path.read_bytes()[: 3 * 4096])
        case "a damaged page":
            content = bytearray(path.read_bytes())
            content[4096:] = bytes(len(content) - 4096)
            path.write_bytes(content)
        case "another version":
            run(path, "PRAGMA user_version = 77")
        case "another store":
            run(path, "UPDATE positions SET name = name || '2' WHERE document = 1")


def run(path: Path, statement: str) -> None:
    """One statement on a database that nobody has open."""
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


async def test_a_store_that_was_restored_from_a_backup_is_projected_anew(tmp_path: Path) -> None:
    for seed, directory in ((4, tmp_path / "new"), (5, tmp_path / "old")):
        async with SqliteStore(directory) as store, Projections(directory, store) as projections:
            histories = Histories(store, committed=projections.committed, replaced=projections.replaced)
            await wild(histories, seed, steps=80 if seed == 4 else 20)
            assert await projections.caught_up()
            digest = await projections.digest()
    (tmp_path / "new" / NAME).replace(tmp_path / "old" / NAME)
    async with SqliteStore(tmp_path / "old") as store, Projections(tmp_path / "old", store) as projections:
        assert await projections.complete()
        assert await projections.digest() == digest


async def test_one_document_that_cannot_be_read_hides_no_other(projections: Projections, histories: Histories) -> None:
    await histories.open("c1", mei="agent")
    number = (await histories.store.create_document(DocumentKey(TENANT, "conversation/c1/1"), 7)).number
    projections.committed(DocumentKey(TENANT, "conversation/c1/1"), number, 7, [(1, b"no update at all")])
    await histories.open("c2", mei="agent")
    assert await projections.caught_up()
    assert [row.conversation for row in (await projections.inbox(MEI)).rows] == ["c2", "c1"]
    assert projections.failure is None


async def test_what_is_dirty_stays_so_until_it_was_looked_at(tmp_path: Path) -> None:
    told: list[Projected] = []
    async with SqliteStore(tmp_path) as store:
        async with Projections(tmp_path, store, on_projected=told.append) as projections:
            histories = Histories(store, committed=projections.committed)
            await histories.open("c1", mei="agent")
            await histories.say("c1", "no ticket, nothing to do")
            assert await projections.caught_up()
            assert await projections.dirty() == []
            await histories.ticket("t1", "opened", subject="No wifi", conversation="c1")
            assert await projections.caught_up()
            assert names(await projections.dirty()) == {("ticket", "t1"), ("conversation", "c1")}
            assert {one for projected in told for one in projected.tickets} == {(TENANT, "t1")}
        async with Projections(tmp_path, store) as projections:
            looked_at = await projections.dirty()
            histories.committed = projections.committed
            await histories.say("c1", "are you there?")
            assert await projections.caught_up()
            await projections.clean(looked_at)
            assert names(await projections.dirty()) == {("ticket", "t1"), ("conversation", "c1")}
            await projections.clean(await projections.dirty())
            assert await projections.dirty() == []


def names(dirty: Sequence[tuple[str, str, str, int]]) -> set[tuple[str, str]]:
    """Kinds and ids."""
    return {(kind, id_) for _, kind, id_, _ in dirty}


async def test_pages_and_texts_of_tickets_are_nothing_to_project(projections: Projections) -> None:
    for number, name in enumerate(("page/handbook", "ticket/t1/text", "ticket/t1/public")):
        projections.committed(DocumentKey(TENANT, name), 100 + number, 7, [(1, b"whatever")])
    assert await projections.caught_up(timeout_s=0)


async def test_more_than_fits_is_read_from_the_store(
    tmp_path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncline_server.projections.queue.BYTES_MAX", 2_000)
    async with Projections(tmp_path, store) as projections:
        histories = Histories(store, committed=projections.committed, replaced=projections.replaced)
        await wild(histories, 6, steps=200)
        assert await projections.caught_up()
        assert await projections.digest() == await made_anew(tmp_path, store)


async def test_switched_off_they_make_nothing_and_on_again_they_catch_up(tmp_path: Path) -> None:
    async with running(tmp_path / "data", projections=False) as server:
        domain = Domain(server)
        await domain.conversation()
        await domain.say(CUS, "while it is off")
        assert not (tmp_path / "data" / NAME).exists()
        assert not await server.hub.projections.complete()
        async with server.rest() as client:
            answer = await client.get("/v1/inbox")
        assert (answer.status_code, "switched off" in answer.json()["detail"]) == (503, True)
    async with running(tmp_path / "data") as server:
        assert await server.hub.projections.complete()
        page = await server.hub.projections.inbox(running_domain.MEI)
        assert [row.last.text for row in page.rows if row.last is not None] == ["while it is off"]
