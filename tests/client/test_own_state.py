"""A user's own document: what is noted with every scroll and keystroke is written a moment later, together."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from client.conftest import ServedPeer
from support.records import record_id
from syncline_client import Device, EditNotAllowed, MemoryStore, NeverConnected, StoreError
from syncline_client.own_state import GATHER_S
from syncline_protocol.documents.user import ReadPosition
from syncline_protocol.limits import MESSAGE_TEXT_CHARACTERS_MAX

WAIT_S = 10.0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.01)


def position(at: int) -> ReadPosition:
    return ReadPosition(up_to=at, message=record_id(at))


def written(peer: ServedPeer) -> list[dict[str, Any]]:
    return peer.document("user/ann").records()


async def test_a_marker_is_written_once_for_each_real_advance(peer: ServedPeer) -> None:
    async with Device(peer.url, token="ann") as device:
        await device.connected()
        own = device.own
        await own.open()
        assert [own.note_read("c", position(at)) for at in (1, 5, 3, 9, 9)] == [True, True, False, True, False]
        assert own.read_up_to("c") == position(9), "noted shows at once"
        assert written(peer) == []
        await until(lambda: len(written(peer)) == 1)
        await device.settled()
        assert not own.note_read("c", position(8))
        await asyncio.sleep(GATHER_S + 0.2)
        assert [one["up_to"] for one in written(peer)] == [9]
        assert own.read_up_to("c") == position(9)
        assert own.read_up_to("d") is None


async def test_what_another_device_has_read_further_is_not_written_again(peer: ServedPeer) -> None:
    async with Device(peer.url, token="ann", device="a") as one, Device(peer.url, token="ann", device="b") as two:
        for device in (one, two):
            await device.connected()
            await device.own.open()
        two.own.note_read("c", position(5))
        one.own.note_read("c", position(9))
        await one.own.flush()
        await until(lambda: two.own.state.read.get("c") == position(9))
        await two.own.flush()
        assert [record["up_to"] for record in written(peer)] == [9]


async def test_drafts_and_settings_are_on_all_devices(peer: ServedPeer) -> None:
    async with Device(peer.url, token="ann", device="a") as one, Device(peer.url, token="ann", device="b") as two:
        for device in (one, two):
            await device.connected()
            await device.own.open()
        for text in ("h", "he", "hel", "hell", "hello"):
            one.own.note_draft("c", text)
        assert (one.own.draft("c"), one.own.draft("d")) == ("hello", "")
        await until(lambda: two.own.draft("c") == "hello")
        one.own.note_draft("c", "hello")
        await one.own.flush()
        await one.own.set("language", "zh")
        await until(lambda: two.own.setting("language") == "zh")
        assert [record["type"] for record in written(peer)] == ["draft", "setting"], "the same draft is written once"


async def test_what_is_noted_is_written_when_the_device_stops(peer: ServedPeer) -> None:
    store = MemoryStore()
    async with Device(peer.url, token="ann", device="a", store=store) as device:
        await device.connected()
        await device.own.open()
        device.own.note_draft("c", "half a thought")
    async with Device("http://127.0.0.1:1", token="none", store=store) as offline:
        await offline.own.open()
        assert offline.own.draft("c") == "half a thought"
        assert offline.status.waiting == 1


async def test_what_could_not_be_stored_is_tried_again(peer: ServedPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Device(peer.url, token="ann") as device:
        await device.connected()
        await device.own.open()
        commit, tries = device.replica.store.commit, []

        async def full(*arguments: Any, **options: Any) -> None:
            tries.append(arguments)
            if len(tries) == 1:
                raise StoreError("the disk is full")
            await commit(*arguments, **options)

        monkeypatch.setattr(device.replica.store, "commit", full)
        device.own.note_read("c", position(5))
        await until(lambda: len(tries) == 1)
        assert device.own.read_up_to("c") == position(5)
        device.own.note_read("c", position(6))
        await until(lambda: [one["up_to"] for one in written(peer)] == [6])


async def test_a_draft_is_not_stamped_after_the_message_that_it_became(peer: ServedPeer) -> None:
    async with Device(peer.url, token="ann") as device:
        await device.connected()
        await device.own.open()
        device.own.note_draft("c", "hello")
        (message,) = await device.write("conversation/c/1", "messages", [{"type": "text", "text": "hello"}])
        device.own.note_draft("d", "of something else")
        await device.own.flush()
        await device.settled()
        draft, later = sorted(written(peer), key=lambda one: one["conversation"])
        assert draft["at"] <= message["at"] < later["at"]


@pytest.mark.parametrize("text", ["x" * (MESSAGE_TEXT_CHARACTERS_MAX + 1), "half a character: \ud83d"])
async def test_a_draft_that_cannot_be_stored_is_refused_at_once(peer: ServedPeer, text: str) -> None:
    async with Device(peer.url, token="ann") as device:
        await device.connected()
        await device.own.open()
        device.own.note_draft("c", "short")
        with pytest.raises(EditNotAllowed, match="'draft'"):
            device.own.note_draft("c", text)
        assert device.own.draft("c") == "short"
        await until(lambda: [one["text"] for one in written(peer)] == ["short"])


async def test_a_device_without_a_user_has_no_document_of_its_own() -> None:
    async with Device("http://127.0.0.1:1", token="none") as new:
        with pytest.raises(NeverConnected):
            await new.own.open()
        assert not new.own.is_open


async def test_it_is_followed_again_when_it_was_closed_for_others(peer: ServedPeer) -> None:
    async with Device(peer.url, token="ann") as device:
        await device.connected()
        await device.own.open()
        await device.replica.unfollow_unused([device.own.name], 1)
        assert not device.replica.document(device.own.name).followed
        await device.own.open()
        assert device.replica.document(device.own.name).followed
