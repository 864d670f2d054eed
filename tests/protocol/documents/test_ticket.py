"""Tickets: the concurrency table, and what holds of any set of events."""

from random import Random
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.crossings import CROSSINGS, Crossing, play, view
from support.record_sets import shuffled, ticket_events
from support.records import record_id, record_value
from support.vectors import as_json, read_vectors
from syncline_protocol.documents.erasure import erased
from syncline_protocol.documents.fields import HEADS_MAX
from syncline_protocol.documents.ticket import ClaimOutcome, reduce_ticket
from syncline_protocol.documents.ticket_records import TicketStatus

VECTORS = read_vectors("reducers")["ticket"]

randoms = st.integers(0, 2**32).map(Random)


HIDDEN = "4711"
"""What is erased below."""


@pytest.mark.parametrize("ahead", ["left", "right", "neither"])
@pytest.mark.parametrize("first", ["left", "right"])
@pytest.mark.parametrize("crossing", CROSSINGS, ids=lambda crossing: crossing.name)
def test_what_crosses_comes_to_what_the_table_says(crossing: Crossing, first: str, ahead: str) -> None:
    left, right, server = play(crossing, first=first, ahead=ahead)
    assert left.ticket == right.ticket == server.ticket
    expected = crossing.shown(first) if callable(crossing.shown) else crossing.shown
    shown = view(left.ticket)
    assert {name: shown[name] for name in expected} == expected


@pytest.mark.parametrize("crossing", CROSSINGS, ids=lambda crossing: crossing.name)
def test_somebody_who_knows_of_both_sides_can_settle_it(crossing: Crossing) -> None:
    device, _, server = play(crossing, first="left", ahead="neither")
    device.write("status", status="in_progress")
    device.write("topic", subject="settled", issue_type="settled")
    device.write("priority", priority="low")
    device.write("field", name="serial", value="settled")
    device.write("transfer", user="settled")
    server.meet(device)
    shown = view(server.ticket)
    assert not shown["flags"]
    if shown["merged_into"] is None:  # a merge holds until it is taken back
        assert (shown["status"], shown["status_others"]) == ("in_progress", [])
    assert (shown["subject"], shown["fields"]["serial"]) == (("settled", set()), ("settled", set()))
    assert (shown["issue_type"], shown["priority"]) == (("settled", set()), ("low", set()))
    assert (server.ticket.assignee, server.ticket.assignment_others) == ("settled", ())


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_events_make_the_ticket_that_the_vectors_say(case: dict[str, Any]) -> None:
    assert as_json(reduce_ticket(case["records"])) == case["shown"]


def test_every_row_of_the_table_is_a_vector() -> None:
    assert {crossing.name for crossing in CROSSINGS} <= {case["name"] for case in VECTORS}


@settings(max_examples=500)
@given(randoms)
def test_neither_order_nor_repetition_matters(random: Random) -> None:
    values = ticket_events(random)
    assert reduce_ticket(shuffled(random, values)) == reduce_ticket(values)


@settings(max_examples=300)
@given(randoms)
def test_naming_what_is_known_anyway_changes_nothing(random: Random) -> None:
    """Beside a head, what that head named."""
    values = ticket_events(random)
    by_id = {value["id"]: value for value in values}

    def known(value: dict[str, Any]) -> list[str]:
        there = (by_id[id_] for id_ in value.get("after", []) if id_ in by_id)
        return [one["id"] for one in there if (one["at"], one["id"]) < (value["at"], value["id"])]

    more = [
        {**value, "after": [*known(value), *(old for id_ in known(value) for old in known(by_id[id_]))]}
        for value in values
    ]
    assert reduce_ticket(more) == reduce_ticket(values)


@settings(max_examples=300)
@given(randoms)
def test_it_shows_the_same_before_the_history_is_rewritten_and_afterwards(random: Random) -> None:
    values = ticket_events(random)
    named = {value.get("event") for value in values} - {value["id"] for value in values if "event" in value}
    rewritten = [erased(value) if value["id"] in named else value for value in values]
    assert reduce_ticket(rewritten) == reduce_ticket(values)


