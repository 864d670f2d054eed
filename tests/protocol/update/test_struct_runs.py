"""Runs of structs that are alike, by clock."""

from hypothesis import given
from hypothesis import strategies as st
from syncline_protocol.update.scanned import Kind
from syncline_protocol.update.struct_runs import HAS_LEFT, HAS_RIGHT, TYPE, StructRuns

STRING = int(Kind.STRING)


def runs_of(*parts: tuple[int, int, int]) -> StructRuns:
    runs = StructRuns()
    for clock, place, traits in parts:
        runs.append(clock, place, traits)
    return runs


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3), st.sampled_from(list(Kind))), min_size=1, max_size=9))
def test_every_clock_is_found_in_its_run(parts: list[tuple[int, int, Kind]]) -> None:
    runs = StructRuns()
    expected: list[tuple[int, int]] = []
    for length, place, kind in parts:
        runs.append(len(expected), place, kind | HAS_RIGHT)
        expected += length * [(place, int(kind))]
    assert [runs.at(clock) for clock in range(len(expected))] == expected
    assert [
        (place, kind) for start, end, place, kind in runs.runs(len(expected)) for _ in range(start, end)
    ] == expected
    for clock in range(len(expected)):
        run = runs.run_at(clock)
        assert runs.starts[run] <= clock
        assert run + 1 == len(runs.starts) or clock < runs.starts[run + 1]


def test_a_run_goes_on_where_nothing_changes() -> None:
    runs = runs_of((0, 1, STRING | HAS_RIGHT))
    assert runs.continues(1, STRING | HAS_RIGHT)
    assert runs.continues(1, STRING | HAS_RIGHT | HAS_LEFT)
    assert not runs.continues(1, STRING | HAS_LEFT)
    assert not runs.continues(2, STRING | HAS_RIGHT)
    assert not runs.continues(1, Kind.VALUES | HAS_RIGHT)
    assert not StructRuns().continues(0, 0)
    assert not runs_of((0, 1, TYPE)).continues(1, TYPE)


def test_cuts_within_surrogate_pairs_are_seen() -> None:
    runs = runs_of((0, 1, STRING))
    assert not runs.splits_pair(0)
    runs.pairs.extend([0, 4, 9])
    assert [clock for clock in range(12) if runs.splits_pair(clock)] == [1, 5, 10]


def test_rollback_forgets_what_came_after() -> None:
    runs = runs_of((0, 1, TYPE), (1, 2, STRING))
    runs.types[0] = 7
    runs.pairs.append(2)
    before = (runs.starts[:], runs.places[:], runs.traits[:], runs.pairs[:], dict(runs.types))
    mark = runs.mark()
    runs.append(5, 3, TYPE)
    runs.types[5] = 8
    runs.append(6, 2, STRING)
    runs.pairs.extend([6, 8])
    runs.rollback(mark, 5)
    assert (runs.starts, runs.places, runs.traits, runs.pairs, runs.types) == before
