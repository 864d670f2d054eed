"""History: which event knew of which, whatever they claim to know."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.record_sets import ticket_events
from support.records import record_id, record_value
from support.ticket_devices import Device
from syncline_protocol.documents.fields import HEADS_MAX
from syncline_protocol.documents.history import Event, History, bits, places


def event(number: int, *after: int, at: int | None = None, kind: str = "claim", **fields: Any) -> dict[str, Any]:
    stamp = {} if at is None else {"at": at}
    return record_value(number, kind, after=[record_id(one) for one in after], **stamp, **fields)


def knowledge(*values: dict[str, Any]) -> dict[int, set[int]]:
    """By number of the event: those that it knows."""
    history = History(values)
    return {
        int(one.id[-12:], 16): {int(history.events[place].id[-12:], 16) for place in places(history.past[one.place])}
        for one in history.events
    }


def reached(values: list[dict[str, Any]]) -> dict[str, set[str]]:
    """The same from the definition, link by link."""
    by_id = {value["id"]: value for value in values}

    def stamp(id_: str) -> tuple[int, str]:
        return by_id[id_]["at"], id_

    named = {
        id_: {one for one in value.get("after", []) if one in by_id and stamp(one) < stamp(id_)}
        for id_, value in by_id.items()
    }
    known = {id_: set(ids) for id_, ids in named.items()}
    for _ in by_id:
        known = {id_: ids.union(*(named[one] for one in ids)) for id_, ids in known.items()}
    return known


def test_what_is_known_through_others_is_known() -> None:
    assert knowledge(event(1), event(2, 1), event(3, 2), event(4, 3, 1)) == {1: set(), 2: {1}, 3: {1, 2}, 4: {1, 2, 3}}


def test_what_is_not_there_counts_for_nothing_and_joins_nothing() -> None:
    assert knowledge(event(1), event(3, 2), event(4, 3)) == {1: set(), 3: set(), 4: {3}}


@pytest.mark.parametrize("after", [(3,), (2,), (9,)])
def test_nobody_knows_themselves_nor_what_comes_later(after: tuple[int, ...]) -> None:
    assert knowledge(event(1), event(2, *after), event(3, 2))[2] == set()


def test_at_one_stamp_the_id_decides() -> None:
    assert knowledge(event(1, 2, at=5), event(2, 1, at=5)) == {1: set(), 2: {1}}


def test_a_circle_of_events_is_cut_where_it_goes_back_in_time() -> None:
    assert knowledge(event(1, 3), event(2, 1), event(3, 2)) == {1: set(), 2: {1}, 3: {1, 2}}


@given(st.integers(0, 2**32).map(Random))
def test_it_is_what_the_definition_says(random: Random) -> None:
    values = ticket_events(random)
    history = History(values)
    known = {one.id: {history.events[place].id for place in places(history.past[one.place])} for one in history.events}
    assert known == reached(values)
    for one in history.events:
        later = {history.events[place].id for place in places(history.future[one.place])}
        assert later == {one.id} | {id_ for id_, ids in known.items() if one.id in ids}
        for other in history.events:
            assert history.knows(one, other) == (other.id in known[one.id])
    heads = {one.id for one in history.heads(history.events)}
    assert heads == set(known) - set().union(*known.values())


meetings = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(-5_000, 5_000)), max_size=25)


@given(meetings, st.tuples(*[st.integers(-60_000, 60_000)] * 3))
def test_a_device_never_names_what_stands_later(steps: list[tuple[int, int, int]], ahead: tuple[int, int, int]) -> None:
    """The clocks of devices may go wrong as they like: what one was shown is behind what it writes next."""
    devices = [Device(f"d{number}", number, ahead_ms=ms) for number, ms in enumerate(ahead)]
    devices[0].write("opened", subject="x")
    for device in devices[1:]:
        device.meet(devices[0])
    for writer, met, now_ms in steps:
        devices[writer].write("claim", now_ms=1_790_000_000_000 + now_ms)
        if writer != met:
            devices[writer].meet(devices[met])
    for device in devices:
        history = History(device.events.values())
        for one in history.events:
            named = [history.by_id[id_] for id_ in device.events[one.id]["after"]]
            assert all(history.knows(one, other) for other in named)


def test_the_next_event_names_the_latest_heads() -> None:
    values = [event(number) for number in range(HEADS_MAX + 6)]
    assert History(values).head_ids() == tuple(record_id(number) for number in range(6, HEADS_MAX + 6))
    assert History([*values, event(99, *range(3, 50))]).head_ids() == tuple(
        record_id(number) for number in [0, 1, 2, *range(50, HEADS_MAX + 6), 99]
    )
    assert History([]).head_ids() == ()


def test_events_stand_by_their_stamps_each_once() -> None:
    values = [event(2, at=9), event(3, at=4), event(1, at=4), event(3, at=4)]
    history = History(values)
    assert [(one.place, one.id) for one in history.events] == [(0, record_id(1)), (1, record_id(3)), (2, record_id(2))]
    assert history.by_id[record_id(2)] is history.events[2]


@pytest.mark.parametrize(
    ("fields", "is_human"),
    [
        ({}, True),
        ({"auto": True}, False),
        ({"by": "server"}, False),
        ({"by": "server", "kind": "reopened", "ended": record_id(1), "message": record_id(2), "unseen": True}, True),
    ],
)
def test_people_are_told_from_programs(fields: dict[str, Any], *, is_human: bool) -> None:
    (one,) = History([event(1, **fields)]).events
    assert one.human is is_human


def test_what_was_erased_keeps_its_place_and_says_what_its_rest_says() -> None:
    note = event(2, 1, kind="note", text="4711")
    history = History([event(1), note, event(3, 2), event(4, 1, kind="redaction", event=note["id"])])
    erased = history.by_id[note["id"]]
    assert (erased.type, hasattr(erased.record, "text")) == ("note", False)
    assert erased not in [one for one, _ in history.said]
    assert history.knows(history.by_id[record_id(3)], erased)
    assert history.knows(erased, history.by_id[record_id(1)])


def test_what_a_later_version_wrote_keeps_its_place_and_says_nothing() -> None:
    history = History([event(1), event(2, 1, kind="handoff", to={"team": "x"}), event(3, 2)])
    first, handoff, last = history.events
    assert history.knows(last, first)
    assert (handoff.by, handoff.human) == ("alice", True)
    (alone,) = History([record_value(1, "handoff")]).events
    assert alone.human


def test_a_count_goes_on_from_the_greatest_that_is_known() -> None:
    values = [event(1), event(2, 1), event(3, 1), event(4, 3), event(5, 2, 4), event(6)]

    def generation(_: Event, known: int) -> int:
        return known + 1

    assert History(values).counted(generation) == [1, 2, 2, 3, 4, 1]


@given(st.sets(st.integers(0, 300)))
def test_sets_are_bits(numbers: set[int]) -> None:
    events = History([event(number, at=number) for number in range(301)]).events
    assert list(places(bits(events[number] for number in numbers))) == sorted(numbers)


def test_a_malformed_event_is_an_error() -> None:
    with pytest.raises(ValueError, match="after"):
        History([record_value(1, "claim", after="x")])
    with pytest.raises(ValueError, match="after"):
        History([record_value(1, "handoff", after="x")])


@given(st.integers(0, 2**32).map(Random))
def test_the_first_events_are_a_history_of_their_own(random: Random) -> None:
    values = [value for value in ticket_events(random) if value["type"] != "redaction"]
    whole = History(values)
    count = random.randrange(len(values) + 1)
    part = whole.first(count)
    there = {one.id for one in whole.events[:count]}
    expected = History([value for value in values if value["id"] in there])
    assert [(one.id, one.record) for one in part.events] == [(one.id, one.record) for one in expected.events]
    assert part.past == expected.past
    assert part.future == expected.future
    assert (part.head_ids(), part.by_id.keys()) == (expected.head_ids(), expected.by_id.keys())
    assert [record for _, record in part.said] == [record for _, record in expected.said]
