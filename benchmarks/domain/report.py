"""The page of results."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from benchmarks.domain.loading import Plan
from benchmarks.domain.questions import GOAL_MS, Timing

MIB: Final = 1024 * 1024


class Loaded(NamedTuple):
    """What loading took. `projected_s`: from the last ack until lists were complete; sizes in bytes."""

    conversations: int
    messages: int
    seconds: float
    projected_s: float
    store_bytes: int
    projections_bytes: int


def page(about: Mapping[str, str], plan: Plan, loaded: Loaded | None, timings: Sequence[Timing]) -> str:
    """The whole page, in Markdown."""
    return "\n".join([*_head(about, plan), *_loading(loaded), *_timings(timings)]) + "\n"


def _head(about: Mapping[str, str], plan: Plan) -> Iterator[str]:
    yield "# The domain at size"
    yield ""
    yield (
        f"{plan.conversations:,} conversations with {plan.messages:,} messages in the store, English and Chinese, a "
        f"ticket for each {plan.tickets_every} conversations. `python -m benchmarks domain` loads them through a "
        "running server (REST and WebSockets, durability full), starts it anew and asks, one question after the other."
    )
    yield ""
    yield from (f"- {name}: {value}" for name, value in about.items())
    yield ""


def _loading(loaded: Loaded | None) -> Iterator[str]:
    if loaded is None:
        yield "The store was loaded in an earlier run."
        yield ""
        return
    rate = loaded.messages / loaded.seconds
    yield (
        f"Loaded in {loaded.seconds:.0f} s: {rate:,.0f} messages/s and {loaded.conversations / loaded.seconds:,.0f} "
        f"conversations/s, each acknowledged; lists and search complete {loaded.projected_s:.1f} s after the last ack. "
        f"The store has {loaded.store_bytes / MIB:,.0f} MiB, the projections {loaded.projections_bytes / MIB:,.0f} MiB."
    )
    yield ""


def _timings(timings: Sequence[Timing]) -> Iterator[str]:
    yield f"Goal: p99 ≤ {GOAL_MS:.0f} ms each."
    yield ""
    yield "| question | asked | p50 ms | p99 ms | longest ms | server CPU ms | rows or hits |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for one in timings:
        mark = "" if one.p99_ms <= GOAL_MS else " (missed)"
        yield (
            f"| {one.question} | {one.times} | {one.p50_ms:.1f} | {one.p99_ms:.1f}{mark} | {one.max_ms:.1f} "
            f"| {one.cpu_ms:.1f} | {one.found} |"
        )
