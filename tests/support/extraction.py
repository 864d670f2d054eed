"""Conversations and rules to try extraction on."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from syncline_protocol.extraction import Extraction, Rules, Said, extract


@cache
def shipped_tables() -> dict[str, Any]:
    """The rules as they are shipped, as plain tables."""
    path = resources.files("syncline_protocol.extraction") / "default_rules.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def shipped() -> Rules:
    """The same, read."""
    return Rules.read(shipped_tables())


def rules(text: str) -> Rules:
    """The rules that stand in a file, and no others."""
    return Rules.read(tomllib.loads(text))


def talk(*lines: str) -> tuple[Said, ...]:
    """Messages m0, m1, …: the staff's begin with `> `."""
    return tuple(
        Said(f"m{number}", "mei" if staff else "li.na", line.removeprefix("> "), not staff)
        for number, line in enumerate(lines)
        for staff in [line.startswith("> ")]
    )


def read(*lines: str) -> Extraction:
    """What the shipped rules read in these messages."""
    return extract(talk(*lines), shipped())


def values(*lines: str) -> dict[str, str]:
    """The same: the values by field."""
    return {field.name: field.value for field in read(*lines).fields}
