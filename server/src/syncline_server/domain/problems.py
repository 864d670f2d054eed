"""What is wrong with a configuration: where, what, and what would be right. All of it at once."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

import msgspec

SHOWN_CHARACTERS_MAX: Final = 80
"""How much of a value is repeated in the text about it."""

CHOICES_SHOWN_MAX: Final = 12
"""How many of the names that could stand somewhere are listed."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to put right. `line` (from 1) is None where the whole file is meant or it could not be read."""

    file: str
    line: int | None
    key: str
    wrong: str
    right: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: " + (f"{self.key}: " if self.key else "") + f"{self.wrong}; {self.right}"


class ConfigurationError(Exception):
    """The configuration cannot be used; `problems` (at least one, in the file's order) says why."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        assert self.problems
        super().__init__("\n".join(map(str, self.problems)))


def shown(value: object) -> str:
    """A value as it is repeated to whoever wrote it: text in quotes, and never a page of it."""
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN_CHARACTERS_MAX else text[: SHOWN_CHARACTERS_MAX - 1] + "…"


def instead_of(word: str, choices: Iterable[str]) -> str:
    """What could have been meant by a name that there is not: the closest one, or all there are."""
    known = list(choices)
    close = get_close_matches(word, known, n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    if not known:
        return "there is none yet"
    more = ", …" if len(known) > CHOICES_SHOWN_MAX else ""
    return "there is " + ", ".join(f'"{one}"' for one in known[:CHOICES_SHOWN_MAX]) + more
