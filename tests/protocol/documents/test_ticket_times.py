"""How long a ticket took: each definition by an example, and what holds of every history."""

from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.record_sets import shuffled, ticket_events
from support.records import NOW_MS, record_id, record_value
from syncline_protocol.clock import at_from_ms, at_ms
from syncline_protocol.documents.ticket import reduce_ticket
from syncline_protocol.documents.ticket_records import TicketStatus
from syncline_protocol.documents.ticket_times import (
    PHASES,
    Cycle,
    Phase,
    Said,
    TicketTimes,
    first_answers,
    read_times,
)

MINUTE_MS = 60_000
Value = dict[str, Any]


def stamp(minute: int) -> int:
    return at_from_ms(NOW_MS + minute * MINUTE_MS)


def event(minute: int, kind: str, *after: int, **fields: Any) -> Value:
    """An event in this minute, which is its number as well; it knows of those in the minutes `after`."""
    return record_value(minute, kind, after=[record_id(one) for one in after], at=stamp(minute)) | fields


def opened() -> Value:
    return event(0, "opened", subject="No wifi", conversation="c1", customer="carol")


def status(minute: int, to: str, *after: int, **fields: Any) -> Value:
    return event(minute, "status", *after, status=to, **fields)


def line(*events: Value) -> list[Value]:
    """Events each of which knows of all before it, behind the opening."""
    values = [opened(), *events]
    for before, value in pairwise(values):
        value["after"] = [before["id"]]
    return values


def reopened(minute: int, ended: int, *after: int, unseen: bool = False) -> Value:
    named = {"ended": record_id(ended), "message": record_id(900), "unseen": unseen}
    return event(minute, "reopened", *after, by="server", **named)


def assigned(minute: int, user: str | None = None, group: str | None = None) -> Value:
    given = {name: value for name, value in (("user", user), ("group", group)) if value is not None}
    return event(minute, "assignment", by="server", cause=record_id(0), **given)


def times_of(*values: Value) -> TicketTimes:
    times = read_times(values)
    assert times is not None
    return times


def minute_of(at: int | None) -> int | None:
    return None if at is None else (at_ms(at) - NOW_MS) // MINUTE_MS


def ends(times: TicketTimes) -> list[tuple[int | None, ...]]:
    """Of each cycle the minutes in which it began, ended, was resolved and was closed."""
    return [
        tuple(map(minute_of, (one.started_at, one.ended_at, one.resolved_at, one.closed_at))) for one in times.cycles
    ]


def statuses(times: TicketTimes) -> list[tuple[int | None, str]]:
    return [(minute_of(span.at), span.status.value) for span in times.spans]


def said(minute: int, by: str, *, is_customer: bool = False, is_system: bool = False) -> Said:
    return Said(record_id(500 + minute), stamp(minute), by, is_customer, is_system)


def answered(times: TicketTimes, *messages: Said) -> list[tuple[str, int | None] | None]:
    return [None if one is None else (one.by, minute_of(one.at)) for one in first_answers(times, messages)]


# --- statuses and cycles


def test_without_an_opening_there_is_nothing() -> None:
    assert read_times([status(1, "resolved")]) is None


def test_a_ticket_that_was_just_opened() -> None:
    times = times_of(opened())
    assert statuses(times) == [(0, "new")]
    assert times.cycles == (Cycle(started_at=stamp(0)),)
    assert (times.holdings, times.programs, times.next_start(0)) == ((), frozenset(), None)


