"""`docs/guide.md` names every command of `syncline` and each of its options, and none that is not there."""

import re

import pytest
from support.checkout import ROOT
from support.commands import commands

HEADING = re.compile(r"^#{1,6} .*$", re.MULTILINE)
COMMAND = re.compile(r"^### `syncline ([a-z-]+(?: [a-z-]+)?)`$", re.MULTILINE)
OPTION = re.compile(r"^\| `(--[a-z-]+)`", re.MULTILINE)


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs/guide.md").read_text(encoding="utf-8")


def sections(page: str) -> dict[str, str]:
    """The text under each command's heading, up to the next heading."""
    found = {}
    for match in COMMAND.finditer(page):
        following = HEADING.search(page, match.end())
        found[match[1]] = page[match.end() : following.start() if following else len(page)]
    return found


def options() -> dict[str, set[str]]:
    """The long names of every command's options."""
    return {
        name: {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        for name, command in commands().items()
    }


def test_commands(page: str) -> None:
    assert set(sections(page)) == set(commands())


def test_options(page: str) -> None:
    written = {name: set(OPTION.findall(section)) for name, section in sections(page).items()}
    assert written == options()


def test_sections_end_at_the_next_heading() -> None:
    page = "### `syncline a`\n| `--x` | 1 |\n## Other\n| `--y` | 2 |\n### `syncline b`\nend\n"
    assert {name: OPTION.findall(section) for name, section in sections(page).items()} == {"a": ["--x"], "b": []}
