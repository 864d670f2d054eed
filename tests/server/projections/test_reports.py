"""Figures of a period: three days of work computed by hand, and what holds of every history."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from support.histories import TENANT, Histories
from syncline_protocol.clock import at_from_ms
from syncline_protocol.documents.schema import EVENTS, MESSAGES
from syncline_protocol.documents.ticket_times import DEFINITION_VERSION
from syncline_server.domain.live_configuration import LiveConfiguration
from syncline_server.domain.open_time import Promises
from syncline_server.projections.projections import Projections
from syncline_server.projections.reports import DIMENSIONS, Asked, Report
from syncline_server.storage.sqlite import SqliteStore

TOML = """
[[group]]
name = "network"
members = ["li", "mei"]
[[group]]
name = "service"
[[calendar]]
name = "office"
zone = "Asia/Shanghai"
weekdays = ["09:00-12:00", "13:00-18:00"]
[ticket]
calendar = "office"
"""

MONDAY_MS = 1_789_920_000_000
"""Midnight in Shanghai, in September 2026."""

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (MONDAY_MS + day * DAY_MS for day in range(4))

Making = Callable[[int, int], Promises]


@pytest.fixture
def promises(tmp_path: Path) -> Making:
    file = tmp_path / "syncline.toml"
    file.write_text(TOML, encoding="utf-8")
    configuration = LiveConfiguration(file).current
    return lambda start_ms, end_ms: Promises(configuration, start_ms, end_ms)


def moment(day_ms: int, clock: str) -> int:
    hours, minutes = clock.split(":")
    return day_ms + (60 * int(hours) + int(minutes)) * MINUTE_MS


class Desk:
    """Tickets of one conversation each, and what is said there, at the moments given."""

    def __init__(self, histories: Histories) -> None:
        self._histories = histories

    async def open(self, ticket: str, customer: str, day_ms: int, clock: str, *, issue_type: str | None) -> None:
        await self._histories.open(f"c-{ticket}", customer=customer, li="agent", mei="agent")
        named = {"conversation": f"c-{ticket}", "customer": customer, "language": "zh"}
        await self.write(ticket, day_ms, clock, "opened", subject="no wifi", **named)
        if issue_type is not None:
            await self.write(ticket, day_ms, clock, "topic", issue_type=issue_type)

    async def write(self, ticket: str, day_ms: int, clock: str, type_: str, *, by: str = "li", **fields: Any) -> None:
        held = [value["id"] for _, value in self._histories.records.get(f"ticket/{ticket}", [])]
        value = self._histories.value(type_, by, after=held[-1:], **fields)
        value["at"] = at_from_ms(moment(day_ms, clock)) + len(held)
        await self._histories.write(f"ticket/{ticket}", EVENTS, value)

    async def status(self, ticket: str, day_ms: int, clock: str, status: str) -> None:
        await self.write(ticket, day_ms, clock, "status", status=status)

    async def assign(self, ticket: str, day_ms: int, clock: str, **to: str) -> None:
        cause = self._histories.records[f"ticket/{ticket}"][0][1]["id"]
        await self.write(ticket, day_ms, clock, "assignment", by="server", cause=cause, **to)

    async def reopen(self, ticket: str, day_ms: int, clock: str) -> None:
        ended = self._histories.records[f"ticket/{ticket}"][-1][1]["id"]
        await self.write(ticket, day_ms, clock, "reopened", by="server", ended=ended, message=ended, unseen=False)

    async def score(self, ticket: str, day_ms: int, clock: str, score: int) -> None:
        cause = self._histories.records[f"ticket/{ticket}"][0][1]["id"]
        await self.write(ticket, day_ms, clock, "satisfaction", by="server", cause=cause, score=score)

    async def say(self, ticket: str, day_ms: int, clock: str, by: str) -> None:
        value = self._histories.value("text", by, text="hello") | {"at": at_from_ms(moment(day_ms, clock)) + 500}
        await self._histories.write(f"conversation/c-{ticket}/1", MESSAGES, value)


async def three_days(histories: Histories) -> None:
    desk = Desk(histories)
    await desk.open("t1", "ann", MONDAY, "9:00", issue_type="wifi")
    await desk.assign("t1", MONDAY, "9:00", group="network", user="li")
    await desk.say("t1", MONDAY, "9:10", "ann")
    await desk.say("t1", MONDAY, "9:30", "li")
    await desk.status("t1", MONDAY, "17:00", "resolved")
    await desk.score("t1", MONDAY, "18:00", 2)
    await desk.score("t1", MONDAY, "18:10", 5)
    await desk.status("t1", TUESDAY, "17:00", "closed")

    await desk.open("t2", "ann", TUESDAY, "10:00", issue_type="wifi")
    await desk.assign("t2", TUESDAY, "10:00", group="network", user="mei")
    await desk.assign("t2", TUESDAY, "10:10", user="li")
    await desk.say("t2", TUESDAY, "10:20", "mei")
    await desk.status("t2", TUESDAY, "10:30", "awaiting_customer")
    await desk.status("t2", TUESDAY, "11:30", "in_progress")
    await desk.status("t2", TUESDAY, "11:40", "on_hold")
    await desk.status("t2", TUESDAY, "11:50", "in_progress")
    await desk.status("t2", TUESDAY, "12:00", "resolved")
    await desk.reopen("t2", TUESDAY, "15:00")
    await desk.say("t2", TUESDAY, "15:05", "li")

    await desk.open("t3", "bob", WEDNESDAY, "2:00", issue_type="wifi")
    await desk.assign("t3", WEDNESDAY, "2:00", group="network")

    await desk.open("t4", "bob", WEDNESDAY, "9:00", issue_type=None)
    await desk.status("t4", WEDNESDAY, "10:00", "cancelled")


async def report(  # noqa: PLR0913 - what may be asked for
    projections: Projections,
    promises: Making,
    *,
    from_ms: int = MONDAY,
    to_ms: int = THURSDAY,
    now_ms: int = WEDNESDAY + 19 * 60 * MINUTE_MS,
    by: str | None = None,
    tenant: str = TENANT,
    **of: str,
) -> Report:
    assert await projections.complete()
    return await projections.report(tenant, Asked(from_ms, to_ms, of, by), promises, now_ms)


def times(median: int, p90: int, mean: int) -> dict[str, int]:
    """A spread, given in minutes."""
    return {"median_ms": median * MINUTE_MS, "p90_ms": p90 * MINUTE_MS, "mean_ms": mean * MINUTE_MS}


async def test_three_days(projections: Projections, histories: Histories, promises: Making) -> None:
    await three_days(histories)
    found = await report(projections, promises)
    assert (found.definition, found.from_ms, found.to_ms) == (DEFINITION_VERSION, MONDAY, THURSDAY)
    assert (found.by, found.parts) == (None, ())
    assert msgspec.to_builtins(found.figures) == {
        "opened": 4,
        "resolved": 2,
        "reopened": 1,
        "closed": 1,
        "open": 2,  # t2, which was reopened, and t3
        "first_response": {
            "count": 2,
            "calendar": times(20, 30, 25),
            "business": times(20, 30, 25),
            "promise": {"kept": 2, "broken": 1, "share": 0.6667},  # t3 was due at 18:00, t4 ended before
        },
        "unanswered": 2,
        "reply_after_reopening": {"count": 1, "calendar": times(5, 5, 5), "business": times(5, 5, 5)},
        "resolution": {
            "count": 2,
            "calendar": times(120, 480, 300),
            "business": times(120, 420, 270),  # without the noon of Monday
            "promise": {"kept": 2, "broken": 0, "share": 1.0},
        },
        "work": times(50, 480, 265),
        "waiting": times(0, 60, 30),
        "on_hold": times(0, 10, 5),
        "handovers": 0.5,
        "reopen_rate": 0.5,
        "repeat_inquiries": 1,  # t2, the day after t1
        "repeat_rate": 0.3333,  # t4 has no issue type
        "satisfaction": {"count": 1, "share": 0.5, "mean": 5.0, "scores": {"5": 1}},
    }


async def test_what_is_not_due_yet_is_neither_kept_nor_broken(
    projections: Projections, histories: Histories, promises: Making
) -> None:
    await three_days(histories)
    found = await report(projections, promises, now_ms=moment(WEDNESDAY, "18:00"))
    assert found.figures.first_response.promise.broken == 0
    found = await report(projections, promises, now_ms=moment(WEDNESDAY, "18:01"))
    assert found.figures.first_response.promise.broken == 1


async def test_whose_they_are(projections: Projections, histories: Histories, promises: Making) -> None:
    """A response is its author's though the ticket had gone on to somebody else, a resolution theirs who had it."""
    await three_days(histories)

    async def counts(by: str) -> dict[str | None, tuple[int, ...]]:
        found = await report(projections, promises, by=by)
        assert found.by == by
        return {
            part.key: (
                *(part.figures.opened, part.figures.first_response.count, part.figures.resolved),
                *(part.figures.reopened, part.figures.closed, part.figures.open),
            )
            for part in found.parts
        }

    assert await counts("assignee") == {"li": (1, 1, 2, 1, 1, 1), "mei": (1, 1, 0, 0, 0, 0), None: (2, 0, 0, 0, 0, 1)}
    assert await counts("group") == {"network": (3, 2, 2, 1, 1, 2), None: (1, 0, 0, 0, 0, 0)}
    assert await counts("issue_type") == {"wifi": (3, 2, 2, 1, 1, 2), None: (1, 0, 0, 0, 0, 0)}
    assert await counts("channel") == {"chat": (4, 2, 2, 1, 1, 2)}
    assert await counts("language") == {"zh": (4, 2, 2, 1, 1, 2)}