@settings(max_examples=300)
@given(randoms)
def test_what_is_there_once_stays(random: Random) -> None:
    """Events add up: whatever comes later, nobody loses a note, a resolution, a claim or a place in the list of heads
    but to somebody who knows of it.
    """
    values = [value for value in ticket_events(random) if value["type"] != "redaction"]
    beginning = reduce_ticket(values[: len(values) // 2])
    whole = reduce_ticket(values)
    if beginning is None or whole is None:
        return
    assert {note.id for note in beginning.notes} <= {note.id for note in whole.notes}
    assert {one.event for one in beginning.resolutions} <= {one.event for one in whole.resolutions}
    assert {one.event for one in beginning.claims} <= {one.event for one in whole.claims}
    answered = {one.event for one in beginning.claims if one.state is not ClaimOutcome.PROVISIONAL}
    assert answered <= {one.event for one in whole.claims if one.state is not ClaimOutcome.PROVISIONAL}
    concerned = {*beginning.watchers, beginning.assignee} - {None}
    assert concerned <= {*whole.watchers, whole.assignee, *transferred(values)}
    assert {one.id for one in beginning.checklist} <= {one.id for one in whole.checklist}


def transferred(values: list[dict[str, Any]]) -> set[str]:
    """To whom the ticket was to be given: they watch it once the server has answered."""
    return {value["user"] for value in values if value["type"] == "transfer" and "user" in value}


@settings(max_examples=300)
@given(randoms)
def test_who_knows_all_of_it_sets_every_value(random: Random) -> None:
    """`heads` is what an event has to name to know everything: then nothing competes with it."""
    values = ticket_events(random)
    ticket = reduce_ticket(values)
    if ticket is None:
        return
    at = max(value["at"] for value in values) + 1
    last = {"by": "bo", "at": at, "after": list(ticket.heads)}
    names = set(ticket.fields) | {"serial"}
    said = [record_value(900 + place, "field", name=name, value="last", **last) for place, name in enumerate(names)]
    said += [
        record_value(950, "topic", subject="last", issue_type="last", **last),
        record_value(951, "priority", priority="low", **last),
        record_value(952, "status", status="on_hold", **last),
        record_value(953, "transfer", user="last", **last),
    ]
    after = reduce_ticket([*values, *said])
    assert after is not None
    assert {name: (one.value, one.others) for name, one in after.fields.items()} == dict.fromkeys(names, ("last", ()))
    for register in (after.subject, after.issue_type):
        assert (register and register.value, register and register.others) == ("last", ())
    assert (after.priority and after.priority.value, after.assignee, after.assignment_others) == ("low", "last", ())
    assert (after.status, after.status_others, after.flags) == (
        (TicketStatus.ON_HOLD, (), ())
        if after.merged_into is None
        else (TicketStatus.MERGED, after.status_others, after.flags)
    )
    assert set(after.heads) == {value["id"] for value in said}


def test_nothing_that_was_erased_shows_anywhere() -> None:
    kinds: dict[str, dict[str, Any]] = {
        "opened": {"subject": HIDDEN, "language": "en", "via": f"x{HIDDEN}"},
        "topic": {"subject": HIDDEN, "issue_type": f"x{HIDDEN}"},
        "field": {"name": f"x{HIDDEN}", "value": HIDDEN},
        "status": {"status": "resolved", "resolution": HIDDEN, "reason": HIDDEN},
        "note": {"text": HIDDEN},
        "link": {"ticket": HIDDEN, "relation": f"x{HIDDEN}"},
        "checklist_item": {"text": HIDDEN},
        "transfer": {"user": HIDDEN, "group": f"x{HIDDEN}", "reason": HIDDEN},
        "assignment": {"cause": record_id(0), "user": HIDDEN, "because": {"x": HIDDEN}},
        "satisfaction": {"cause": record_id(0), "score": 1, "text": HIDDEN},
        "merge": {"into": HIDDEN},
    }
    values = []
    for number, (kind, fields) in enumerate(kinds.items(), start=1):
        values.append(record_value(number, kind, after=[record_id(number - 1)], **fields))
    redactions = [
        record_value(100 + number, "redaction", event=value["id"], after=[], reason="no reason")
        for number, value in enumerate(values)
    ]
    shown = as_json(reduce_ticket([*values, *redactions]))
    assert shown["status"] == "resolved"
    assert HIDDEN not in str(shown)


def test_a_ticket_of_thousands_of_events_is_read_in_a_moment() -> None:
    """Measured: 60 ms. The bound leaves room for a busy machine, and none for what grows with the square."""
    random = Random(7)
    values = [record_value(0, "opened", subject="wifi", after=[])]
    for number in range(1, 5_000):
        kind, fields = random.choice(BUSY)
        after = sorted({record_id(max(0, number - random.randint(1, 3))) for _ in range(2)})
        values.append(record_value(number, kind, **fields, after=after))
    before = process_time()
    assert reduce_ticket(values) is not None
    assert process_time() - before < 1


BUSY: list[tuple[str, dict[str, Any]]] = [
    ("status", {"status": "in_progress"}),
    ("status", {"status": "closed"}),
    ("note", {"text": "hm"}),
    ("field", {"name": "serial", "value": "X1"}),
    ("priority", {"priority": "high"}),
    ("claim", {}),
    ("transfer", {"group": "network"}),
    ("assignment", {"cause": record_id(1), "user": "bo"}),
]


def test_a_ticket_made_to_be_slow_is_not() -> None:
    """Every event concurrent with every other: no candidate takes the place of any."""
    kinds = [*BUSY, ("merge", {"into": "t2"}), ("checklist_mark", {"item": record_id(1), "done": True})]
    values = [record_value(0, "opened", subject="wifi", after=[])]
    for number in range(1, 4_000):
        kind, fields = kinds[number % len(kinds)]
        values.append(record_value(number, kind, **fields, after=[record_id(0)]))
    before = process_time()
    ticket = reduce_ticket(values)
    assert ticket is not None
    assert len(ticket.heads) == HEADS_MAX
    assert process_time() - before < 2


def test_a_malformed_event_is_an_error() -> None:
    with pytest.raises(ValueError, match="priority"):
        reduce_ticket([record_value(1, "priority", priority="asap", after=[])])
