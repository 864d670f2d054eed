"""Single times into figures: ranks, shares and means, and nothing where there is nothing."""

from math import ceil

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from syncline_server.projections.figures import (
    NAMES,
    Figures,
    Promise,
    Spread,
    Taken,
    Tally,
    Timed,
    share,
    spread,
)


def test_of_no_times_there_is_no_spread() -> None:
    assert spread([]) is None
    assert share(0, 0) is None


@pytest.mark.parametrize(
    ("times", "median", "p90", "mean"),
    [
        ([7], 7, 7, 7),
        ([9, 1], 1, 9, 5),
        ([3, 1, 2], 2, 3, 2),
        ([*range(1, 11)], 5, 9, 6),  # 5.5
        ([*range(1, 101)], 50, 90, 51),  # 50.5
        ([0, 0, 1], 0, 1, 0),  # 0.33
    ],
)
def test_ranks_and_means(times: list[int], median: int, p90: int, mean: int) -> None:
    assert spread(times) == Spread(median_ms=median, p90_ms=p90, mean_ms=mean)


@given(st.lists(st.integers(0, 10**12), min_size=1))
def test_a_rank_is_the_least_that_so_many_do_not_exceed(times: list[int]) -> None:
    found = spread(times)
    assert found is not None
    for value, part in ((found.median_ms, 50), (found.p90_ms, 90)):
        assert value in times
        needed = ceil(len(times) * part / 100)
        assert sum(one <= value for one in times) >= needed
        assert sum(one < value for one in times) < needed
    assert abs(found.mean_ms - sum(times) / len(times)) <= 0.5 + 1e-3


def test_shares() -> None:
    assert (share(0, 3), share(1, 3), share(3, 3)) == (0.0, 0.3333, 1.0)


def test_times_and_their_promises() -> None:
    timed = Timed()
    timed.add(Taken(10, 5), is_kept=True)
    timed.add(Taken(30, 6), is_kept=False)
    timed.add(None, is_kept=False)  # it has not happened, and is overdue
    timed.add(None)
    timed.add(Taken(20, 7))  # of what nothing is promised
    found = timed.promised()
    assert found.count == 3
    assert found.calendar == Spread(median_ms=20, p90_ms=30, mean_ms=20)
    assert found.business == Spread(median_ms=6, p90_ms=7, mean_ms=6)
    assert found.promise == Promise(kept=1, broken=2, share=0.3333)
    assert (timed.timing().count, timed.timing().calendar) == (found.count, found.calendar)


def test_figures_of_nothing() -> None:
    found = msgspec.to_builtins(Tally().figures())
    assert {name for name, value in found.items() if value is None} == {
        "work",
        "waiting",
        "on_hold",
        "handovers",
        "reopen_rate",
        "repeat_rate",
    }
    assert found["satisfaction"] == {"count": 0, "share": None, "mean": None, "scores": {}}
    assert found["resolution"]["promise"] == {"kept": 0, "broken": 0, "share": None}


def test_scores() -> None:
    tally = Tally()
    for score in (5, 1, 5, 4, None):
        tally.resolutions.add(Taken(1, 1))
        if score is not None:
            tally.scores[score] += 1
    found = tally.figures().satisfaction
    assert (found.count, found.share, found.mean) == (4, 0.8, 3.75)
    assert list(found.scores.items()) == [("1", 1), ("4", 1), ("5", 2)]


def test_every_figure_has_a_name_in_both_languages() -> None:
    assert tuple(NAMES) == Figures.__struct_fields__
    assert all(set(words) == {"zh", "en"} and all(words.values()) for words in NAMES.values())
