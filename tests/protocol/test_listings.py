"""What the server lists goes out as JSON and comes back the same, and what a newer server adds is passed over."""

import msgspec
import pytest
from syncline_protocol import listings

TICKET = {
    "id": "t",
    "number": 7,
    "subject": "wifi",
    "status": "new",
    "priority": "high",
    "assignee": "tom",
    "group": "n",
}
LAST = {"id": "m", "at": 5, "by": "li", "type": "text", "text": "你好"}
ROW = {
    "conversation": "c",
    "at": 5,
    "subject": "wifi",
    "channel": "chat",
    "language": "zh",
    "customer": "li",
    "closed": True,
    "messages": 3,
    "last": LAST,
    "unread": 2,
    "tickets": [TICKET],
}
HIT = {"kind": "message", "id": "m", "at": 5, "by": "li", "excerpt": "你好", "spans": [[0, 2]]}
HIT |= {"conversation": "c", "segment": 1, "number": 7}
LISTED_TICKET = TICKET | {"opened_at": 5, "updated_at": 6, "issue_type": "network", "language": "zh"}
LISTED_TICKET |= {"conversation": "c", "customer": "li"}
ANSWERS = {
    "InboxPage": {"rows": [ROW], "position": "p", "next": "n"},
    "InboxChanges": {"rows": [ROW], "removed": ["d"], "position": "p", "more": True, "stale": True},
    "SearchPage": {"hits": [HIT], "next": "n"},
    "TicketPage": {"tickets": [LISTED_TICKET], "next": "n"},
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_whole(name: str) -> None:
    shape = getattr(listings, name)
    written = msgspec.json.encode(msgspec.convert(ANSWERS[name], shape))
    assert msgspec.json.decode(written) == ANSWERS[name]
    assert msgspec.json.decode(written, type=shape) == msgspec.convert(ANSWERS[name], shape)


def test_what_is_new_is_passed_over() -> None:
    row = msgspec.convert({"conversation": "c", "at": 5, "mood": "sunny"}, listings.InboxRow)
    assert (row.unread, row.tickets) == (0, ())


def test_what_nobody_said_is_left_out() -> None:
    assert msgspec.json.decode(msgspec.json.encode(listings.InboxRow(conversation="c", at=5))) == {
        "conversation": "c",
        "at": 5,
    }
