"""An update on its way into an index: rules 1, 2 and 7, and the order in which structs are taken."""

import pytest
from support.admitted import anybody, index_of, refusal, refuses
from support.update_bytes import (
    ARRAY,
    DELETED,
    FORMAT,
    MAP,
    NULL,
    STRING,
    TEXT,
    TYPE,
    VALUES,
    collected,
    item,
    number,
    section,
    text,
    typed,
    update,
    values,
)
from syncline_protocol.errors import RefusalCode
from syncline_protocol.update import scan_update, scan_vector
from syncline_protocol.update.places import GONE
from syncline_protocol.update.scanned import Id, Kind

ME, OTHER = 2**40, 5


def letters(
    client: int, clock: int, written: str, *, origin: Id | None = None, right_origin: Id | None = None
) -> bytes:
    """A section with one string, behind `origin` or at the start of root `t`."""
    parent = None if origin or right_origin else "t"
    return section(client, clock, item(STRING, text(written), origin=origin, right_origin=right_origin, parent=parent))


# --- rule 1 -----------------------------------------------------------------------------------------------------------


def test_new_structs_are_the_writers_own() -> None:
    index = index_of(typed(OTHER, 0, "ab"))
    for bad in (typed(OTHER, 0, "abc"), typed(9, 0, "x"), update(letters(ME, 0, "m"), letters(9, 0, "n"))):
        assert refusal(index, bad, owns=lambda client: client == ME).code is RefusalCode.NOT_YOURS


def test_ownership_comes_before_continuity() -> None:
    assert refusal(index_of(), typed(9, 3, "x"), owns=lambda _: False).code is RefusalCode.NOT_YOURS


def test_what_is_known_may_be_sent_by_anybody() -> None:
    index = index_of(typed(OTHER, 0, "ab"))
    assert not index.admit(scan_update(typed(OTHER, 0, "ab")), owns=lambda _: False)


# --- rule 2 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        update(letters(ME, 4, "x", origin=(ME, 3))),
        update(letters(7, 1, "x", origin=(7, 0))),
        update(letters(ME, 3, "x", origin=(9, 0))),
        update(letters(ME, 3, "x", right_origin=(OTHER, 2))),
        update(letters(ME, 3, "x", origin=(OTHER, 0), right_origin=(OTHER, 2))),
        update(section(ME, 3, item(STRING, text("x"), parent=(OTHER, 2)))),
        update(deletes={OTHER: [(0, 1), (1, 2)]}),
        update(deletes={9: [(0, 1)]}),
        update(letters(ME, 3, "x", origin=(ME, 2)), deletes={ME: [(4, 1)]}),
        update(letters(ME, 3, "x", origin=(OTHER, 4)), letters(OTHER, 2, "yz", origin=(OTHER, 1))),
    ],
    ids=[
        "hole in a client",
        "new client not from 0",
        "origin of nobody",
        "right origin unknown",
        "one of two unknown",
        "parent unknown",
        "deletes beyond what is known",
        "deletes of nobody",
        "deletes beyond what it brings",
        "origin beyond what it brings",
    ],
)
def test_what_is_missing_is_a_gap_and_told_with_the_vector(bad: bytes) -> None:
    index = index_of(typed(OTHER, 0, "ab"), typed(ME, 0, "cde", root="u"))
    refused = refusal(index, bad)
    assert refused.code is RefusalCode.GAP
    vector = refused.detail["vector"]
    assert isinstance(vector, bytes)
    assert scan_vector(vector) == {OTHER: 2, ME: 3}


def test_a_gap_closes_when_what_was_missing_comes() -> None:
    index = index_of()
    late = update(letters(ME, 2, "c", origin=(ME, 1)), deletes={ME: [(0, 1)]})
    assert refusal(index, late).code is RefusalCode.GAP
    assert index.admit(scan_update(typed(ME, 0, "ab")), owns=anybody)
    assert index.admit(scan_update(late), owns=anybody)
    assert index.vector == {ME: 3}


@pytest.mark.parametrize(
    "bad",
    [
        update(letters(ME, 0, "x", origin=(ME, 0))),
        update(letters(ME, 0, "xy", origin=(ME, 1))),
        update(letters(ME, 0, "x", right_origin=(ME, 5))),
        update(section(ME, 0, item(TYPE, TEXT, parent=(ME, 0)))),
        update(letters(ME, 0, "x", origin=(OTHER, 0)), letters(OTHER, 0, "y", origin=(ME, 0))),
        update(letters(1, 0, "x", origin=(2, 0)), letters(2, 0, "y", origin=(3, 0)), letters(3, 0, "z", origin=(1, 0))),
    ],
    ids=["itself", "its own end", "right of itself", "its own child", "two for each other", "three in a circle"],
)
def test_what_waits_for_itself_is_malformed(bad: bytes) -> None:
    refuses(index_of(), bad, RefusalCode.MALFORMED, "")


