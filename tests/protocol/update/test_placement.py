"""Where a struct belongs, and whether it may stand there: rules 3 to 6 of the content index, one by one."""

import pytest
from support.admitted import index_of, refuses
from support.update_bytes import (
    DELETED,
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
from syncline_protocol.update.places import GONE
from syncline_protocol.update.scanned import Id

ME, OTHER = 2**40, 5

X = text("x")


def inserted(*, origin: Id | None = None, right_origin: Id | None = None, client: int = ME, clock: int = 0) -> bytes:
    """An update that inserts an x."""
    return update(section(client, clock, item(STRING, X, origin=origin, right_origin=right_origin)))


def entry(key: str | None, content: bytes = NULL, *, origin: Id | None = None, right_origin: Id | None = None) -> bytes:
    """A struct that sets a key of root `m`, or follows another value of it."""
    parent = None if origin or right_origin else "m"
    return item(VALUES, values(content), origin=origin, right_origin=right_origin, parent=parent, key=key)


# --- rule 3 -----------------------------------------------------------------------------------------------------------

EMOJI = typed(OTHER, 0, "a😀b")
"""a at 0, the pair at 1 and 2, b at 3."""


@pytest.mark.parametrize(
    "bad",
    [
        inserted(origin=(OTHER, 1)),
        inserted(right_origin=(OTHER, 2)),
        inserted(origin=(OTHER, 1), right_origin=(OTHER, 2)),
        inserted(origin=(OTHER, 0), right_origin=(OTHER, 2)),
        inserted(origin=(OTHER, 1), right_origin=(OTHER, 3)),
    ],
)
def test_an_insertion_does_not_cut_a_surrogate_pair(bad: bytes) -> None:
    refuses(index_of(EMOJI), bad, RefusalCode.INVALID, "cut a character in two")


@pytest.mark.parametrize("left", [0, 2])
def test_an_insertion_beside_a_surrogate_pair_is_fine(left: int) -> None:
    index_of(EMOJI, inserted(origin=(OTHER, left), right_origin=(OTHER, left + 1)))


def test_pairs_are_known_wherever_they_came() -> None:
    """Typed behind, in a struct of which the beginning was known, and in an update of its own."""
    behind = update(section(OTHER, 4, item(STRING, text("𠮷"), origin=(OTHER, 3))))
    longer = update(section(OTHER, 0, item(STRING, text("a😀b𠮷😀"), parent="t")))
    for updates, cut in (((EMOJI, behind), 4), ((EMOJI, longer), 4), ((EMOJI, longer), 6)):
        refuses(index_of(*updates), inserted(origin=(OTHER, cut)), RefusalCode.INVALID, "cut a character in two")


def test_what_was_deleted_before_it_came_has_no_characters() -> None:
    index_of(update(section(OTHER, 0, item(DELETED, number(4), parent="t"))), inserted(origin=(OTHER, 1)))


# --- rule 4 -----------------------------------------------------------------------------------------------------------

TWO_LISTS = update(section(OTHER, 0, item(STRING, text("ab"), parent="t"), item(STRING, text("cd"), parent="u")))


def test_both_origins_are_in_one_list() -> None:
    bad = inserted(origin=(OTHER, 0), right_origin=(OTHER, 3))
    refuses(index_of(TWO_LISTS), bad, RefusalCode.INVALID, "not in one list")


def test_an_entry_is_not_between_entries_of_another_key() -> None:
    entries = update(section(OTHER, 0, entry("a"), entry("b")))
    bad = update(section(ME, 0, entry("a", origin=(OTHER, 0), right_origin=(OTHER, 1))))
    refuses(index_of(entries), bad, RefusalCode.INVALID, "not in one list")


def test_an_entry_has_no_right_origin() -> None:
    entries = update(section(OTHER, 0, entry("a"), entry("a", origin=(OTHER, 0))))
    for bad in (entry("a", right_origin=(OTHER, 0)), entry("a", origin=(OTHER, 0), right_origin=(OTHER, 1))):
        refuses(index_of(entries), update(section(ME, 0, bad)), RefusalCode.INVALID, "right origin")


def test_an_entry_holds_one_value() -> None:
    """Cut in two by a deletion, its first part stays when its parent goes: Yrs then reads freed memory."""
    three = item(VALUES, values(NULL, NULL, NULL), parent="m", key="k")
    reason = "holds several values"
    refuses(index_of(), update(section(ME, 0, three)), RefusalCode.INVALID, reason)
    refuses(index_of(), update(section(ME, 0, three), deletes={ME: [(1, 2)]}), RefusalCode.INVALID, reason)
    refuses(index_of(), update(section(ME, 0, three), deletes={ME: [(0, 2)]}), RefusalCode.INVALID, reason)


def test_an_editor_without_collection_joins_deleted_entries() -> None:
    three = item(VALUES, values(NULL, NULL, NULL), parent="m", key="k")
    index_of(update(section(ME, 0, three), deletes={ME: [(0, 3)]}))
    index_of(update(section(ME, 0, item(DELETED, number(3), parent="m", key="k"))))


def test_a_parent_is_a_shared_type() -> None:
    child = update(section(ME, 0, item(STRING, X, parent=(OTHER, 0))))
    for parent in (typed(OTHER, 0, "a"), update(section(OTHER, 0, entry("k")))):
        refuses(index_of(parent), child, RefusalCode.INVALID, "no shared type")
    index_of(update(section(OTHER, 0, item(TYPE, TEXT, parent="m", key="k"))), child)


@pytest.mark.parametrize("parent", [collected(1), item(DELETED, number(1), parent="m", key="k")])
def test_what_lies_in_a_deleted_parent_is_gone(parent: bytes) -> None:
    index = index_of(update(section(OTHER, 0, parent)), update(section(ME, 0, item(STRING, X, parent=(OTHER, 0)))))
    assert index.state.runs[ME].at(0)[0] == GONE
    assert index.state.is_deleted(ME, 0)


def test_content_has_to_fit_its_parent() -> None:
    in_map = update(section(OTHER, 0, item(TYPE, MAP, parent="m", key="k")))
    for bad in (item(STRING, X, parent=(OTHER, 0)), item(VALUES, values(NULL), parent=(OTHER, 0))):
        refuses(index_of(in_map), update(section(ME, 0, bad)), RefusalCode.INVALID, "in the sequence of a MAP")


# --- rule 5 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("left", "right"), [(1, 1), (2, 1), (3, 0)])
def test_the_right_origin_is_not_left_of_the_left_one(left: int, right: int) -> None:
    nested = update(
        section(OTHER, 0, item(TYPE, TEXT, parent="m", key="k"), item(STRING, text("abcd"), parent=(OTHER, 0)))
    )
    for index, first in ((index_of(typed(OTHER, 0, "abcd")), 0), (index_of(nested), 1)):
        bad = inserted(origin=(OTHER, left + first), right_origin=(OTHER, right + first))
        refuses(index, bad, RefusalCode.INVALID, "has what is left of it on its right")


def test_a_run_is_known_across_updates() -> None:
    behind = update(section(OTHER, 2, item(STRING, text("cd"), origin=(OTHER, 1))))
    bad = inserted(origin=(OTHER, 3), right_origin=(OTHER, 0))
    refuses(index_of(typed(OTHER, 0, "ab"), behind), bad, RefusalCode.INVALID, "on its right")


def test_clocks_alone_say_nothing_of_the_order() -> None:
    """The same author went back to the start and typed there: the later clock is left of the earlier one."""
    at_start = inserted(right_origin=(OTHER, 0), client=OTHER, clock=2)
    index_of(typed(OTHER, 0, "ab"), at_start, inserted(origin=(OTHER, 2), right_origin=(OTHER, 0)))


def test_the_start_of_a_root_is_before_what_came_first() -> None:
    index = index_of(typed(OTHER, 0, "ab"), inserted(origin=(OTHER, 1), client=7))
    for right_origin in ((OTHER, 1), (7, 0)):
        refuses(index, inserted(right_origin=right_origin), RefusalCode.INVALID, "at the start of a list")
    index_of(typed(OTHER, 0, "ab"), inserted(right_origin=(OTHER, 0)))


def test_the_end_of_a_root_is_behind_what_came_last() -> None:
    between = inserted(origin=(OTHER, 0), right_origin=(OTHER, 1), client=7)
    index = index_of(typed(OTHER, 0, "ab"), between)
    refuses(index, inserted(origin=(7, 0)), RefusalCode.INVALID, "at the end of a list")
    index_of(typed(OTHER, 0, "ab"), between, inserted(origin=(OTHER, 0)))


def test_redone_edits_of_nested_types_need_not_keep_to_the_ends() -> None:
    nested = update(
        section(OTHER, 0, item(TYPE, TEXT, parent="m", key="k"), item(STRING, text("ab"), parent=(OTHER, 0)))
    )
    index_of(nested, inserted(right_origin=(OTHER, 2)))


# --- rule 6 -----------------------------------------------------------------------------------------------------------

SHOWING = update(section(OTHER, 0, item(TYPE, TEXT, parent="m", key="k"), item(STRING, text("ab"), parent=(OTHER, 0))))
COLLECTED = update(section(7, 0, collected(3)))


@pytest.mark.parametrize(("origin", "right_origin"), [((7, 0), (OTHER, 1)), ((OTHER, 2), (7, 0))])
def test_a_struct_between_a_collected_one_and_one_that_shows_is_refused(origin: Id, right_origin: Id) -> None:
    """Yjs collects it, Yrs shows it."""
    bad = inserted(origin=origin, right_origin=right_origin)
    refuses(index_of(SHOWING, COLLECTED), bad, RefusalCode.INVALID, "one that shows")


@pytest.mark.parametrize("deletes", [{OTHER: [(0, 1)]}, {OTHER: [(0, 3)]}])
def test_it_is_taken_where_the_other_is_in_a_deleted_type(deletes: dict[int, list[tuple[int, int]]]) -> None:
    beside = item(STRING, X, origin=(7, 0), right_origin=(OTHER, 1))
    before = index_of(SHOWING, COLLECTED, update(deletes=deletes), update(section(ME, 0, beside)))
    at_once = index_of(SHOWING, COLLECTED, update(section(ME, 0, beside), deletes=deletes))
    for index in (before, at_once):
        assert index.state.runs[ME].at(0)[0] == GONE


def test_it_is_taken_where_a_type_further_out_is_deleted() -> None:
    inner = update(section(OTHER, 3, item(TYPE, TEXT, origin=(OTHER, 2)), item(STRING, X, parent=(OTHER, 3))))
    beside = update(section(ME, 0, item(STRING, X, origin=(7, 0), right_origin=(OTHER, 4))))
    index_of(SHOWING, inner, COLLECTED, update(deletes={OTHER: [(0, 1)]}), beside)


def test_what_stands_beside_the_collected_is_collected() -> None:
    index = index_of(COLLECTED, inserted(origin=(7, 1)), inserted(right_origin=(7, 0), clock=1))
    assert index.state.runs[ME].at(0)[0] == GONE
    assert list(index.state.deleted[ME]) == [(0, 2)]


def test_a_type_in_the_collected_is_no_parent_that_shows_and_text_in_it_is_none_at_all() -> None:
    gone = update(section(ME, 0, item(TYPE, TEXT, origin=(7, 0)), item(STRING, X, origin=(7, 1))))
    index = index_of(COLLECTED, gone, update(section(ME, 2, item(STRING, X, parent=(ME, 0)))))
    assert index.state.runs[ME].at(2)[0] == GONE
    refuses(index, update(section(ME, 3, item(STRING, X, parent=(ME, 1)))), RefusalCode.INVALID, "no shared type")
