"""The configuration in force: a right file replaces it, a wrong one does not, and whoever asked hears of it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from syncline_server.domain.configuration import Configuration
from syncline_server.domain.configuration_file import shipped
from syncline_server.domain.live_configuration import LiveConfiguration
from syncline_server.domain.problems import ConfigurationError, Problem

Reload = Callable[[LiveConfiguration], Awaitable[tuple[Problem, ...]]]


def group(name: str) -> str:
    """A file with one group."""
    return f'[[group]]\nname = "{name}"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "syncline.toml"
    path.write_text(group("first"), encoding="utf-8")
    return path


def groups(configuration: Configuration) -> list[str]:
    return list(configuration.groups)


@pytest.fixture(params=["at once", "aside"])
def reload(request: pytest.FixtureRequest) -> Reload:
    """Either way to read again."""

    async def at_once(live: LiveConfiguration) -> tuple[Problem, ...]:
        return live.reload()

    return at_once if request.param == "at once" else LiveConfiguration.reload_aside


async def test_a_right_file_takes_the_place_of_the_one_before(file: Path, reload: Reload) -> None:
    live = LiveConfiguration(file)
    before = live.current
    file.write_text(group("second"), encoding="utf-8")
    assert groups(live.current) == ["first"]
    assert await reload(live) == ()
    assert groups(live.current) == ["second"]
    assert groups(before) == ["first"]


async def test_members_are_those_of_the_configuration_in_force(file: Path) -> None:
    live = LiveConfiguration(file)
    assert live.groups_of("li") == frozenset()
    file.write_text(group("second") + 'members = ["li"]\n', encoding="utf-8")
    live.reload()
    assert live.groups_of("li") == {"second"}


async def test_a_wrong_file_leaves_the_one_before_and_says_why(file: Path, reload: Reload) -> None:
    live = LiveConfiguration(file)
    heard: list[Configuration] = []
    live.on_change(heard.append)
    before = live.current
    file.write_text(group("Second") + "colour = 1\n", encoding="utf-8")
    assert [(problem.line, problem.key) for problem in await reload(live)] == [
        (2, "group[1].name"),
        (3, "group[1].colour"),
    ]
    assert live.current is before
    file.unlink()
    [gone] = await reload(live)
    assert "cannot be read" in gone.wrong
    assert live.current is before
    assert heard == []


async def test_a_wrong_file_at_the_start_is_no_start(file: Path) -> None:
    file.write_text("[[group]]\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r":1: group\[1\]\.name: is missing"):
        LiveConfiguration(file)


async def test_whoever_asked_hears_of_each_change_once_and_after_it(file: Path, reload: Reload) -> None:
    live = LiveConfiguration(file)
    heard: list[tuple[list[str], bool]] = []
    end = live.on_change(lambda new: heard.append((groups(new), new is live.current)))
    for name in ("second", "third"):
        file.write_text(group(name), encoding="utf-8")
        await reload(live)
    end()
    file.write_text(group("fourth"), encoding="utf-8")
    await reload(live)
    assert heard == [(["second"], True), (["third"], True)]
    assert groups(live.current) == ["fourth"]


async def test_a_listener_may_end_listening_while_it_listens(file: Path, reload: Reload) -> None:
    live = LiveConfiguration(file)
    heard: list[str] = []

    def once(_: Configuration) -> None:
        heard.append("once")
        end()

    end = live.on_change(once)
    live.on_change(lambda _: heard.append("always"))
    await reload(live)
    await reload(live)
    assert heard == ["once", "always", "always"]


async def test_the_loop_goes_on_while_a_file_is_read(file: Path) -> None:
    file.write_text(group("first") + '[[issue_type]]\nname = "own"\n', encoding="utf-8")  # every pattern is compiled
    live = LiveConfiguration(file)
    turns = 0
    reading = asyncio.create_task(live.reload_aside())
    while not reading.done():
        turns += 1
        await asyncio.sleep(0)
    assert await reading == ()
    assert turns > 20


async def test_two_signals_at_once_are_two_readings(file: Path) -> None:
    live = LiveConfiguration(file)
    heard: list[list[str]] = []
    live.on_change(lambda new: heard.append(groups(new)))
    file.write_text(group("second"), encoding="utf-8")
    await asyncio.gather(live.reload_aside(), live.reload_aside())
    assert heard == [["second"], ["second"]]


async def test_without_a_file_there_is_what_is_shipped(reload: Reload) -> None:
    live = LiveConfiguration(None)
    assert live.current == shipped()
    assert await reload(live) == ()
