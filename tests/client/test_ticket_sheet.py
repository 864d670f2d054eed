"""A ticket on one page: what is known, where it came from, what was kept apart and what somebody should look at."""

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType
from support.records import NOW_MS, record_id, record_value
from syncline_client.ticket_sheet import QUOTE_CHARACTERS, Surroundings, public_sheet, ticket_sheet
from syncline_protocol.documents.ticket import Ticket, reduce_ticket
from syncline_protocol.documents.ticket_public import reduce_public

PHONE, DESK = 44, 110
MESSAGE = record_id(99)
SAID = "序列号是 SN1234，" + "麻烦快一点" * 20
OPENED = record_id(1)


def event(number: int, type_: str, *, after: int = 1, **fields: Any) -> dict[str, Any]:
    return record_value(number, type_, after=[record_id(after)], **fields)


def ticket(*events: dict[str, Any]) -> Ticket:
    opened = record_value(1, "opened", after=[], subject="平板连不上网", customer="li", conversation="c-1")
    state = reduce_ticket([opened, *events])
    assert state is not None
    return state


def shown(sheet: RenderableType, width: int) -> str:
    screen = io.StringIO()
    Console(file=screen, width=width, force_terminal=False).print(sheet, highlight=False)
    lines = screen.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= width
    return "\n".join(" ".join(line.split()) for line in lines)


def around(language: str = "en", **fields: Any) -> Surroundings:
    return Surroundings(language, NOW_MS, **fields)


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_new_ticket_shows_what_is_known_and_what_is_missing(width: int) -> None:
    text = shown(ticket_sheet(ticket(), around("zh", missing=("serial", "shoe_size"), unaccepted=2)), width)
    assert text.startswith("#… 平板连不上网")
    assert "状态 待受理" in text
    assert "负责人 无人" in text
    assert "尚缺 序列号, shoe_size" in text
    assert "⚠ 2 条修改尚未被服务器接受" in text
    assert "优先级" not in text, "what nobody said is not there"


def test_a_value_stands_beside_the_words_it_was_taken_from() -> None:
    source = {"message": MESSAGE, "start": 5, "end": 11}
    state = ticket(
        event(2, "field", name="serial", value="SN1234", source=source, confidence=90),
        event(3, "field", after=2, name="model", value="Tab [12]"),
        event(4, "field", after=3, name="colour", value="red"),
        event(5, "field", after=4, name="colour", value=None),
    )
    text = shown(ticket_sheet(state, around(quotes={MESSAGE: SAID})), 200)
    assert f"Serial number SN1234 “{SAID[:QUOTE_CHARACTERS]}…” 90%" in text
    assert "Model Tab [12]" in text
    assert "colour" not in text, "an empty field is none"
    assert "SN1234 90%" in shown(ticket_sheet(state, around()), 200), "without the message there are no words"


def test_words_that_are_the_value_are_not_said_twice_and_kinds_of_problems_have_words() -> None:
    source = {"message": MESSAGE, "start": 0, "end": 7}
    state = ticket(
        event(2, "field", name="symptom", value="no wifi", source=source, confidence=56),
        event(3, "topic", issue_type="networkfault"),
        event(4, "topic", issue_type="odd"),
    )
    around_it = around(quotes={MESSAGE: " no\n wifi"}, issue_types={"networkfault": "Network and connection"})
    text = shown(ticket_sheet(state, around_it), DESK)
    assert "Symptom no wifi 56%" in text
    assert "Issue type odd\n≠ Network and connection (alice, …000003)" in text


def test_what_was_said_at_the_same_time_is_shown_with_the_event_to_pick() -> None:
    state = ticket(
        event(2, "priority", priority="low"),
        event(3, "priority", priority="urgent"),
        event(4, "field", name="serial", value="SN1"),
        event(5, "field", name="serial", value="SN2"),
        event(6, "status", status="resolved", resolution="new antenna"),
        event(7, "status", status="awaiting_customer"),
    )
    text = shown(ticket_sheet(state, around()), 200)
    assert "Priority Urgent\n≠ Low (alice, …000002)" in text
    assert "Serial number SN2\n≠ SN1 (alice, …000004)" in text
    assert "Status Awaiting customer\n≠ Resolved (alice, …000006)" in text
    assert "⚠ alice resolved it while a question to the customer was open" in text
    assert "alice\nnew antenna" in text, "the text of a resolution is kept"


def test_who_claimed_it_and_did_not_get_it() -> None:
    claim = event(2, "claim") | {"by": "tom"}
    other = event(3, "claim") | {"by": "wu"}
    provisional = shown(ticket_sheet(ticket(claim), around("zh")), DESK)
    assert "⚠ tom 已申领，待服务器确认" in provisional
    assigned = event(4, "assignment", after=2, cause=record_id(2), user="tom", group="network")
    lost = event(5, "claim_lost", after=3, cause=record_id(3), holder="tom")
    text = shown(ticket_sheet(ticket(claim, other, assigned, lost), around()), DESK)
    assert "Assigned to tom\nGroup network" in text
    assert "⚠ wu claimed it, but tom has it" in text
    assert "Watching wu" in text


def test_everything_else_that_belongs_to_it() -> None:
    blob = {"sha256": "0" * 64, "name": "screen.jpg", "media_type": "image/jpeg", "size": 9}
    state = ticket(
        event(2, "note", text="call [back]\nat noon"),
        event(3, "link", after=2, conversation="c-1", message=MESSAGE),
        event(4, "link", after=3, conversation="c-1", message=record_id(98), blob=blob),
        event(5, "link", after=4, ticket="t-2", relation="duplicate"),
        event(6, "checklist_item", after=5, text="screws"),
        event(7, "checklist_mark", after=6, item=record_id(6), done=True),
        event(8, "note", after=7, text="4111"),
        event(9, "redaction", after=8, event=record_id(8)),
    )
    text = shown(ticket_sheet(state, around(quotes={MESSAGE: "no wifi"})), DESK)
    assert "“no wifi”\nscreen.jpg\nduplicate t-2" in text
    assert "☑ screws" in text
    assert "alice …000002\ncall [back]\nat noon" in text
    assert "alice …000008\n(erased)" in text
    assert "4111" not in text


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_customer_sees_where_it_stands_and_how_it_went(width: int) -> None:
    labels = {"zh": "待受理", "en": "Waiting"}
    first = record_value(2, "step", cause=OPENED, subject="no wifi", status="new", labels=labels) | {"number": 7}
    fields = {"cause": OPENED, "subject": "no wifi", "status": "in_progress", "labels": {"zh": "处理中"}}
    second = record_value(3, "step", **fields, responsible="Tom", expected_by=NOW_MS) | {"number": 7}
    public = reduce_public([first, second])
    assert public is not None
    text = shown(public_sheet(public, around("zh")), width)
    assert text.startswith("#7 no wifi\n状态 处理中\n负责人 Tom\n预计完成 ")
    assert "处理中，负责人：Tom" in text
    assert text.index("待受理") < text.index("处理中，负责人")
