"""Who may write which event of a ticket, and what it has to fit."""

from typing import Any

import pytest
from support.records import NOW_MS, record_id, record_value
from syncline_protocol.documents import ticket_rules
from syncline_protocol.documents.identity import SERVER_USER, Identity, Role
from syncline_protocol.documents.record_index import RecordIndex
from syncline_protocol.documents.rules import check_records
from syncline_protocol.documents.schema import EVENTS
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.names import parse_name
from syncline_protocol.update import RecordStruct

TICKET = parse_name("ticket/t1")
OPENED = record_value(1, "opened", subject="wifi", after=[])
NOTE = record_value(2, "note", text="rebooted it", after=[record_id(1)])
ITEM = record_value(3, "checklist_item", text="call back", after=[record_id(1)])


def index_with(*values: dict[str, Any]) -> RecordIndex:
    """A ticket's index that knows these events."""
    index = RecordIndex()
    structs = [RecordStruct(2**40, clock, EVENTS, value["id"], value) for clock, value in enumerate(values)]
    index.admit(structs, owns=lambda _: True)
    return index


def take(*values: dict[str, Any], role: Role = Role.AGENT, index: RecordIndex | None = None) -> None:
    """Let the rules take these events of Alice in one update."""
    identity = Identity(tenant="acme", user="alice", device="phone", role=role)
    structs = [RecordStruct(2**40, 50 + clock, EVENTS, value["id"], value) for clock, value in enumerate(values)]
    check_records(identity, TICKET, structs, RecordIndex() if index is None else index, NOW_MS)


def refuse(*values: dict[str, Any], role: Role = Role.AGENT, index: RecordIndex | None = None) -> RefusedUpdate:
    """How the rules refuse the last of these events."""
    with pytest.raises(RefusedUpdate) as refusal:
        take(*values, role=role, index=index)
    assert refusal.value.detail["record"] == values[-1]["id"]
    return refusal.value


def test_a_ticket_is_opened_first_and_once() -> None:
    take(OPENED, NOTE)
    assert refuse(NOTE).code is RefusalCode.INVALID
    again = record_value(9, "opened", subject="again", after=[])
    assert refuse(again, index=index_with(OPENED)).code is RefusalCode.INVALID
    assert refuse(OPENED, again).code is RefusalCode.INVALID


def test_every_event_but_the_first_says_what_its_author_knew() -> None:
    assert "after" in refuse(OPENED | {"after": [record_id(7)]}).reason
    assert "after" in refuse(NOTE | {"after": []}, index=index_with(OPENED)).reason


def test_heads_that_are_not_there_are_no_matter() -> None:
    take(NOTE | {"after": [record_id(77)]}, index=index_with(OPENED))


@pytest.mark.parametrize(
    ("type_", "fields", "wanted"),
    [
        ("checklist_mark", {"item": record_id(3), "done": True}, True),
        ("checklist_mark", {"item": record_id(2), "done": True}, False),
        ("checklist_mark", {"item": record_id(8), "done": True}, False),
        ("unlink", {"link": record_id(3)}, False),
        ("unmerge", {"merge": record_id(3)}, False),
        ("redaction", {"event": record_id(2)}, True),
        ("redaction", {"event": record_id(8)}, False),
    ],
)
def test_what_an_event_is_about_is_there(type_: str, fields: dict[str, Any], *, wanted: bool) -> None:
    event = record_value(9, type_, after=[record_id(3)], **fields)
    for known, new in (([OPENED, NOTE, ITEM], []), ([OPENED], [NOTE, ITEM])):
        if wanted:
            take(*new, event, role=Role.SUPERVISOR, index=index_with(*known))
        else:
            assert refuse(*new, event, role=Role.SUPERVISOR, index=index_with(*known)).code is RefusalCode.INVALID


def test_what_was_erased_may_still_be_named() -> None:
    erased = {name: value for name, value in ITEM.items() if name != "text"} | {"type": "redacted"}
    erased["of"] = "checklist_item"
    mark = record_value(9, "checklist_mark", item=record_id(3), done=True, after=[record_id(3)])
    take(mark, index=index_with(OPENED, erased))


@pytest.mark.parametrize("role", [Role.AGENT, Role.TECHNICIAN, Role.SUPERVISOR, Role.ADMIN, Role.INTEGRATION, Role.BOT])
def test_a_bot_says_that_it_is_one_and_nobody_else_does(role: Role) -> None:
    index = index_with(OPENED)
    plain, auto = NOTE, NOTE | {"auto": True}
    right, wrong = (auto, plain) if role is Role.BOT else (plain, auto)
    take(right, role=role, index=index)
    assert refuse(wrong, role=role, index=index).code is RefusalCode.FORBIDDEN


@pytest.mark.parametrize("role", [Role.BOT, Role.INTEGRATION])
def test_a_program_claims_nothing(role: Role) -> None:
    claim = record_value(9, "claim", after=[record_id(1)]) | ({"auto": True} if role is Role.BOT else {})
    assert refuse(claim, role=role, index=index_with(OPENED)).code is RefusalCode.FORBIDDEN


def test_a_ticket_has_so_many_events_and_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticket_rules, "EVENTS_PER_TICKET_MAX", 3)
    take(NOTE, index=index_with(OPENED, ITEM))
    full = index_with(OPENED, NOTE, ITEM)
    more = record_value(9, "note", text="one more", after=[record_id(3)])
    assert refuse(more, index=full).code is RefusalCode.TOO_LARGE
    server = Identity(tenant="acme", user=SERVER_USER, device=SERVER_USER, role=Role.SERVER)
    number = record_value(9, "number", cause=record_id(1), number=7, after=[record_id(3)])
    struct = RecordStruct(2**40, 50, EVENTS, number["id"], number | {"by": SERVER_USER, "device": SERVER_USER})
    check_records(server, TICKET, [struct], full, NOW_MS)