async def test_a_transfer_after_the_end_changes_no_figure(
    projections: Projections, histories: Histories, promises: Making
) -> None:
    await three_days(histories)
    before = await report(projections, promises, by="assignee", to_ms=TUESDAY)
    await Desk(histories).assign("t1", WEDNESDAY, "11:00", user="mei", group="service")
    assert await report(projections, promises, by="assignee", to_ms=TUESDAY) == before


async def test_only_what_was_asked_for(projections: Projections, histories: Histories, promises: Making) -> None:
    await three_days(histories)
    for of, opened, resolved in (
        ({"assignee": "li"}, 1, 2),
        ({"assignee": "mei", "group": "network"}, 1, 0),
        ({"group": "service"}, 0, 0),
        ({"issue_type": "wifi"}, 3, 2),
        ({"issue_type": "screen"}, 0, 0),
        ({"channel": "chat", "language": "zh"}, 4, 2),
        ({"language": "en"}, 0, 0),
    ):
        found = await report(projections, promises, by="group", **of)  # type: ignore[arg-type]
        assert (found.figures.opened, found.figures.resolved) == (opened, resolved), of
        assert sum(part.figures.opened for part in found.parts) == opened
    assert (await report(projections, promises, tenant="other")).figures.opened == 0
    narrowed = await report(projections, promises, assignee="mei")
    assert narrowed.figures.repeat_inquiries == 1, "t1, which it repeats, is somebody else's"


