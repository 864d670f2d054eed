"""The sender: whatever is answered in whatever way, the log ends with each edit once and in order."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from syncline_client.sender import Sender
from syncline_client.store import Row

CLIENT = 7


class Log:
    """What a server does with consecutive clocks: admit, refuse for good, refuse for now, or find a gap."""

    def __init__(self) -> None:
        self.admitted: list[int] = []
        self.refused: list[int] = []

    def answer(self, row: int, clock: int, verdict: str) -> str:
        if clock != len(self.admitted):
            return "gap"
        if verdict == "admit":
            self.admitted.append(row)
        elif verdict == "refuse":
            self.refused.append(row)
        return verdict


class Wire:
    """A sender, its outbox, and updates under way to a log."""

    def __init__(self, count: int) -> None:
        self.waiting = {number: Row(number, "page/p", "", "", b"", 0) for number in range(1, count + 1)}
        self.sender = Sender(CLIENT, 0)
        self.log = Log()
        self.under_way: list[tuple[int, int, int]] = []
        self.next_id = 1

    def after(self, number: int) -> Iterator[Row]:
        return (row for row in self.waiting.values() if row.id > number)

    def send(self) -> bool:
        row = self.sender.next(self.after)
        if row is None:
            return False
        self.under_way.append((self.next_id, row.id, self.sender.clock))
        self.sender.sent(self.next_id, row, row.payload)
        self.next_id += 1
        return True

    def answer(self, verdict: str, *, tells_clock: bool) -> None:
        id_, row, clock = self.under_way.pop(0)
        answer = self.log.answer(row, clock, verdict)
        if answer == "admit":
            assert self.sender.acknowledged(id_) is not None
            del self.waiting[row]
            return
        told = len(self.log.admitted) if answer == "gap" and tells_clock else None
        assert self.sender.refused(id_, server_clock=told) is not None
        if answer == "refuse":
            del self.waiting[row]


verdicts = st.sampled_from(["admit", "admit", "admit", "refuse", "later"])
steps = st.lists(st.one_of(st.just("send"), verdicts), max_size=80)


@given(st.integers(min_value=1, max_value=12), steps, st.booleans())
def test_every_edit_ends_once_in_the_log_or_refused(count: int, script: list[str], tells_clock: bool) -> None:  # noqa: FBT001
    wire = Wire(count)
    for step in script:
        if step == "send":
            wire.send()
        elif wire.under_way:
            wire.answer(step, tells_clock=tells_clock)
    while wire.send() or wire.under_way:
        while wire.send():
            pass
        if wire.under_way:
            wire.answer("admit", tells_clock=tells_clock)
    assert wire.log.admitted == sorted(set(wire.log.admitted)), "in the order of writing, each once"
    assert sorted(wire.log.admitted + wire.log.refused) == list(range(1, count + 1)), "nothing is lost"
    assert not wire.waiting


def test_nothing_goes_out_before_everything_in_flight_is_answered() -> None:
    wire = Wire(5)
    for _ in range(3):
        wire.send()
    wire.answer("refuse", tells_clock=True)
    assert wire.sender.is_rewinding
    assert not wire.send()
    wire.answer("admit", tells_clock=True)
    assert not wire.send()
    wire.answer("admit", tells_clock=True)
    assert not wire.sender.is_rewinding
    assert wire.send()
    assert wire.under_way == [(4, 2, 0)], "the edit behind the refused one takes its clock"


def test_the_servers_vector_counts_more_than_the_clock_of_the_refusal() -> None:
    sender = Sender(CLIENT, 9)
    sender.sent(1, Row(1, "page/p", "", "", b"", 0), b"")
    sender.refused(1, server_clock=4)
    assert sender.clock == 4


def test_answers_under_an_old_lease_do_not_move_the_clock_of_the_new_one() -> None:
    sender = Sender(CLIENT, 9)
    sender.sent(1, Row(1, "page/p", "", "", b"", 0), b"")
    sender.renumber(CLIENT + 1, 0)
    answered = sender.refused(1, server_clock=None)
    assert answered is not None
    assert (answered.client, answered.clock) == (CLIENT, 9)
    assert (sender.client, sender.clock, sender.is_rewinding) == (CLIENT + 1, 0, False)


def test_answers_to_nothing_are_nothing() -> None:
    sender = Sender(CLIENT, 0)
    assert sender.acknowledged(5) is None
    assert sender.refused(5, server_clock=3) is None
    assert (sender.clock, sender.is_rewinding) == (0, False)


def test_starting_over_waits_for_what_is_in_flight() -> None:
    wire = Wire(2)
    wire.send()
    wire.sender.start_over()
    assert not wire.send()
    wire.answer("admit", tells_clock=True)
    assert wire.send()
    assert wire.under_way[0][1] == 2


def test_moving_on_never_goes_back() -> None:
    sender = Sender(CLIENT, 5)
    sender.move_on(3)
    assert sender.clock == 5
    sender.move_on(8)
    assert sender.clock == 8


def test_what_was_known_before_a_refusal_does_not_move_the_clock_again() -> None:
    sender = Sender(CLIENT, 5)
    sender.move_on(8)
    sender.sent(1, Row(1, "page/p", "", "", b"", 0), b"")
    sender.refused(1, server_clock=4)
    sender.move_on(8)
    assert sender.clock == 4
    sender.move_on(9)
    assert sender.clock == 9, "found in the log since"
