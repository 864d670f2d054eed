"""The cursor: the largest n such that all up to n were seen."""

from hypothesis import given
from hypothesis import strategies as st
from syncline_client.cursor import Cursor

numbers = st.lists(st.integers(min_value=1, max_value=30))


def expected(seen: set[int]) -> int:
    position = 0
    while position + 1 in seen:
        position += 1
    return position


@given(numbers)
def test_it_is_the_largest_number_without_a_hole(came: list[int]) -> None:
    cursor = Cursor(0)
    seen: set[int] = set()
    for seq in came:
        assert cursor.see(seq) == (seq not in seen)
        seen.add(seq)
        assert cursor.position == expected(seen)
        assert cursor.ahead == {one for one in seen if one > cursor.position}
        assert all(cursor.has(one) == (one in seen) for one in range(1, 31))


@given(numbers, st.integers(min_value=0, max_value=30), numbers)
def test_a_snapshot_stands_for_all_up_to_its_number(before: list[int], seq: int, after: list[int]) -> None:
    cursor = Cursor(0, before)
    cursor.jump(seq)
    seen = {*before, *range(1, seq + 1)}
    for one in after:
        cursor.see(one)
        seen.add(one)
    assert cursor.position == expected(seen)


def test_an_acknowledgement_may_overtake_an_update() -> None:
    cursor = Cursor(5)
    cursor.see(7)
    assert (cursor.position, cursor.ahead) == (5, {7})
    cursor.see(6)
    assert (cursor.position, cursor.ahead) == (7, set())
