"""What the server says of pages: edits that build on each other, a document object that must be built again."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pycrdt
import pytest
from support.link import LinkedDevice
from support.peer import Peer
from support.world import PAGE, settle
from syncline_client.changes import ChangeKind
from syncline_client.page_content import Document, PageContent
from syncline_client.page_reception import DEPENDENT, FORKED, REPLACED, TAIL_MAX
from syncline_client.reception import Reception
from syncline_client.sender import InFlight
from syncline_client.store_memory import MemoryStore
from syncline_protocol.errors import RefusalCode, RefusedUpdate


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
async def device(peer: Peer) -> AsyncIterator[LinkedDevice]:
    linked = LinkedDevice(peer, MemoryStore())
    async with linked.replica:
        linked.connect()
        await linked.run()
        await linked.replica.follow(PAGE)
        await linked.run()
        yield linked


def typing(words: str, *, at: int = 0) -> Callable[[Document], Any]:
    return lambda document: document.get("text", type=pycrdt.Text).insert(at, words)


def content(device: LinkedDevice) -> PageContent:
    loaded = device.replica.document(PAGE).content
    assert isinstance(loaded, PageContent)
    return loaded


def text(device: LinkedDevice) -> str:
    return str(content(device).doc.get("text", type=pycrdt.Text))


def log_text(peer: Peer) -> str:
    return str(PageContent(0, peer.document(PAGE).log).doc.get("text", type=pycrdt.Text))


def refuse_if(word: bytes) -> Callable[[str, bytes], RefusedUpdate | None]:
    return lambda _, payload: RefusedUpdate(RefusalCode.FORBIDDEN, "not that word") if word in payload else None


async def test_a_refused_edit_takes_those_behind_it_along_and_nothing_is_lost(device: LinkedDevice) -> None:
    device.peer.rule = refuse_if(b"rude")
    changes = device.replica.watchers.watch(PAGE)
    for words in ("nice ", "rude ", "built on it "):
        await device.replica.edit_page(PAGE, typing(words))
    await settle(device)
    assert text(device) == log_text(device.peer) == "nice "
    refused = device.replica.outbox.refused()
    assert [row.code for row in refused] == ["forbidden", DEPENDENT]
    assert [b"rude" in refused[0].payload, b"built on it" in refused[1].payload] == [True, True]
    assert refused[1].reason == "it builds on an edit that was refused: not that word"
    await device.replica.edit_page(PAGE, typing("again ", at=5))
    await settle(device)
    assert text(device) == log_text(device.peer) == "nice again "
    changes.close()
    assert {ChangeKind.RELOADED, ChangeKind.REFUSED} <= {change.kind async for change in changes}


async def test_an_edit_that_only_deletes_may_be_taken_behind_a_refused_one(device: LinkedDevice) -> None:
    await device.replica.edit_page(PAGE, typing("abc"))
    await settle(device)
    device.peer.rule = refuse_if(b"rude")
    await device.replica.edit_page(PAGE, typing("rude", at=3))
    await device.replica.edit_page(
        PAGE, lambda document: document.get("text", type=pycrdt.Text).__delitem__(slice(0, 1))
    )
    await settle(device)
    assert text(device) == log_text(device.peer)
    assert b"rude" in device.replica.outbox.refused()[0].payload
    assert content(device).digest == PageContent(0, device.peer.document(PAGE).log).digest


async def test_own_edits_are_recognised_when_they_come_back(device: LinkedDevice) -> None:
    device.peer.commits_wait = True
    await device.replica.edit_page(PAGE, typing("hello"))
    await device.run()
    device.cut()  # the ack is lost
    device.peer.commit_all()
    device.connect()
    await settle(device)
    assert text(device) == log_text(device.peer) == "hello"
    assert device.replica.outbox.count_waiting == 0
    assert len(device.peer.document(PAGE).log) == 1


async def test_another_history_keeps_waiting_edits_as_refused(device: LinkedDevice) -> None:
    await device.replica.edit_page(PAGE, typing("kept "))
    await settle(device)
    await device.replica.edit_page(PAGE, typing("lost at the server "))
    await settle(device)
    device.cut()
    await device.replica.edit_page(PAGE, typing("waiting "))
    device.peer.restore(PAGE, 1)
    device.connect()
    await settle(device)
    assert text(device) == log_text(device.peer) == "kept "
    (row,) = device.replica.outbox.refused()
    assert (row.code, b"waiting" in row.payload) == (REPLACED, True)
    await device.replica.edit_page(PAGE, typing("and on "))
    await settle(device)
    assert text(device) == log_text(device.peer) == "and on kept "


async def restored_phone(device: LinkedDevice) -> LinkedDevice:
    """The phone's backup of before its last edits, and the phone switched off."""
    await device.replica.edit_page(PAGE, typing("before "))
    await settle(device)
    assert isinstance(device.replica.store, MemoryStore)
    backup = device.replica.store.copy()
    for words in ("a", "b"):
        await device.replica.edit_page(PAGE, typing(words))
    await settle(device)
    device.cut()
    restored = LinkedDevice(device.peer, backup)
    await restored.replica.__aenter__()
    await restored.replica.follow(PAGE)
    return restored


