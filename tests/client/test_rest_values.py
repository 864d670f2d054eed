"""What the server's projections answer is what a device reads, and what a newer server adds is passed over."""

from typing import Any

import msgspec
import pytest
from syncline_client import rest_values
from syncline_server.projections import model, ticket_list
from syncline_server.rest import conversations

NAMES = ("InboxTicket", "LastMessage", "InboxRow", "InboxPage", "InboxChanges", "Hit", "SearchPage")
LISTED = ("TicketRow", "TicketPage")
SEEN = ("SeenBy", "SeenList")


def of_the_server(name: str) -> Any:
    """The server's own struct of this name."""
    module = ticket_list if name in LISTED else conversations if name in SEEN else model
    return getattr(module, name)


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


@pytest.mark.parametrize("name", [*NAMES, *LISTED, *SEEN])
def test_both_have_the_same_fields(name: str) -> None:
    here, there = getattr(rest_values, name), of_the_server(name)
    assert set(here.__struct_fields__) == set(there.__struct_fields__)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_whole(name: str) -> None:
    written = msgspec.json.encode(msgspec.convert(ANSWERS[name], of_the_server(name)))
    read = msgspec.json.decode(written, type=getattr(rest_values, name))
    assert msgspec.json.decode(msgspec.json.encode(read)) == ANSWERS[name] == msgspec.json.decode(written)


def test_what_is_new_is_passed_over() -> None:
    row = msgspec.convert({"conversation": "c", "at": 5, "mood": "sunny"}, rest_values.InboxRow)
    assert (row.unread, row.tickets) == (0, ())
