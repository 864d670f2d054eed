"""The second implementation (reducers.mjs): what it shows is what Python shows, on the vectors and on random sets."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

import pytest
from support.record_sets import (
    head_records,
    public_steps,
    segment_records,
    shuffled,
    ticket_events,
    user_records,
)
from support.records import record_id
from support.vectors import as_json, read_vectors
from support.yjs import Node
from syncline_protocol.documents.conversation import reduce_conversation
from syncline_protocol.documents.messages import reduce_messages, reduce_ratings
from syncline_protocol.documents.ticket import Ticket, reduce_ticket
from syncline_protocol.documents.ticket_public import reduce_public
from syncline_protocol.documents.user import ReadPosition, drafts_to_erase, reduce_user, unread_count

VECTORS: Final = read_vectors("reducers")
SEEDS: Final = 1_000


def spelled(shown: Any) -> str:
    """As text: in Python true is 1."""
    return json.dumps(shown, ensure_ascii=False, sort_keys=True, indent=1)


Made = tuple[Any, Any]
"""What Node is asked, and what Python shows."""


def of(reduce: Callable[[Any], Any], records: Callable[[Random], list[Any]]) -> Callable[[Random], Made]:
    def made(random: Random) -> Made:
        values = records(random)
        return shuffled(random, values), as_json(reduce(values))

    return made


def user(random: Random) -> Made:
    values = user_records(random)
    asked = [{"root": root, "value": value} for root, value in shuffled(random, values)]
    return asked, as_json(reduce_user(values))


def drafts(random: Random) -> Made:
    values = user_records(random)
    last = {conversation: random.randrange(8) for conversation in ("c1", "c2") if random.random() < 0.7}
    asked = {"records": [{"root": root, "value": value} for root, value in values], "erased": last}
    return asked, drafts_to_erase(values, last)


def unread(random: Random) -> Made:
    values = segment_records(random)
    up_to, message = random.randrange(8), record_id(random.randrange(14))
    position = ReadPosition(up_to=up_to, message=message) if random.random() < 0.8 else None
    asked = {"messages": values, "position": as_json(position), "user": "alice"}
    return asked, unread_count(reduce_messages(values), position, "alice")


RANDOM: Final[dict[str, Callable[[Random], Made]]] = {
    "messages": of(reduce_messages, segment_records),
    "ratings": of(reduce_ratings, segment_records),
    "conversation": of(reduce_conversation, head_records),
    "user": user,
    "drafts_to_erase": drafts,
    "unread": unread,
    "ticket": of(reduce_ticket, ticket_events),
    "public": of(reduce_public, public_steps),
}


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with Node("reducers.mjs") as running:
        yield running


@pytest.mark.parametrize("reducer", sorted(VECTORS))
def test_it_shows_what_the_vectors_say(node: Node, reducer: str) -> None:
    for case in VECTORS[reducer]:
        assert spelled(node.ask([reducer, case["records"]])) == spelled(case["shown"]), case["name"]


@pytest.mark.parametrize("reducer", sorted(RANDOM))
def test_it_shows_what_python_shows(node: Node, reducer: str) -> None:
    """A failure names its seed."""
    for seed in range(SEEDS * (4 if reducer == "ticket" else 1)):
        asked, shown = RANDOM[reducer](Random(seed))
        assert spelled(node.ask([reducer, asked])) == spelled(shown), f"seed {seed}"


def test_random_tickets_hold_all_there_is_to_show() -> None:
    """What the sets above are worth: everything that a ticket can show is in some of them."""
    shown = [ticket for seed in range(SEEDS) if (ticket := as_json(reduce_ticket(ticket_events(Random(seed)))))]
    names = {name for ticket in shown for name in ticket}
    assert names == set(Ticket.__struct_fields__)
    assert {flag["kind"] for ticket in shown for flag in ticket.get("flags", [])} == {
        "open_question",
        "close_overruled",
        "cancel_overruled",
        "unseen_message",
    }
    assert {claim["state"] for ticket in shown for claim in ticket.get("claims", [])} == {
        "provisional",
        "granted",
        "lost",
    }
    assert len({ticket["status"] for ticket in shown}) == 10
