"""Making the projections anew while no server runs."""

from pathlib import Path

import pytest
from support.histories import Histories, nobody_hears, wild
from syncline_server.projections import rebuild as module
from syncline_server.projections.database import NAME
from syncline_server.projections.projections import Projections
from syncline_server.projections.rebuild import rebuild
from syncline_server.storage.interface import StoreError
from syncline_server.storage.sqlite import SqliteStore


def told_to_nobody(*_: object) -> None:
    """Progress that nobody sees."""


async def filled(directory: Path, store: SqliteStore) -> bytes:
    """Projections of a history, the last part of which nobody has told them of; what they come to."""
    async with Projections(directory, store) as projections:
        histories = Histories(store, committed=projections.committed, replaced=projections.replaced)
        await wild(histories, 1, steps=100)
        assert await projections.caught_up()
    histories.committed = histories.replaced = nobody_hears
    await histories.say("c1", "nobody has heard of this")
    async with Projections(directory, store, file="expected.db") as projections:
        assert await projections.complete()
        return await projections.digest()


async def test_made_anew_they_say_the_same(tmp_path: Path, store: SqliteStore) -> None:
    digest = await filled(tmp_path, store)
    seen: list[tuple[str, int, int]] = []
    rebuilt = await rebuild(tmp_path, store, on_progress=lambda *step: seen.append(step))
    assert rebuilt[:2] == (digest, digest)
    assert [step for step in seen if step[1] == step[2]] == [
        ("compare", rebuilt.documents, rebuilt.documents),
        ("rebuild", rebuilt.documents, rebuilt.documents),
    ]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("projections")] == [NAME]
    async with Projections(tmp_path, store) as projections:
        assert await projections.complete()
        assert await projections.digest() == digest
        assert (await projections.dirty()) != []


async def test_what_was_falsified_shows_and_is_put_right(tmp_path: Path, store: SqliteStore) -> None:
    digest = await filled(tmp_path, store)
    async with Projections(tmp_path, store) as projections:
        await projections.complete()
        await projections._database.write(lambda db: db.execute("UPDATE conversations SET subject = 'lies'"))
    rebuilt = await rebuild(tmp_path, store, on_progress=told_to_nobody)
    assert rebuilt.before not in {digest, None}
    assert rebuilt.after == digest


async def test_where_there_is_nothing_it_is_made(tmp_path: Path, store: SqliteStore) -> None:
    rebuilt = await rebuild(tmp_path, store, on_progress=told_to_nobody)
    assert (rebuilt.before, rebuilt.documents) == (None, 0)
    assert (tmp_path / NAME).exists()


async def test_an_attempt_that_fails_leaves_the_old_ones(
    tmp_path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(tmp_path, store)
    before = (tmp_path / NAME).read_bytes()
    monkeypatch.setattr(module, "NEW", "no folder/x.db")
    with pytest.raises(StoreError):
        await rebuild(tmp_path, store, on_progress=told_to_nobody)
    assert len((tmp_path / NAME).read_bytes()) == len(before)
    async with Projections(tmp_path, store) as projections:
        assert await projections.complete()
