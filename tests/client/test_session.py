"""The session's decisions, with a real peer at the other end of a pretend wire. Numbers are those of `session.py`'s
invariants.
"""

import asyncio
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.world import ACTIONS, PageWorld, World

scripts = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 1)), max_size=150)
seeds = st.integers(0, 2**32)


async def live(world: World, script: list[tuple[str, int]]) -> None:
    await world.start()
    for action, index in script:
        await world.act(action, index)
    await world.heal()
    world.check()


@settings(max_examples=200)
@given(scripts, seeds)
def test_no_record_is_lost_and_none_is_there_twice(script: list[tuple[str, int]], seed: int) -> None:
    asyncio.run(live(World(seed), script))


@settings(max_examples=100)
@given(scripts, seeds)
def test_no_edit_of_a_page_is_lost_and_none_is_there_twice(script: list[tuple[str, int]], seed: int) -> None:
    asyncio.run(live(PageWorld(seed), script))


@pytest.mark.parametrize("kind", [World, PageWorld])
def test_long_lives_end_well(kind: type[World]) -> None:
    for seed in range(40):
        random = Random(seed)
        script = [(random.choice(ACTIONS), random.randrange(2)) for _ in range(random.randrange(400))]
        asyncio.run(live(kind(seed), script))