def test_from_the_opening_to_the_end() -> None:
    times = times_of(
        *line(
            status(1, "accepted"),
            status(3, "in_progress"),
            event(4, "note", text="hm"),
            status(10, "awaiting_customer"),
            status(40, "in_progress"),
            status(45, "on_hold"),
            status(50, "awaiting_internal"),
            status(60, "resolved"),
            status(100, "closed"),
        )
    )
    assert ends(times) == [(0, 60, 60, 100)]
    (cycle,) = times.cycles
    phases = {phase.value: ms // MINUTE_MS for phase, ms in times.in_phases(cycle).items()}
    assert phases == {"work": 10 + 5 + 10, "waiting": 30, "hold": 5, "ended": 0}
    in_statuses = times.in_statuses(stamp(0), stamp(120))
    assert {one.value: ms // MINUTE_MS for one, ms in in_statuses.items() if ms} == {
        "new": 1,
        "accepted": 2,
        "in_progress": 12,
        "awaiting_customer": 30,
        "on_hold": 5,
        "awaiting_internal": 10,
        "resolved": 40,
        "closed": 20,
    }


def test_who_closes_without_resolving_has_not_resolved() -> None:
    assert ends(times_of(*line(status(5, "closed")))) == [(0, 5, None, 5)]
    assert ends(times_of(*line(status(5, "cancelled")))) == [(0, 5, None, None)]
    assert ends(times_of(*line(status(5, "cancelled"), status(7, "resolved")))) == [(0, 5, 7, None)]


def test_the_first_of_several_resolutions_counts() -> None:
    assert ends(times_of(*line(status(5, "resolved"), status(9, "resolved")))) == [(0, 5, 5, None)]


def test_a_reopened_ticket_begins_a_new_cycle() -> None:
    five_days = 5 * 24 * 60
    times = times_of(
        *line(
            status(30, "resolved"),
            status(40, "closed"),
            reopened(five_days, 30),
            status(five_days + 10, "resolved"),
            status(five_days + 20, "in_progress", by="bo"),
        )
    )
    assert ends(times) == [
        (0, 30, 30, 40),
        (five_days, five_days + 10, five_days + 10, None),
        (five_days + 20, None, None, None),
    ]
    assert [minute_of(times.next_start(place)) for place in range(3)] == [five_days, five_days + 20, None]


def test_a_message_that_the_resolver_had_not_seen_takes_the_resolution_back() -> None:
    times = times_of(opened(), status(30, "resolved", 0), reopened(31, 30, 30, unseen=True), status(50, "resolved", 31))
    assert ends(times) == [(0, 50, 50, None)]
    assert statuses(times) == [(0, "new"), (30, "resolved"), (31, "in_progress"), (50, "resolved")]


def test_an_open_question_takes_the_resolution_back() -> None:
    assert ends(times_of(opened(), status(30, "resolved", 0), status(31, "awaiting_customer", 0, by="bo"))) == [
        (0, None, None, None)
    ]


def test_activity_takes_a_closing_back_and_leaves_the_resolution() -> None:
    resolved = [opened(), status(10, "resolved", 0)]
    crossing = [status(20, "closed", 10, by="server"), event(21, "note", 10, text="wait")]
    assert ends(times_of(*resolved, *crossing)) == [(0, 10, 10, None)]
    not_resolved = [status(20, "closed", 0, by="server"), event(21, "note", 0, text="wait")]
    assert ends(times_of(opened(), *not_resolved)) == [(0, None, None, None)]


def test_a_merge_is_an_end_and_an_unmerge_says_that_it_was_none() -> None:
    merge = event(10, "merge", into="t2")
    assert ends(times_of(*line(merge))) == [(0, 10, None, None)]
    times = times_of(*line(merge, event(20, "unmerge", merge=record_id(10)), status(30, "resolved")))
    assert ends(times) == [(0, 30, 30, None)]
    assert statuses(times) == [(0, "new"), (10, "merged"), (20, "new"), (30, "resolved")]


def test_erasing_what_somebody_wrote_changes_no_figure() -> None:
    events = line(status(5, "resolved", resolution="they live at 5 High St"), reopened(8, 5), status(9, "resolved"))
    erased = event(10, "redaction", 9, event=record_id(5))
    assert times_of(*events, erased) == times_of(*events)


# --- answers


def test_the_first_response_is_a_person_s_of_the_staff() -> None:
    times = times_of(*line(assigned(1, "mei", "network"), event(4, "note", by="robo", auto=True, text="hm")))
    messages = [
        said(-5, "mei"),  # before there was a ticket
        said(2, "carol", is_customer=True),
        said(3, "server", is_system=True),
        said(4, "assistant", is_system=True),  # a bot that takes part
        said(5, "robo"),  # one that works on the ticket
        said(9, "li"),
        said(12, "mei"),
    ]
    assert times.programs == {"robo"}
    assert answered(times, *messages) == [("li", 9)]
    assert answered(times, *messages[:5]) == [None]


def test_after_a_reopening_the_response_is_counted_from_there_and_is_not_the_first() -> None:
    five_days = 5 * 24 * 60
    times = times_of(*line(status(30, "resolved"), reopened(five_days, 30), status(five_days + 60, "resolved")))
    late = said(five_days + 10, "mei")
    assert answered(times, late) == [None, ("mei", five_days + 10)]
    assert answered(times, said(3, "mei"), late) == [("mei", 3), ("mei", five_days + 10)]


def test_a_response_right_after_the_resolution_counts() -> None:
    assert answered(times_of(*line(status(30, "resolved"))), said(31, "mei")) == [("mei", 31)]


# --- who had it


def test_a_cycle_is_theirs_who_had_it_at_its_end() -> None:
    times = times_of(
        *line(
            assigned(1, group="service"),
            assigned(2, "mei", "service"),
            assigned(5, "li", "network"),
            status(30, "resolved"),
            assigned(35, "tom"),
            reopened(50, 30),
            status(60, "resolved"),
        )
    )
    assert [(one.user, one.group, one.handovers) for one in times.cycles] == [
        ("li", "network", 1),
        ("tom", "network", 0),
    ]
    assert [(minute_of(one.at), one.user, one.group) for one in times.holdings] == [
        (1, None, "service"),
        (2, "mei", "service"),
        (5, "li", "network"),
        (35, "tom", "network"),
    ]


def test_back_to_the_group_and_to_the_same_person_is_no_handover() -> None:
    times = times_of(
        *line(assigned(1, "mei", "service"), assigned(2, group="service"), assigned(3, "mei"), assigned(4, "li"))
    )
    assert times.cycles[0].handovers == 1


def test_the_last_score_of_a_cycle_counts() -> None:
    def scored(minute: int, score: int) -> Value:
        return event(minute, "satisfaction", by="server", cause=record_id(900 + minute), score=score)

    times = times_of(*line(status(5, "resolved"), scored(6, 2), scored(7, 4), reopened(9, 5), status(12, "resolved")))
    assert [one.score for one in times.cycles] == [4, None]


# --- what holds of every history


@given(st.integers(0, 2**32).map(Random))
def test_order_and_repetition_do_not_matter(random: Random) -> None:
    values = ticket_events(random)
    times = read_times(values)
    assert read_times(shuffled(random, values)) == times
    assert (times is None) == (reduce_ticket(values) is None)


@given(st.integers(0, 2**32).map(Random))
def test_the_spans_make_up_the_ticket_s_life(random: Random) -> None:
    values = ticket_events(random)
    times, ticket = read_times(values), reduce_ticket(values)
    if times is None or ticket is None:
        return
    assert times.spans[-1].status is ticket.status
    assert times.spans[0].at == ticket.opened_at
    assert [span.at for span in times.spans] == sorted(span.at for span in times.spans)
    now = max(value["at"] for value in values) + at_from_ms(random.randrange(10**9))
    lived = times.in_statuses(ticket.opened_at, now)
    assert sum(lived.values()) == at_ms(now) - at_ms(ticket.opened_at)
    assert min(lived.values()) >= 0


@given(st.integers(0, 2**32).map(Random))
def test_each_moment_has_the_status_of_the_events_up_to_it(random: Random) -> None:
    values = [value for value in ticket_events(random) if value["type"] != "redaction"]
    values.sort(key=lambda one: (one["at"], one["id"]))
    times = read_times(values)
    for count in range(1, len(values) + 1):
        part = reduce_ticket(values[:count])
        if times is None or part is None or values[count - 1]["at"] in {one["at"] for one in values[count:]}:
            continue  # within one stamp there is no moment between two events
        shown = [span.status for span in times.spans if span.at <= values[count - 1]["at"]]
        assert shown[-1] is part.status


@pytest.mark.parametrize("last", ["resolved", "on_hold"])
def test_of_very_many_that_cross_the_last_word_is_right(last: str) -> None:
    crossing = [status(minute, ("in_progress", "closed", "on_hold")[minute % 3], 0) for minute in range(1, 2_000)]
    values = [opened(), *crossing, status(2_000, last, 0)]
    times, ticket = read_times(values), reduce_ticket(values)
    assert times is not None
    assert ticket is not None
    assert times.spans[-1].status is ticket.status
    assert read_times(values[::-1]) == times


@given(st.integers(0, 2**32).map(Random))
def test_cycles_follow_each_other(random: Random) -> None:
    values = ticket_events(random)
    times, ticket = read_times(values), reduce_ticket(values)
    if times is None or ticket is None:
        return
    for place, cycle in enumerate(times.cycles):
        following = times.next_start(place)
        assert following is None or (cycle.ended_at is not None and cycle.ended_at <= following)
        marks = [one for one in (cycle.ended_at, cycle.resolved_at, cycle.closed_at) if one is not None]
        assert all(cycle.started_at <= one for one in marks)
        assert not marks or cycle.ended_at == min(marks)
        phases = times.in_phases(cycle)
        if cycle.resolved_at is not None and cycle.resolved_at == cycle.ended_at:
            assert sum(phases.values()) == at_ms(cycle.resolved_at) - at_ms(cycle.started_at)
    last = times.cycles[-1]
    assert (last.ended_at is not None) == (PHASES[ticket.status] is Phase.ENDED)
    assert (last.closed_at is not None) == (ticket.status is TicketStatus.CLOSED)


@given(st.integers(0, 2**32).map(Random))
def test_each_cycle_has_the_first_answer_within_it(random: Random) -> None:
    times = read_times(ticket_events(random))
    if times is None:
        return
    messages = [
        Said(
            record_id(number),
            random.randrange(200),
            random.choice(("mei", "carol", "dan", "bo")),
            is_customer=random.random() < 0.3,
            is_system=random.random() < 0.2,
        )
        for number in range(random.randrange(12))
    ]
    answers = first_answers(times, messages)
    assert answers == first_answers(times, random.sample(messages, len(messages)))
    for place, answer in enumerate(answers):
        start, end = times.cycles[place].started_at, times.next_start(place)
        within = [one for one in messages if one.at > start and (end is None or one.at <= end)]
        counting = [one for one in within if not (one.is_customer or one.is_system or one.by in times.programs)]
        assert answer == min(counting, key=lambda one: (one.at, one.id), default=None)


@pytest.mark.parametrize("status_", list(TicketStatus))
def test_every_status_has_its_phase(status_: TicketStatus) -> None:
    assert (PHASES[status_] is Phase.ENDED) == (status_.value in {"resolved", "closed", "cancelled", "merged"})
