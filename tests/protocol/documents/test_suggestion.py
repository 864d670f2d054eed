"""From a conversation to the ticket that it suggests: what was said, what is linked, and where each value came from."""

from typing import Any

import pytest
from syncline_protocol.documents.conversation import ConversationHead, Participant
from syncline_protocol.documents.fields import Blob
from syncline_protocol.documents.identity import Role
from syncline_protocol.documents.messages import Message
from syncline_protocol.documents.suggestion import LINKS_MAX, said_in, suggested_opening
from syncline_protocol.extraction import Extracted, Extraction, Guess

HEAD = ConversationHead(
    subject="平板连不上网",
    language="zh",
    customer="li",
    participants={
        "li": Participant(role=Role.CUSTOMER, since=0),
        "wang": Participant(role=Role.CUSTOMER, since=0),
        "mei": Participant(role=Role.AGENT, since=0),
    },
)
PICTURE = Blob(sha256="0" * 64, name="screen.jpg", media_type="image/jpeg", size=9)


def message(number: int, by: str = "li", type_: str = "text", **fields: Any) -> Message:
    return Message(id=f"m{number}", by=by, device="d", at=number, type=type_, **fields)


MESSAGES = (
    message(1, text="你好"),
    message(2, "mei", text="型号是什么？"),
    message(3, text="Tab 12，序列号 SN1234"),
    message(4, "wang", "image", blob=PICTURE, text="看这里"),
    message(5, recalled_by="li"),
    message(6, redacted=True),
    message(7, "server", "system", text="joined", event="joined"),
    message(8, "mei", "rich_text", markup="*好的*"),
)


def extraction(**changes: Any) -> Extraction:
    found: dict[str, Any] = {
        "issue_type": Guess("network", 80, "m1"),
        "language": Guess("zh", 99, "m1"),
        "urgency": Guess("normal", 50, None),
        "fields": (
            Extracted("attachment", "screen.jpg", 100, "m4", (0, 0)),
            Extracted("serial", "SN1234", 90, "m3", (12, 18)),
        ),
    }
    return Extraction(**(found | changes))


def test_what_people_said_is_heard_and_nothing_else() -> None:
    said = said_in(HEAD, MESSAGES)
    assert [(one.id, one.is_customer, one.text) for one in said] == [
        ("m1", True, "你好"),
        ("m2", False, "型号是什么？"),
        ("m3", True, "Tab 12，序列号 SN1234"),
        ("m4", True, "看这里"),
        ("m8", False, "*好的*"),
    ]
    assert said[3].attachments == ("screen.jpg",)


def test_the_customer_of_the_head_is_one_without_taking_part() -> None:
    said = said_in(ConversationHead(customer="li"), MESSAGES)
    assert [one.id for one in said if one.is_customer] == ["m1", "m3"]


def test_a_ticket_begins_with_what_was_extracted_and_links_what_was_read() -> None:
    opening = suggested_opening("c", HEAD, MESSAGES, extraction(), via="agent")
    assert (opening.subject, opening.conversation, opening.customer, opening.language) == (
        "平板连不上网",
        "c",
        "li",
        "zh",
    )
    assert (opening.issue_type, opening.issue_confidence, opening.priority) == ("network", 80, None)
    assert [one.name for one in opening.fields] == ["serial"], "a file is a link, no field"
    assert [link["message"] for link in opening.links] == ["m1", "m3", "m4"]
    assert opening.links[2]["blob"] == {
        "sha256": "0" * 64,
        "name": "screen.jpg",
        "media_type": "image/jpeg",
        "size": 9,
    }


def test_what_nobody_said_is_left_open() -> None:
    silent = extraction(
        issue_type=Guess("other", 30, None), language=Guess("en", 1, None), urgency=Guess("urgent", 80, "m3"), fields=()
    )
    opening = suggested_opening("c", HEAD, MESSAGES, silent, via="rule")
    assert (opening.issue_type, opening.language, opening.priority, opening.via) == (None, "zh", "urgent", "rule")
    assert [link["message"] for link in opening.links] == ["m4"], "files are linked whatever was said"


@pytest.mark.parametrize(
    ("head", "fields", "messages", "subject"),
    [
        (ConversationHead(subject="a\n b"), (), (), "a b"),
        (ConversationHead(), (Extracted("symptom", "no wifi", 80, "m1", (0, 7)),), (), "no wifi"),
        (ConversationHead(customer="li"), (), MESSAGES, "你好"),
        (ConversationHead(), (), (), "…"),
        (ConversationHead(subject="x" * 600), (), (), "x" * 500),
    ],
)
def test_a_subject_is_found(
    head: ConversationHead, fields: tuple[Extracted, ...], messages: tuple[Message, ...], subject: str
) -> None:
    assert suggested_opening("c", head, messages, extraction(fields=fields), via="agent").subject == subject


def test_an_opening_links_so_much_and_no_more() -> None:
    many = tuple(message(number, "li", "image", blob=PICTURE) for number in range(LINKS_MAX + 10))
    assert len(suggested_opening("c", HEAD, many, extraction(fields=()), via="agent").links) == LINKS_MAX
