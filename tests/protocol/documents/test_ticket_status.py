"""Where a ticket stands: each pair of statuses that cross, and what goes on, ends and merges."""

from itertools import product
from typing import Any

import pytest
from support.records import record_id, record_value
from syncline_protocol.documents.history import History
from syncline_protocol.documents.ticket_records import NOT_SET, TicketStatus
from syncline_protocol.documents.ticket_status import (
    ENDED,
    OVERRULED,
    RANKING,
    FlagKind,
    Standing,
    reduce_status,
)

Value = dict[str, Any]

PEOPLE_S = ["cancelled", "closed", "accepted", "in_progress", "resolved", "awaiting_internal", "on_hold"]
PEOPLE_S += ["awaiting_customer"]
"""Of two that people set apart from each other the later in this list shows."""

PROGRAMS = ["accepted", "in_progress", "resolved", "cancelled", "closed", "awaiting_internal", "on_hold"]
PROGRAMS += ["awaiting_customer"]
"""The same of programs: nothing that they do is activity."""


def opened() -> Value:
    return record_value(0, "opened", subject="x", after=[])


def event(number: int, kind: str, *after: int, **fields: Any) -> Value:
    return record_value(number, kind, after=[record_id(one) for one in after], **fields)


def status(number: int, to: str, *after: int, **fields: Any) -> Value:
    return event(number, "status", *after, status=to, **fields)


def standing(*values: Value) -> Standing:
    history = History([opened(), *values])
    return reduce_status(history, history.events[0])


def test_every_status_that_is_set_stands_in_both_lists() -> None:
    set_by_people = {one.value for one in TicketStatus} - {one.value for one in NOT_SET}
    assert set(PEOPLE_S) == set(PROGRAMS) == set_by_people
    assert set(RANKING) == set(TicketStatus)
    assert len(RANKING) == len(TicketStatus)


@pytest.mark.parametrize(("one", "other"), list(product(PEOPLE_S, PEOPLE_S)))
def test_people_s_statuses_that_cross(one: str, other: str) -> None:
    result = standing(status(1, one, 0), status(2, other, 0))
    shown = max(one, other, key=PEOPLE_S.index)
    assert result.status.value == shown
    lost = min(one, other, key=PEOPLE_S.index)
    overruled = lost in {"closed", "cancelled"} and shown not in {"closed", "cancelled"}
    assert [alternative.value for alternative in result.others] == ([] if overruled else [lost])
    kinds = {flag.kind.value for flag in result.flags}
    assert ("open_question" in kinds) == ({one, other} == {"resolved", "awaiting_customer"})
    assert bool(kinds & {"close_overruled", "cancel_overruled"}) == overruled


@pytest.mark.parametrize(("one", "other"), list(product(PROGRAMS, PROGRAMS)))
def test_programs_statuses_that_cross(one: str, other: str) -> None:
    result = standing(status(1, one, 0, auto=True), status(2, other, 0, auto=True))
    assert result.status.value == max(one, other, key=PROGRAMS.index)
    assert [alternative.value for alternative in result.others] == [min(one, other, key=PROGRAMS.index)]


@pytest.mark.parametrize(("person", "program"), list(product(PEOPLE_S, PROGRAMS)))
def test_a_person_s_status_beats_a_program_s(person: str, program: str) -> None:
    result = standing(status(1, person, 0), status(2, program, 0, auto=True))
    assert result.status.value == person


@pytest.mark.parametrize(("one", "other"), list(product(PEOPLE_S, PEOPLE_S)))
def test_who_knew_of_the_other_decides(one: str, other: str) -> None:
    result = standing(status(1, one, 0), status(2, other, 1, 0))
    assert (result.status.value, result.event, result.others, result.flags) == (other, record_id(2), (), ())


def test_a_ticket_is_new_until_somebody_says_otherwise_and_never_again() -> None:
    assert (standing().status, standing().event) == (TicketStatus.NEW, record_id(0))
    assert standing(event(1, "note", 0, text="x")).status is TicketStatus.NEW
    unaware = standing(status(1, "accepted", auto=True))  # knows not even of the opening, which a person wrote
    assert (unaware.status, unaware.others) == (TicketStatus.ACCEPTED, ())


