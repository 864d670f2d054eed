"""What waits to be projected: in order, once, and within its bound."""

import pytest
from syncline_protocol.names import parse_name
from syncline_server.projections.queue import Job, Queue
from syncline_server.storage.interface import DocumentKey


def job(number: int, *, epoch: int = 7) -> Job:
    name = f"conversation/c{number}"
    return Job(DocumentKey("acme", name), parse_name(name), number, epoch)


def test_documents_come_in_the_order_in_which_they_were_first_told_of() -> None:
    queue = Queue()
    for seq, number in enumerate((3, 1, 3, 2, 1), 1):
        queue.put(job(number), [(seq, b"x")])
    taken = queue.take(100)
    assert [(one.number, one.updates) for one in taken] == [
        (3, [(1, b"x"), (3, b"x")]),
        (1, [(2, b"x"), (5, b"x")]),
        (2, [(4, b"x")]),
    ]
    assert len(queue) == 0


def test_taken_are_about_as_many_as_wanted_and_at_least_one() -> None:
    queue = Queue()
    for number in range(5):
        queue.put(job(number), [(1, b"x"), (2, b"y")])
    assert [one.number for one in queue.take(3)] == [0, 1]
    assert [one.number for one in queue.take(0)] == [2]
    assert [one.number for one in queue.take(100)] == [3, 4]


def test_it_says_what_is_done() -> None:
    queue = Queue()
    assert queue.done == queue.told == 0
    queue.put(job(1), [(1, b"x")])
    queue.put(job(2), [(1, b"x")])
    queue.put(job(1), [(2, b"x")])
    assert (queue.told, queue.done) == (3, 0)
    queue.take(1)
    assert queue.done == 1
    queue.take(1)
    assert queue.done == 3


def test_another_epoch_and_a_replacement_are_read_whole() -> None:
    queue = Queue()
    queue.put(job(1), [(1, b"x")])
    queue.put(job(1, epoch=8), [(2, b"x")])
    queue.put(job(2), [(1, b"x")])
    replaced = job(2)
    replaced.is_replaced = True
    queue.put(replaced, None)
    queue.put(job(2), [(2, b"x")])
    first, second = queue.take(10)
    assert (first.updates, first.epoch, first.is_replaced) == (None, 8, False)
    assert (second.updates, second.is_replaced) == (None, True)


def test_beyond_its_bound_payloads_are_dropped_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncline_server.projections.queue.BYTES_MAX", 10)
    queue = Queue()
    queue.put(job(1), [(1, b"12345")])
    queue.put(job(2), [(1, b"12345")])
    queue.put(job(3), [(1, b"1")])
    queue.put(job(4), [(1, b"12345")])
    assert [(one.number, one.updates) for one in queue.take(10)] == [
        (1, None),
        (2, None),
        (3, None),
        (4, [(1, b"12345")]),
    ]
    assert queue._bytes == 0


def test_what_could_not_be_done_comes_first_and_is_read_whole() -> None:
    queue = Queue()
    queue.put(job(1), [(1, b"x")])
    queue.put(job(2), [(1, b"x")])
    taken = queue.take(10)
    queue.put(job(3), [(1, b"x")])
    replaced = job(2)
    replaced.is_replaced = True
    queue.put(replaced, None)
    queue.put_back(taken)
    assert queue.done == 0
    assert [(one.number, one.updates, one.is_replaced) for one in queue.take(10)] == [
        (1, None, False),
        (2, None, True),
        (3, [(1, b"x")], False),
    ]
    assert queue._bytes == 0


def test_it_presses_as_long_as_something_waits_that_is_answered_to() -> None:
    def put(name: str) -> None:
        queue.put(Job(DocumentKey("acme", name), parse_name(name), number := len(queue) + 1, 7), [(number, b"x")])

    queue = Queue()
    put("conversation/c1/1")
    put("user/mei")
    assert not queue.is_pressing
    put("ticket/t1")
    assert queue.is_pressing
    taken = queue.take(2)
    assert queue.is_pressing
    taken += queue.take(1)
    assert not queue.is_pressing
    queue.put_back(taken)
    assert queue.is_pressing