async def test_the_day_before_is_looked_at_for_what_repeats(
    projections: Projections, histories: Histories, promises: Making
) -> None:
    await three_days(histories)
    assert (await report(projections, promises, from_ms=TUESDAY, to_ms=WEDNESDAY)).figures.repeat_inquiries == 1


@pytest.mark.parametrize(("days", "repeats"), [(0, 1), (6, 1), (7, 0), (8, 0)])
async def test_what_ended_long_ago_is_not_repeated(
    projections: Projections, histories: Histories, promises: Making, days: int, repeats: int
) -> None:
    desk = Desk(histories)
    await desk.open("t1", "ann", MONDAY, "9:00", issue_type="wifi")
    await desk.status("t1", MONDAY, "10:00", "resolved")
    later_ms = MONDAY + days * DAY_MS
    await desk.open("t2", "ann", later_ms, "10:01", issue_type="wifi")
    await desk.open("t3", "bob", later_ms, "10:02", issue_type="wifi")
    await desk.open("t4", "ann", later_ms, "10:03", issue_type="screen")
    found = await report(projections, promises, from_ms=later_ms, to_ms=later_ms + DAY_MS)
    assert found.figures.repeat_inquiries == repeats


async def test_another_ticket_that_goes_on_is_repeated_however_old(
    projections: Projections, histories: Histories, promises: Making
) -> None:
    desk = Desk(histories)
    await desk.open("t1", "ann", MONDAY - 300 * DAY_MS, "9:00", issue_type="wifi")
    await desk.open("t2", "ann", MONDAY, "9:00", issue_type="wifi")
    found = await report(projections, promises)
    assert (found.figures.opened, found.figures.repeat_inquiries, found.figures.open) == (1, 1, 2)