def test_structs_are_taken_in_the_order_in_which_they_name_each_other() -> None:
    """Two authors who answered each other in turns, sent as one update in either order of sections."""
    one = section(
        1,
        0,
        item(STRING, text("a"), parent="t"),
        item(STRING, text("c"), origin=(2, 0)),
        item(STRING, text("e"), origin=(2, 1)),
    )
    two = section(2, 0, item(STRING, text("b"), origin=(1, 0)), item(STRING, text("d"), origin=(1, 1)))
    for sections in ((one, two), (two, one)):
        assert index_of(update(*sections)).vector == {1: 3, 2: 2}


def test_a_long_chain_of_clients_costs_no_stack() -> None:
    count = 3_000
    chain = [letters(client, 0, "x", origin=(client + 1, 0)) for client in range(count)]
    index = index_of(update(*chain, letters(count, 0, "x")))
    assert len(index.vector) == count + 1


# --- rule 7 -----------------------------------------------------------------------------------------------------------


def test_what_came_before_brings_nothing_new() -> None:
    whole = update(letters(ME, 0, "abc"), deletes={ME: [(1, 1)]})
    index = index_of(whole)
    for again in (whole, typed(ME, 0, "ab"), update(deletes={ME: [(1, 1)]}), update()):
        assert not index.admit(scan_update(again), owns=anybody)
    assert index.admit(scan_update(update(deletes={ME: [(0, 2)]})), owns=anybody)


def test_the_new_part_of_a_known_struct_is_taken() -> None:
    index = index_of(typed(ME, 0, "ab"))
    assert index.admit(scan_update(typed(ME, 0, "abcd")), owns=anybody)
    assert index.vector == {ME: 4}
    assert len(index.state.runs[ME].starts) == 1


@pytest.mark.parametrize(
    "other",
    [
        typed(ME, 0, "ab", root="u"),
        update(section(ME, 0, item(FORMAT, text("b") + text("1"), parent="t"))),
        update(section(ME, 0, item(TYPE, TEXT, parent="t"))),
        typed(ME, 0, "abc", root="u"),
    ],
)
def test_another_struct_under_a_known_clock_is_forked(other: bytes) -> None:
    index = index_of(typed(ME, 0, "ab"))
    refuses(index, other, RefusalCode.FORKED, "restored from a backup")
    assert refusal(index, other, owns=lambda _: False).code is RefusalCode.NOT_YOURS


def test_another_type_under_a_known_clock_is_forked() -> None:
    index = index_of(update(section(ME, 0, item(TYPE, MAP, parent="m", key="k"))))
    refuses(index, update(section(ME, 0, item(TYPE, ARRAY, parent="m", key="k"))), RefusalCode.FORKED, "")


@pytest.mark.parametrize("deleted", [item(DELETED, number(2), parent="t"), collected(2)])
def test_what_was_deleted_meanwhile_is_the_same_struct(deleted: bytes) -> None:
    for first, second in ((typed(ME, 0, "ab"), update(section(ME, 0, deleted))),):
        assert not index_of(first).admit(scan_update(second), owns=anybody)
        assert not index_of(second).admit(scan_update(first), owns=anybody)


def test_the_rest_of_a_struct_stands_behind_its_beginning() -> None:
    """Engines put it there whatever it says of itself, so it has to say the same."""
    index = index_of(typed(OTHER, 0, "xy"), update(letters(ME, 0, "ab", origin=(OTHER, 0), right_origin=(OTHER, 1))))
    refuses(index, typed(ME, 0, "abc", root="u"), RefusalCode.FORKED, "")
    refuses(index, update(letters(ME, 0, "abc", origin=(OTHER, 0))), RefusalCode.FORKED, "")
    bad = update(section(ME, 0, item(VALUES, values(NULL, NULL, NULL), origin=(OTHER, 0), right_origin=(OTHER, 1))))
    refuses(index, bad, RefusalCode.FORKED, "")
    backwards = update(letters(ME, 1, "bc", origin=(OTHER, 0), right_origin=(ME, 0)))
    refuses(index, backwards, RefusalCode.INVALID, "on its right")


def test_the_rest_of_a_struct_does_not_begin_within_a_character() -> None:
    refuses(index_of(typed(ME, 0, "ab")), typed(ME, 0, "a😀"), RefusalCode.INVALID, "cut a character in two")


def test_the_rest_of_a_struct_is_collected_with_it() -> None:
    index = index_of(typed(ME, 0, "ab"), update(section(ME, 0, collected(5))))
    assert index.state.runs[ME].at(4) == (GONE, Kind.COLLECTED)
    refuses(index_of(update(section(ME, 0, collected(2)))), typed(ME, 0, "abc"), RefusalCode.FORKED, "")


def test_known_structs_may_not_cut_characters_either() -> None:
    """Yjs splits at the origins of what it knows already, too."""
    index = index_of(typed(OTHER, 0, "a😀"), typed(ME, 0, "x", root="u"))
    refuses(index, update(letters(ME, 0, "x", origin=(OTHER, 1))), RefusalCode.INVALID, "cut a character in two")


def test_a_typing_session_is_one_run() -> None:
    keys = [update(letters(ME, clock, "x", origin=(ME, clock - 1))) for clock in range(1, 200)]
    index = index_of(typed(ME, 0, "x"), *keys)
    assert len(index.state.runs[ME].starts) == 1
    assert len(index.encode()) < 100
