"""How long tickets took, in tables: the same as the protocol's functions say of the same records."""

import sqlite3
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support.histories import Histories
from support.records import NOW_MS
from syncline_protocol.clock import at_from_ms
from syncline_protocol.documents.conversation import reduce_conversation
from syncline_protocol.documents.schema import CONVERSATION, EVENTS, MESSAGES
from syncline_protocol.documents.ticket_times import Phase, Said, first_answers, read_times
from syncline_server.projections.database import NAME
from syncline_server.projections.projections import Projections
from syncline_server.storage.sqlite import SqliteStore

Value = dict[str, Any]

STATUSES = ("in_progress", "awaiting_customer", "on_hold", "resolved", "resolved", "closed", "cancelled")
PEOPLE = {
    "ann": "customer",
    "bob": "customer",
    "mei": "agent",
    "tom": "technician",
    "robo": "bot",
    "erp": "integration",
}


def later(value: Value) -> Value:
    """The record at a moment some minutes after the one before it."""
    start = at_from_ms(NOW_MS)
    return value | {"at": start + (value["at"] - start) * 200_000}


async def busy(histories: Histories, seed: int, *, steps: int = 60) -> None:
    """Tickets that are worked on, resolved and reopened, apart from each other at times, and what is said meanwhile."""
    random = Random(seed)
    for conversation in ("c1", "c2"):
        roles = {user: role for user, role in PEOPLE.items() if user != "bob" and random.random() < 0.8}
        await histories.open(conversation, **{"customer": "ann", **{u: r for u, r in roles.items() if u != "ann"}})
    for step in range(steps):
        conversation, ticket = random.choice(("c1", "c2")), random.choice(("t1", "t2", "t3"))
        if f"ticket/{ticket}" not in histories.records:
            named = {"customer": "bob"} if random.random() < 0.5 else {}
            opened = histories.value("opened", "mei", after=[], subject="No wifi", conversation=conversation, **named)
            await histories.write(f"ticket/{ticket}", EVENTS, later(opened))
        elif random.random() < 0.4:
            value = later(histories.value("text", random.choice(list(PEOPLE)), text="hello"))
            value |= {"auto": True} if value["by"] in ("robo", "erp") and random.random() < 0.5 else {}
            value["at"] -= random.choice((0, 0, random.randrange(step + 1) * 400_000))
            await histories.write(f"conversation/{conversation}/1", MESSAGES, value)
        elif random.random() < 0.1:
            user, role = random.choice(("mei", "tom", "robo")), random.choice(("agent", "bot", "customer"))
            values = [histories.value("participant_added", "server", user=user, role=role)]
            values += [histories.value("participant_removed", "server", user=user)] if random.random() < 0.5 else []
            await histories.write(f"conversation/{conversation}", CONVERSATION, *values)
        else:
            await _work(histories, random, ticket)
        if random.random() < 0.02:
            name = f"ticket/{ticket}"
            await histories.erase(name, {random.choice(histories.records[name])[1]["id"]})


async def _work(histories: Histories, random: Random, ticket: str) -> None:
    ids = [value["id"] for _, value in histories.records[f"ticket/{ticket}"]]
    after = ids[-60:] if random.random() < 0.8 else [random.choice(ids)]
    by = random.choice(("mei", "tom", "lea"))
    match random.randrange(6):
        case 0 | 1:
            event = histories.value("status", by, after=after, status=random.choice(STATUSES))
        case 2:
            given = {"user": random.choice(("mei", "tom")), "group": random.choice(("hardware", "software"))}
            event = histories.value("assignment", "server", after=after, cause=ids[0], **given)
        case 3:
            named = {"ended": random.choice(ids), "message": ids[0], "unseen": random.random() < 0.3}
            event = histories.value("reopened", "server", after=after, **named)
        case 4:
            event = histories.value("note", "lea", after=after, text="hm", auto=True)
        case _:
            event = histories.value("satisfaction", "server", after=after, cause=ids[0], score=random.randint(1, 5))
    await histories.write(f"ticket/{ticket}", EVENTS, later(event))