async def test_a_ticket_closed_long_after_its_resolution_counts(
    projections: Projections, histories: Histories, promises: Making
) -> None:
    desk = Desk(histories)
    await desk.open("t1", "ann", MONDAY - 40 * DAY_MS, "9:00", issue_type="wifi")
    await desk.status("t1", MONDAY - 40 * DAY_MS, "10:00", "resolved")
    await desk.status("t1", TUESDAY, "10:00", "closed")
    found = await report(projections, promises)
    assert (found.figures.opened, found.figures.resolved, found.figures.closed, found.figures.open) == (0, 0, 1, 0)


# --- what holds of every history


def numbers(value: Any, path: str = "") -> Iterator[tuple[str, int]]:
    """The counts in figures: whole numbers that are no times."""
    for name, one in value.items():
        if isinstance(one, dict):
            yield from numbers(one, f"{path}{name}.")
        elif isinstance(one, int) and not name.endswith("_ms"):
            yield path + name, one


async def busy(histories: Histories, random: Random) -> None:
    desk = Desk(histories)
    for number in range(random.randrange(4, 12)):
        ticket, minute = f"t{number}", random.randrange(10 * 24 * 60)
        await desk.open(ticket, random.choice(("ann", "bob")), MONDAY, f"0:{minute}", issue_type=random.choice("ab"))
        for _ in range(random.randrange(9)):
            minute += random.randrange(24 * 60)
            clock = f"0:{minute}"
            match random.randrange(5):
                case 0:
                    group = random.choice(("network", "service"))
                    await desk.assign(ticket, MONDAY, clock, group=group, user=random.choice(("li", "mei")))
                case 1:
                    await desk.say(ticket, MONDAY, clock, random.choice(("li", "mei", "ann")))
                case 2:
                    await desk.score(ticket, MONDAY, clock, random.randint(1, 5))
                case _:
                    status = random.choice(("in_progress", "on_hold", "resolved", "resolved", "closed", "cancelled"))
                    await desk.status(ticket, MONDAY, clock, status)


@pytest.mark.parametrize("seed", range(12))
async def test_nothing_is_lost_between_two_periods_and_nothing_counts_twice(
    tmp_path: Path, promises: Making, seed: int
) -> None:
    random = Random(seed)
    async with SqliteStore(tmp_path) as store, Projections(tmp_path, store) as projections:
        histories = Histories(store, committed=projections.committed, replaced=projections.replaced)
        await busy(histories, random)
        end_ms = MONDAY + 30 * DAY_MS

        async def counts(from_ms: int, to_ms: int, by: str | None = None) -> dict[str, int]:
            found = await report(projections, promises, from_ms=from_ms, to_ms=to_ms, now_ms=end_ms, by=by)
            whole = dict(numbers(msgspec.to_builtins(found.figures)))
            if by is not None:
                parts = [dict(numbers(msgspec.to_builtins(part.figures))) for part in found.parts]
                for name, total in whole.items():
                    assert sum(part.get(name, 0) for part in parts) == total, (by, name)
            return whole

        whole = await counts(MONDAY, end_ms)
        assert whole["opened"] == len([name for name in histories.records if name.startswith("ticket/")])
        assert whole["opened"] == whole["first_response.count"] + whole["unanswered"]
        cut_ms = MONDAY + random.randrange(10 * DAY_MS)
        first, second = await counts(MONDAY, cut_ms), await counts(cut_ms, end_ms)
        for name, total in whole.items():
            if name != "open":
                assert first.get(name, 0) + second.get(name, 0) == total, name
        assert second["open"] == whole["open"]
        for by in DIMENSIONS:
            assert await counts(cut_ms, end_ms, by) == second
        made = await report(projections, promises, from_ms=MONDAY, to_ms=end_ms, now_ms=end_ms, by="assignee")
        async with Projections(tmp_path, store, file="anew.db") as anew:
            again = await report(anew, promises, from_ms=MONDAY, to_ms=end_ms, now_ms=end_ms, by="assignee")
            assert again == made