@pytest.mark.parametrize("edits", [["x"], ["x", "y"], ["x", "y", "z"]])
async def test_edits_of_a_restored_backup_are_kept_as_refused(device: LinkedDevice, edits: list[str]) -> None:
    restored = await restored_phone(device)
    old = restored.replica.identity.client
    for words in edits:
        await restored.replica.edit_page(PAGE, typing(words))
    restored.connect()
    await settle(restored)
    assert text(restored) == log_text(device.peer) == "babefore "
    assert [row.code for row in restored.replica.outbox.refused()] == [FORKED] * len(edits)
    assert restored.replica.identity.client != old
    await restored.replica.edit_page(PAGE, typing("on "))
    await settle(restored)
    assert text(restored) == log_text(device.peer) == "on babefore "
    assert not restored.replica.mismatched


async def test_a_restored_backup_with_nothing_to_send_catches_up(device: LinkedDevice) -> None:
    restored = await restored_phone(device)
    restored.connect()
    await settle(restored)
    assert text(restored) == log_text(device.peer)
    await restored.replica.edit_page(PAGE, typing("on "))
    await settle(restored)
    assert text(restored) == log_text(device.peer) == "on babefore "
    assert not restored.replica.outbox.refused()


async def test_a_snapshot_is_merged_into_what_is_there(device: LinkedDevice) -> None:
    await device.replica.edit_page(PAGE, typing("waiting"))
    other = PageContent(77, [])
    update = other.edit(typing("snapshot "))
    before = content(device).doc
    await Reception(device.replica).receive_snapshot(PAGE, 4, update)
    assert sorted(text(device).replace("waiting", "")) == sorted("snapshot ")
    assert content(device).doc is before, "an editor's document object stays the same"
    assert device.replica.document(PAGE).cursor.position == 4
    restarted = LinkedDevice(device.peer, device.replica.store)
    async with restarted.replica:
        await restarted.replica.load(PAGE)
        assert text(restarted) == text(device)


async def test_an_ack_without_number_is_kept_until_its_place_is_known(device: LinkedDevice) -> None:
    await device.replica.edit_page(PAGE, typing("mine"))
    (row,) = device.replica.outbox.waiting(PAGE)
    sent = InFlight(row.id, device.replica.identity.client, 0, row.payload)
    reception = Reception(device.replica)
    await reception.acknowledge(PAGE, [(sent, 0)])
    assert device.replica.document(PAGE).cursor.position == 0
    restarted = LinkedDevice(device.peer, device.replica.store)
    async with restarted.replica:
        await restarted.replica.load(PAGE)
        assert text(restarted) == "mine"
    await reception.receive(PAGE, 1, [row.payload])
    assert (text(device), device.replica.document(PAGE).cursor.position) == ("mine", 1)


async def test_a_long_tail_is_compacted_when_nothing_waits(device: LinkedDevice) -> None:
    reception = Reception(device.replica)
    other = PageContent(77, [])
    payloads = [other.edit(typing("x")) for _ in range(TAIL_MAX + 10)]
    await device.replica.edit_page(PAGE, typing("mine"))
    await reception.receive(PAGE, 1, payloads[:-1])
    assert not (await device.replica.store.read_content(PAGE)).state, "own waiting edits must not get into the state"
    (row,) = device.replica.outbox.waiting(PAGE)
    sent = InFlight(row.id, device.replica.identity.client, 0, row.payload)
    await reception.acknowledge(PAGE, [(sent, len(payloads))])
    stored = await device.replica.store.read_content(PAGE)
    assert (bool(stored.state), stored.updates) == (True, [])
    restarted = LinkedDevice(device.peer, device.replica.store)
    async with restarted.replica:
        await restarted.replica.load(PAGE)
        assert content(restarted).digest == content(device).digest
