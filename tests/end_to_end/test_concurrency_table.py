"""Every row of the design's concurrency table: two devices offline, in both orders of coming back, against a real
server. The same on both and on one that was not there before, and what lost is still to be seen.
"""

from collections.abc import Iterator

import pytest
from end_to_end.crossing import Crossing, Scene, Side, cross
from support.server import ServerProcess
from syncline_protocol.documents.ticket import ClaimOutcome, FlagKind, Ticket

SECRET = "4111-1111-1111-1111"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("crossing") / "data") as process:
        yield process


# --- what people do


async def resolve(scene: Scene) -> None:
    await scene.ticket.resolve(f"solved by {scene.device.replica.identity.user}")


async def write(scene: Scene) -> None:
    await scene.conversation.say("还是不行")


async def await_customer(scene: Scene) -> None:
    await scene.ticket.set_status("awaiting_customer")


async def note_and_edit(scene: Scene) -> None:
    await scene.ticket.note("asked the neighbour")
    await scene.ticket.set_field("serial", "SN12345678")


async def work(scene: Scene) -> None:
    await scene.ticket.set_status("in_progress")


async def hold(scene: Scene) -> None:
    await scene.ticket.set_status("on_hold")


async def close(scene: Scene) -> None:
    await scene.ticket.set_status("closed")


async def note(scene: Scene) -> None:
    await scene.ticket.note("still at it")


async def claim(scene: Scene) -> None:
    await scene.ticket.claim()
    await scene.ticket.note(f"written by {scene.device.replica.identity.user}")


async def transfer(scene: Scene) -> None:
    await scene.ticket.transfer(group="network", reason="needs a ladder")


async def urgent(scene: Scene) -> None:
    await scene.ticket.set_priority("urgent")


async def low(scene: Scene) -> None:
    await scene.ticket.set_priority("low")


async def serial_by_person(scene: Scene) -> None:
    await scene.ticket.set_field("serial", "SN-BY-PERSON")


async def serial_by_program(scene: Scene) -> None:
    await scene.ticket.set_field("serial", "SN-BY-PROGRAM")


async def say_the_secret(scene: Scene) -> None:
    await scene.ticket.note(f"card {SECRET}")


async def redact(scene: Scene) -> None:
    state = scene.ticket.state
    assert state is not None
    await scene.ticket.redact(state.notes[0].id, reason="a card number")


# --- what it has to come to


def reopened_by_the_customer(state: Ticket, _: str) -> bool:
    return (
        state.status == "in_progress"
        and [(flag.kind, flag.user) for flag in state.flags] == [(FlagKind.UNSEEN_MESSAGE, "mei")]
        and [one.text for one in state.resolutions] == ["solved by mei"]
    )


def resolved_with_both_texts(state: Ticket, _: str) -> bool:
    return state.status == "resolved" and {one.text for one in state.resolutions} == {"solved by mei", "solved by wu"}


def an_open_question(state: Ticket, _: str) -> bool:
    return (
        state.status == "awaiting_customer"
        and [(flag.kind, flag.user) for flag in state.flags] == [(FlagKind.OPEN_QUESTION, "mei")]
        and [one.value for one in state.status_others] == ["resolved"]
        and [one.text for one in state.resolutions] == ["solved by mei"]
    )


def resolved_and_edited(state: Ticket, _: str) -> bool:
    return (
        state.status == "resolved"
        and [one.text for one in state.notes] == ["asked the neighbour"]
        and state.fields["serial"].value == "SN12345678"
    )


def on_hold(state: Ticket, _: str) -> bool:
    return state.status == "on_hold" and [one.value for one in state.status_others] == ["in_progress"]


def not_closed(state: Ticket, _: str) -> bool:
    return (
        state.status == "in_progress"
        and [(flag.kind, flag.user) for flag in state.flags] == [(FlagKind.CLOSE_OVERRULED, "mei")]
        and [one.text for one in state.notes] == ["still at it"]
    )


def reopened(state: Ticket, _: str) -> bool:
    return state.status == "in_progress" and {flag.kind for flag in state.flags} == {FlagKind.CLOSE_OVERRULED}


def the_first_has_it(state: Ticket, first: str) -> bool:
    outcomes = {one.by: (one.state, one.holder) for one in state.claims}
    loser = {"mei": "wu", "wu": "mei"}[first]
    return (
        state.assignee == first
        and outcomes == {first: (ClaimOutcome.GRANTED, first), loser: (ClaimOutcome.LOST, first)}
        and loser in state.watchers
        and {one.text for one in state.notes} == {"written by mei", "written by wu"}
    )


def transferred(state: Ticket, _: str) -> bool:
    return (
        state.group == "network"
        and state.assignee != "wu"
        and "wu" in state.watchers
        and [one.state for one in state.claims if one.by == "wu"] != [ClaimOutcome.PROVISIONAL]
        and [one.text for one in state.notes] == ["written by wu"]
    )


def the_more_urgent(state: Ticket, _: str) -> bool:
    return (
        state.priority is not None
        and state.priority.value == "urgent"
        and [one.value for one in state.priority.others] == ["low"]
    )


def the_persons_word(state: Ticket, _: str) -> bool:
    serial = state.fields["serial"]
    return serial.value == "SN-BY-PERSON" and [one.value for one in serial.others] == ["SN-BY-PROGRAM"]


def erased(state: Ticket, _: str) -> bool:
    return [one.text for one in state.notes] == [None, "asked the neighbour"] and state.fields["serial"] is not None


def agents(one: object, other: object) -> tuple[Side, Side]:
    """Mei does one thing and Wu another."""
    return Side("mei", "agent", one), Side("wu", "agent", other)  # type: ignore[arg-type] # both are acts


# Of two sides the first does its part a moment before the other, as the clocks have it.
TABLE = {
    "a message of the customer, resolve": Crossing(
        (Side("li", "customer", write), Side("mei", "agent", resolve)),
        reopened_by_the_customer,
        public_status="in_progress",
    ),
    "resolve, a message of the customer": Crossing(
        (Side("mei", "agent", resolve), Side("li", "customer", write)),
        reopened_by_the_customer,
        public_status="in_progress",
    ),
    "resolve, resolve": Crossing(agents(resolve, resolve), resolved_with_both_texts),
    "resolve, awaiting customer": Crossing(agents(resolve, await_customer), an_open_question),
    "resolve, note and field edit": Crossing(agents(resolve, note_and_edit), resolved_and_edited),
    "in progress, on hold": Crossing(agents(work, hold), on_hold),
    "close, any activity": Crossing(agents(close, note), not_closed, before=work),
    "reopen, close": Crossing(agents(close, work), reopened, before=resolve),
    "claim, claim": Crossing(agents(claim, claim), the_first_has_it),
    "transfer, claim": Crossing(agents(transfer, claim), transferred),
    "priority, priority": Crossing(agents(urgent, low), the_more_urgent),
    "human, automation": Crossing(
        (Side("mei", "agent", serial_by_person), Side("sorter", "bot", serial_by_program)), the_persons_word
    ),
    "redaction, anything": Crossing(
        (Side("boss", "supervisor", redact), Side("wu", "agent", note_and_edit)),
        erased,
        before=say_the_secret,
        erased=SECRET,
    ),
}


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("row", TABLE)
async def test_what_crosses_comes_to_the_same_everywhere(server: ServerProcess, row: str, first: int) -> None:
    met = await cross(server, TABLE[row], first)
    assert len(met.states) + len(met.public_statuses) == 3
    assert all(state == met.states[0] for state in met.states)
    if row.startswith("redaction"):
        assert not [record for events in met.events for record in events if SECRET in record], "erased is erased"