def expected(histories: Histories, ticket: str) -> list[tuple[Any, ...]]:
    """The rows of a ticket, by the protocol's functions."""
    events = [value for _, value in histories.records[f"ticket/{ticket}"]]
    times = read_times(events)
    assert times is not None
    conversation = events[0]["conversation"]
    head = [value for _, value in histories.records[f"conversation/{conversation}"]]
    roles = {value["user"]: value["role"] for value in head if value["type"] == "participant_added"}
    customers = {user for user, role in roles.items() if role == "customer"}
    customers |= {str(reduce_conversation(head).customer), str(events[0].get("customer"))}
    said = [value for root, value in histories.records.get(f"conversation/{conversation}/1", []) if root == MESSAGES]
    programs = {user for user, role in roles.items() if role in {"bot", "integration"}}
    messages = [
        Said(one["id"], one["at"], one["by"], one["by"] in customers, "auto" in one or one["by"] in programs)
        for one in said
    ]
    rows = []
    for place, (cycle, answer) in enumerate(zip(times.cycles, first_answers(times, messages), strict=True)):
        phases = times.in_phases(cycle)
        held = [one.group for one in times.holdings if answer is not None and one.at <= answer.at]
        rows.append(
            (
                *(cycle.started_at, times.next_start(place), cycle.ended_at, cycle.resolved_at, cycle.closed_at),
                *(cycle.group, cycle.user, phases[Phase.WORK], phases[Phase.WAITING], phases[Phase.HOLD]),
                *(cycle.handovers, cycle.score),
                *((None, None) if answer is None else (answer.at, answer.by)),
                held[-1] if held else None,
            )
        )
    return rows


def written(directory: Path, ticket: str) -> list[tuple[Any, ...]]:
    """What stands in the tables."""
    with sqlite3.connect(directory / NAME) as db:
        return db.execute(
            "SELECT started_at, next_at, ended_at, c.resolved_at, closed_at, c.team, c.assignee, work_ms, waiting_ms,"
            " hold_ms, handovers, score, answered_at, answered_by, answered_team"
            " FROM ticket_cycles AS c JOIN tickets ON ref = ticket WHERE id = ? ORDER BY cycle",
            (ticket,),
        ).fetchall()


@pytest.mark.parametrize("seed", range(15))
async def test_the_tables_say_what_the_protocol_says(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    async with SqliteStore(tmp_path) as store, Projections(tmp_path, store) as projections:
        histories = Histories(store, committed=projections.committed, replaced=projections.replaced)
        for part in range(4):
            await busy(histories, 100 * seed + part, steps=random.randrange(10, 40))
            if random.random() < 0.7:
                assert await projections.caught_up()
        assert await projections.complete()
        assert projections.failure is None
        tickets = [name.split("/")[1] for name in histories.records if name.startswith("ticket/")]
        for ticket in tickets:
            assert written(tmp_path, ticket) == expected(histories, ticket), ticket
        digest = await projections.digest()
        async with Projections(tmp_path, store, file="anew.db") as anew:
            assert await anew.complete()
            assert await anew.digest() == digest


async def test_the_histories_have_everything_in_them(projections: Projections, histories: Histories) -> None:
    rows = []
    for seed in range(3):
        await busy(histories, seed, steps=80)
    assert await projections.caught_up()
    for ticket in ("t1", "t2", "t3"):
        rows += written(projections._database.path.parent, ticket)
    for column in range(len(rows[0])):
        assert len({row[column] for row in rows} - {0}) > 1, column


async def test_whoever_leaves_is_no_stranger(projections: Projections, histories: Histories, tmp_path: Path) -> None:
    """A customer or a bot that takes part no longer has not become a person of the staff."""
    await histories.open("c1", eve="customer", robo="bot")
    await histories.ticket("t1", "opened", subject="No wifi", conversation="c1")
    for user in ("eve", "robo"):
        await histories.say("c1", "hello", by=user)
        removed = histories.value("participant_removed", "server", user=user)
        await histories.write("conversation/c1", CONVERSATION, removed)
    assert await projections.caught_up()
    assert [row[-3:] for row in written(tmp_path, "t1")] == [(None, None, None)]
    answer = await histories.say("c1", "hello", by="mei")
    assert await projections.caught_up()
    assert [row[-3:] for row in written(tmp_path, "t1")] == [(answer["at"], "mei", None)]


async def test_a_program_that_takes_no_part_answers_nothing(
    projections: Projections, histories: Histories, tmp_path: Path
) -> None:
    await histories.open("c1", customer="ann")
    await histories.ticket("t1", "opened", subject="No wifi", conversation="c1")
    await histories.say("c1", "We have received your message", by="robo", auto=True)
    assert await projections.caught_up()
    assert [row[-3:] for row in written(tmp_path, "t1")] == [(None, None, None)]
    answer = await histories.say("c1", "hello", by="mei")
    assert await projections.caught_up()
    assert [row[-3:] for row in written(tmp_path, "t1")] == [(answer["at"], "mei", None)]
