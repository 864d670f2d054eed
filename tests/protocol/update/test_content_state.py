"""What an index knows, and how it is taken back."""

from syncline_protocol.update.content_state import ContentState
from syncline_protocol.update.scanned import Kind


def test_rollback_takes_back_known_and_new_clients() -> None:
    state = ContentState()
    state.mark([5])
    state.runs[5].append(0, 1, Kind.STRING)
    state.vector[5] = 3
    mark = state.mark([5, 6, 7])
    state.runs[5].append(3, 2, Kind.VALUES)
    state.vector[5] = 9
    state.runs[6].append(0, 2, Kind.VALUES)
    state.vector[6] = 1
    state.places.root("new")
    state.rollback(mark)
    assert state.vector == {5: 3}
    assert state.runs.keys() == {5}
    assert list(state.runs[5].starts) == [0]
    assert state.places.parents == []


def test_deletes_are_new_once() -> None:
    state = ContentState()
    assert not state.is_deleted(5, 1)
    assert state.delete(5, [(1, 3)])
    assert not state.delete(5, [(1, 3)])
    assert not state.delete(5, [(2, 3)])
    assert state.delete(5, [(2, 4), (5, 6)])
    assert [clock for clock in range(7) if state.is_deleted(5, clock)] == [1, 2, 3, 5]
    assert not state.is_deleted(6, 1)
