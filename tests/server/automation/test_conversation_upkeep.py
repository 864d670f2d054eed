"""What is there because of a conversation: another segment when one is full, and nothing of what was erased."""

from pathlib import Path

import pytest
from support.running_domain import BOSS, CUS, MEI, TENANT, Domain
from syncline_protocol.documents.schema import MESSAGES
from syncline_server.automation import conversation_upkeep
from syncline_server.projections import segments


async def test_a_full_segment_is_followed_by_the_next(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (segments, conversation_upkeep):
        monkeypatch.setattr(module, "RECORDS_PER_SEGMENT", 5)
    for number in range(7):
        await domain.say(CUS, f"message {number}")
    await domain.settled()
    head = await domain.hub.conversations.head(TENANT, "c1")
    assert head is not None
    assert head.segments == (1, 2)
    await domain.say(CUS, "a late one, into the first")
    await domain.say(MEI, "and one into the second", segment=2)
    await domain.settled()
    records = await domain.records("conversation/c1")
    assert [record["segment"] for record in records if record["type"] == "segment_opened"] == [1, 2]


async def test_messages_of_the_server_go_into_the_newest_segment(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (segments, conversation_upkeep):
        monkeypatch.setattr(module, "RECORDS_PER_SEGMENT", 3)
    for number in range(3):
        await domain.say(CUS, f"message {number}")
    await domain.settled()
    await domain.ticket()
    assert (await domain.announced(), await domain.announced(segment=2)) == ([], ["工单 #1：待受理"])


async def test_an_erased_message_and_all_about_it_is_gone_from_every_file(domain: Domain) -> None:
    secret = "my-password-is-hunter2"
    message = await domain.say(CUS, f"please do not tell: {secret}")
    await domain.write(CUS, {"type": "edit", "message": message, "text": f"again: {secret}"})
    kept = await domain.say(CUS, "this stays")
    await domain.hub.projections.caught_up()
    data = domain.server.settings.data
    assert _holds(data, secret)
    await domain.write(BOSS, {"type": "redaction", "message": message})
    await domain.settled()
    await domain.hub.projections.purged()
    assert not _holds(data, secret)
    records = {record["id"]: record for record in await domain.records("conversation/c1/1")}
    assert (records[message]["type"], records[message]["of"], records[kept]["text"]) == (
        "redacted",
        "text",
        "this stays",
    )
    page = await domain.hub.projections.search(MEI, "hunter2")
    assert page.hits == ()


async def test_erasing_is_done_once(domain: Domain) -> None:
    message = await domain.say(CUS, "something")
    await domain.write(BOSS, {"type": "redaction", "message": message})
    await domain.settled()
    document = await domain.hub.find_named(TENANT, "conversation/c1/1")
    epoch = document.epoch
    await domain.server.server.automation._conversations.look_at(TENANT, "c1")
    assert document.epoch == epoch
    written = await domain.hub.actors.of(CUS).write(document, MESSAGES, [{"type": "text", "text": "it goes on"}])
    domain.hub.unpin(document)
    assert written[0]["text"] == "it goes on"


def _holds(folder: Path, text: str) -> bool:
    """Whether any file of the folder holds the text."""
    return any(text.encode() in file.read_bytes() for file in folder.iterdir() if file.is_file())
