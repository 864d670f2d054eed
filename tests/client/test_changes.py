"""Watching: nothing is missed, and a slow watcher costs a bounded amount."""

import asyncio

from syncline_client.changes import CHANGES_WAITING_MAX, Change, ChangeKind, Changes, Watchers


async def test_a_watcher_sees_the_changes_of_its_documents_in_order() -> None:
    watchers = Watchers()
    changes = watchers.watch("a", "b")
    for name in ("a", "c", "b", "a"):
        watchers.tell(Change(name, ChangeKind.RECEIVED, (name,)))
    changes.close()
    assert [one.document async for one in changes] == ["a", "b", "a"]


async def test_a_watcher_waits_for_what_comes() -> None:
    watchers = Watchers()
    changes = watchers.watch("a")
    waiting = asyncio.create_task(anext(changes))
    await asyncio.sleep(0)
    assert not waiting.done()
    watchers.tell(Change("a", ChangeKind.WRITTEN))
    assert (await waiting).kind is ChangeKind.WRITTEN


async def test_a_document_can_be_watched_later() -> None:
    watchers = Watchers()
    changes = watchers.watch("a")
    watchers.watch_also(changes, "b")
    watchers.watch_also(changes, "b")
    watchers.tell(Change("b", ChangeKind.RECEIVED))
    changes.close()
    assert [one.document async for one in changes] == ["b"]


async def test_too_many_changes_become_one_for_each_document() -> None:
    watchers = Watchers()
    changes = watchers.watch("a", "b")
    for number in range(CHANGES_WAITING_MAX + 1):
        watchers.tell(Change("b" if number == 3 else "a", ChangeKind.RECEIVED, (str(number),)))
    assert await anext(changes) == Change("a", ChangeKind.RELOADED)
    assert await anext(changes) == Change("b", ChangeKind.RELOADED)
    watchers.tell(Change("a", ChangeKind.WRITTEN, ("x",)))
    assert await anext(changes) == Change("a", ChangeKind.WRITTEN, ("x",))


async def test_a_closed_watcher_is_forgotten() -> None:
    watchers = Watchers()
    with watchers.watch("a") as changes:
        other = watchers.watch("a")
    watchers.tell(Change("a", ChangeKind.RECEIVED))
    assert [one async for one in changes] == []
    assert (await anext(other)).kind is ChangeKind.RECEIVED


async def test_closing_ends_every_iteration() -> None:
    watchers = Watchers()
    iterations = [watchers.watch("a"), watchers.watch("a", "b")]
    waiting = [asyncio.create_task(_all(one)) for one in iterations]
    await asyncio.sleep(0)
    watchers.close()
    assert await asyncio.gather(*waiting) == [[], []]


async def _all(changes: Changes) -> list[Change]:
    return [change async for change in changes]


def test_who_only_looks_on_does_not_use_a_document() -> None:
    watchers = Watchers()
    looking, using = watchers.watch("a", uses=False), watchers.watch("a")
    assert [watchers.is_used(name) for name in ("a", "b")] == [True, False]
    using.close()
    assert not watchers.is_used("a")
    looking.close()
