import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.records import NOW_MS
from support.vectors import read_vectors
from syncline_protocol.clock import AT_MAX, COUNTER_BITS, HybridClock, at_from_ms, at_ms
from syncline_protocol.limits import CLOCK_AHEAD_MS_MAX

VECTORS = read_vectors("clock")

Step = dict[str, int | str]


def take(clock: HybridClock, step: Step) -> HybridClock:
    """The clock after one step of a vector."""
    numbers = {name: number for name, number in step.items() if isinstance(number, int)}
    match step["do"]:
        case "tick":
            return clock.tick(numbers["now_ms"])
        case "observe":
            return clock.observe(numbers["at"])
        case "correct":
            return clock.correct(numbers["server_time_ms"], numbers["now_ms"])
        case _:
            raise AssertionError(step)


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_each_step_leaves_the_clock_as_the_vectors_say(case: dict[str, list[dict[str, Step]]]) -> None:
    clock = HybridClock()
    for step in case["steps"]:
        clock = take(clock, step["step"])
        assert {"at": clock.at, "seen": clock.seen, "offset_ms": clock.offset_ms} == step["clock"]


def test_a_stamp_is_milliseconds_and_a_counter() -> None:
    assert at_ms(at_from_ms(NOW_MS) + 1023) == NOW_MS
    assert at_ms(at_from_ms(NOW_MS) + 1024) == NOW_MS + 1
    assert at_from_ms(NOW_MS) < 2**53


def test_the_counter_moves_the_milliseconds_on() -> None:
    clock = HybridClock()
    stamps = [(clock := clock.tick(NOW_MS)).at for _ in range(2**COUNTER_BITS + 1)]
    assert stamps == list(range(at_from_ms(NOW_MS), at_from_ms(NOW_MS + 1) + 1))


def test_no_stamp_is_beyond_what_javascript_holds() -> None:
    with pytest.raises(OverflowError, match=str(AT_MAX)):
        HybridClock(at=AT_MAX).tick(NOW_MS)


def test_a_clock_of_the_future_is_usable_again_once_corrected() -> None:
    year_ms = 365 * 24 * 60 * 60 * 1000
    clock = HybridClock().observe(at_from_ms(NOW_MS - 5)).tick(NOW_MS + year_ms)
    corrected = clock.correct(NOW_MS, NOW_MS + year_ms).tick(NOW_MS + year_ms + 10)
    assert at_ms(corrected.at) == NOW_MS + 10


def test_correction_keeps_what_a_server_may_have_admitted() -> None:
    clock = HybridClock().tick(NOW_MS + CLOCK_AHEAD_MS_MAX)
    corrected = clock.correct(NOW_MS, NOW_MS + CLOCK_AHEAD_MS_MAX).tick(NOW_MS)
    assert corrected.at == clock.at + 1


wall = st.integers(0, 2 * NOW_MS)


@given(st.lists(wall, min_size=1))
@example([NOW_MS, NOW_MS - 1, 0, NOW_MS])
def test_stamps_grow_whatever_the_wall_clock_shows(times: list[int]) -> None:
    clock = HybridClock()
    stamps = [(clock := clock.tick(now_ms)).at for now_ms in times]
    assert stamps == sorted(set(stamps))


@given(st.lists(st.tuples(st.sampled_from(["tick", "observe", "correct"]), wall, wall)), wall)
def test_a_reply_is_later_than_every_admitted_record_it_may_answer(
    steps: list[tuple[str, int, int]], now_ms: int
) -> None:
    clock = HybridClock()
    greatest = 0
    for do, first_ms, second_ms in steps:
        match do:
            case "tick":
                clock = clock.tick(first_ms)
            case "observe":
                clock = clock.observe(at_from_ms(first_ms))
                greatest = max(greatest, at_from_ms(first_ms))
            case _:
                clock = clock.correct(first_ms, second_ms)
    assert clock.tick(now_ms).at > greatest