def test_an_assignment_may_make_it_accepted() -> None:
    given = {"cause": record_id(0), "user": "bo", "by": "server"}
    assert standing(event(1, "assignment", 0, **given, status="accepted")).status is TicketStatus.ACCEPTED
    assert standing(event(1, "assignment", 0, **given)).status is TicketStatus.NEW


@pytest.mark.parametrize("again", ["accepted", "in_progress", "on_hold", "awaiting_internal", "awaiting_customer"])
@pytest.mark.parametrize("ended", sorted(ENDED - {TicketStatus.MERGED}))
@pytest.mark.parametrize("more", range(3))
def test_what_follows_a_reopening_beats_an_end_that_did_not_know_of_it(again: str, ended: str, more: int) -> None:
    going_on = [status(2 + step, again, 1 + step) for step in range(1 + more)]
    result = standing(status(1, "resolved", 0), *going_on, status(50, ended, 1))
    assert result.status.value == again
    later = standing(status(1, "resolved", 0), *going_on, status(50, ended, len(going_on) + 1))
    assert later.status.value == ended


def test_an_end_that_knew_of_a_reopening_crosses_what_follows_it_like_any_other() -> None:
    begin = [status(1, "resolved", 0), status(2, "in_progress", 1)]
    assert standing(*begin, status(3, "accepted", 2), status(4, "resolved", 2)).status is TicketStatus.RESOLVED
    assert standing(*begin, status(3, "on_hold", 2), status(4, "resolved", 2)).status is TicketStatus.ON_HOLD


def test_who_knew_of_an_end_and_of_work_that_crossed_it_goes_on() -> None:
    crossed = [status(1, "resolved", 0), status(2, "awaiting_customer", 0)]
    result = standing(*crossed, status(3, "in_progress", 1, 2), status(4, "resolved", 1))
    assert result.status is TicketStatus.IN_PROGRESS


ACTIVITIES: list[tuple[str, Value]] = [
    ("note", {"text": "x"}),
    ("field", {"name": "serial", "value": "x"}),
    ("priority", {"priority": "low"}),
    ("topic", {"subject": "x"}),
    ("claim", {}),
    ("transfer", {"user": "bo"}),
    ("link", {"ticket": "t2"}),
    ("unlink", {"link": record_id(0)}),
    ("checklist_item", {"text": "x"}),
    ("checklist_mark", {"item": record_id(0), "done": True}),
    ("unmerge", {"merge": record_id(0)}),
    ("handoff", {"to": "x"}),
]


@pytest.mark.parametrize(("kind", "fields"), ACTIVITIES)
@pytest.mark.parametrize("end", sorted(OVERRULED))
def test_whatever_a_person_does_overrules_an_end(end: TicketStatus, kind: str, fields: Value) -> None:
    begin = status(1, "in_progress", 0)
    crossing = standing(begin, status(2, end.value, 1), event(3, kind, 1, **fields))
    assert crossing.status is TicketStatus.IN_PROGRESS
    (flag,) = crossing.flags
    assert (flag.kind, flag.event, flag.user, flag.about) == (OVERRULED[end], record_id(2), "alice", record_id(3))
    assert standing(begin, event(3, kind, 1, **fields), status(4, end.value, 1, 3)).status is end
    assert standing(begin, status(2, end.value, 1), event(3, kind, 2, **fields)).status is end
    assert standing(begin, status(2, end.value, 1), event(3, kind, 1, auto=True, **fields)).status is end
    assert standing(begin, status(2, end.value, 1), event(3, kind, 1, by="server", **fields)).status is end


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("redaction", {"event": record_id(0)}),
        ("status", {"status": "cancelled"}),
        ("status", {"status": "closed"}),
        ("satisfaction", {"cause": record_id(0), "score": 1, "by": "server"}),
    ],
)
def test_what_is_no_work_on_the_ticket_overrules_nothing(kind: str, fields: Value) -> None:
    assert standing(status(1, "closed", 0), event(2, kind, 0, **fields)).status is TicketStatus.CLOSED


