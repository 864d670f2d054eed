"""What must not be there because of an erased message: its author's drafts of it, once each, whatever comes between."""

import asyncio
from pathlib import Path

import pytest
from support.running import running
from support.running_domain import BOSS, CUS, MEI, TENANT, Domain
from syncline_server.automation.user_upkeep import UserUpkeep
from syncline_server.storage.interface import StoreUnavailable

SECRET = "my-password-is-hunter2"


async def sent(domain: Domain) -> str:
    """A message with the secret, by way of two drafts, the way a device clears them; its id."""
    await domain.draft(CUS, SECRET[:-1])
    await domain.draft(CUS, SECRET)
    message = await domain.say(CUS, SECRET)
    await domain.draft(CUS, "")
    return message


async def redact(domain: Domain, message: str) -> None:
    """Have a message erased."""
    await domain.write(BOSS, {"type": "redaction", "message": message})


async def drafts(domain: Domain, user: str = "cus") -> list[str]:
    """What drafts there are, in their order: their texts, `-` for an erased one."""
    records = sorted(await domain.records(f"user/{user}"), key=lambda one: (one["at"], one["id"]))
    return [one.get("text", "-") for one in records]


def holds(domain: Domain, text: str) -> bool:
    """Whether any file of the server's holds the text."""
    return any(text.encode() in file.read_bytes() for file in domain.server.settings.data.iterdir() if file.is_file())


async def epoch(domain: Domain) -> int:
    """The epoch of the customer's document."""
    document = await domain.hub.find_named(TENANT, "user/cus")
    domain.hub.unpin(document)
    return document.epoch


async def test_drafts_go_with_the_message_and_later_and_other_ones_stay(domain: Domain) -> None:
    await domain.draft(CUS, "elsewhere", conversation="c2")
    await domain.draft(MEI, "by somebody else")
    message = await sent(domain)
    await domain.draft(CUS, "of something else")
    assert holds(domain, SECRET[:-1])
    await redact(domain, message)
    await domain.settled()
    await domain.hub.projections.purged()
    assert not holds(domain, SECRET[:-1])
    assert await drafts(domain) == ["elsewhere", "-", "-", "", "of something else"]
    assert await drafts(domain, "mei") == ["by somebody else"]


async def test_erasing_is_done_once(domain: Domain) -> None:
    await redact(domain, await sent(domain))
    await domain.settled()
    before = await epoch(domain)
    await domain.server.server.automation._users.look_at(TENANT, "cus")
    await domain.draft(CUS, "goes on")
    await redact(domain, await domain.say(MEI, "of somebody who has no drafts"))
    await domain.settled()
    assert await epoch(domain) == before
    assert await drafts(domain) == ["-", "-", "", "goes on"]


async def test_a_draft_that_comes_after_the_erasing_goes_too(domain: Domain) -> None:
    message = await sent(domain)
    await redact(domain, message)
    await domain.settled()
    (at,) = (one["at"] for one in await domain.records("conversation/c1/1") if one["id"] == message)
    await domain.draft(CUS, "typed offline, and later", at=at + 1)
    await domain.settled()
    before = await epoch(domain)
    await domain.draft(CUS, f"typed offline: {SECRET}", at=at - 1)
    await domain.settled()
    assert await epoch(domain) != before
    assert not holds(domain, SECRET)
    assert sorted(await drafts(domain)) == ["", "-", "-", "-", "typed offline, and later"]


@pytest.mark.parametrize("is_done", [False, True])
async def test_what_a_stopped_server_left_is_erased_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_done: bool
) -> None:
    """It stops between the two documents, or behind both and does not know that."""
    with monkeypatch.context() as patched:
        look_at = UserUpkeep.look_at
        looked = 0

        async def interrupted(upkeep: UserUpkeep, tenant: str, user: str) -> None:
            nonlocal looked
            if is_done:
                await look_at(upkeep, tenant, user)
            looked += 1
            raise StoreUnavailable("the server is about to be killed")

        patched.setattr(UserUpkeep, "look_at", interrupted)
        async with running(tmp_path / "data") as server:
            domain = Domain(server)
            await domain.conversation()
            await redact(domain, await sent(domain))
            while not looked:
                await asyncio.sleep(0.01)
            assert await drafts(domain) == (["-", "-", ""] if is_done else [SECRET[:-1], SECRET, ""])
            before = await epoch(domain)
    async with running(tmp_path / "data") as server:
        domain = Domain(server)
        await domain.settled()
        assert await drafts(domain) == ["-", "-", ""]
        assert (await epoch(domain) == before) is is_done
        assert not holds(domain, SECRET[:-1])
        assert await domain.hub.projections.dirty() == []