def test_the_first_that_was_done_is_named() -> None:
    (flag,) = standing(status(5, "closed", 0), event(3, "note", 0, text="b"), event(2, "note", 0, text="a")).flags
    assert flag.about == record_id(2)


def test_a_close_that_followed_an_overruled_one_is_overruled_alike() -> None:
    note = event(9, "note", 1, text="x")
    result = standing(status(1, "on_hold", 0), status(2, "closed", 1), status(3, "cancelled", 2), note)
    assert (result.status, [flag.kind for flag in result.flags]) == (TicketStatus.ON_HOLD, [FlagKind.CANCEL_OVERRULED])


def reopened(number: int, *after: int, unseen: bool, ended: int = 1) -> Value:
    fields = {"ended": record_id(ended), "message": record_id(700), "unseen": unseen}
    return event(number, "reopened", *after, by="server", **fields)


@pytest.mark.parametrize("unseen", [True, False])
def test_the_customer_s_message_sets_it_going_again(*, unseen: bool) -> None:
    result = standing(status(1, "resolved", 0, by="bo"), reopened(2, 1, unseen=unseen))
    assert result.status is TicketStatus.IN_PROGRESS
    flags = [(flag.kind, flag.event, flag.user, flag.about) for flag in result.flags]
    assert flags == ([(FlagKind.UNSEEN_MESSAGE, record_id(1), "bo", record_id(700))] if unseen else [])


def test_the_customer_s_word_is_no_program_s() -> None:
    begin = status(1, "resolved", 0)
    assert standing(begin, reopened(2, 1, unseen=False), status(3, "resolved", 1)).status is TicketStatus.IN_PROGRESS
    assert standing(begin, reopened(2, 1, unseen=False), status(3, "closed", 1)).status is TicketStatus.IN_PROGRESS


def test_nobody_is_told_of_an_end_that_is_not_there() -> None:
    assert standing(reopened(2, 0, unseen=True, ended=8)).flags == ()


def test_a_merge_holds_whatever_is_said_until_it_is_taken_back() -> None:
    merged = [
        status(1, "on_hold", 0),
        event(2, "merge", 1, into="t2"),
        status(3, "closed", 1),
        status(4, "resolved", 2),
    ]
    result = standing(*merged)
    assert (result.status, result.merged_into, result.event) == (TicketStatus.MERGED, "t2", record_id(2))
    assert {one.value for one in result.others} == {"resolved"}
    back = standing(*merged, event(5, "unmerge", 2, merge=record_id(2)))
    assert (back.status, back.merged_into) == (TicketStatus.RESOLVED, None)


@pytest.mark.parametrize(("back", "into"), [([], "t2"), ([2], "t3"), ([3], "t2"), ([2, 3], None), ([9], "t2")], ids=str)
def test_of_merges_that_cross_the_first_that_is_left_counts(back: list[int], into: str | None) -> None:
    merges = [event(3, "merge", 0, into="t3"), event(2, "merge", 0, into="t2")]
    unmerges = [event(10 + one, "unmerge", 2, 3, merge=record_id(one)) for one in back]
    assert standing(*merges, *unmerges).merged_into == into


def test_a_merge_takes_the_place_of_one_it_knows() -> None:
    merges = [event(2, "merge", 0, into="t2"), event(3, "merge", 2, into="t3")]
    assert standing(*merges).merged_into == "t3"
    assert standing(*merges, event(4, "unmerge", 3, merge=record_id(3))).merged_into is None


def test_to_merge_is_no_activity_so_that_a_close_is_back_when_the_merge_is_taken_back() -> None:
    crossed = [status(1, "closed", 0), event(2, "merge", 0, into="t2")]
    assert standing(*crossed).status is TicketStatus.MERGED
    assert standing(*crossed, event(3, "unmerge", 1, 2, merge=record_id(2))).status is TicketStatus.CLOSED


def test_erasing_the_words_does_not_move_the_ticket() -> None:
    ended = [status(1, "in_progress", 0), status(2, "resolved", 1, resolution="4711")]
    result = standing(*ended, event(3, "redaction", 2, event=record_id(2)))
    assert (result.status, result.event) == (TicketStatus.RESOLVED, record_id(2))
