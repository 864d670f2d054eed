r"""Patterns out of an operator's file, bounded in time before they are ever run.

Python's matcher backtracks: `(a+)+b` on forty letters takes longer than anyone waits. So a pattern may repeat only a
known number of times, and the number of ways in which it can match at one place (the paths a matcher can be led along
before it gives up) is counted when the file is read: a sequence multiplies, alternatives add, a repetition sums the
powers. Beyond `WAYS_MAX` the pattern is refused. Together with `MATCHED_CHARACTERS_MAX` that bounds the work for a
message; nothing has to be timed or interrupted.

The language is a part of Python's: literals, escapes, classes, `.`, groups, alternatives, `?` and `{m,n}` (also
possessive: `{m,n}+` gives nothing back, and so counts as one way), `^`, `$`, `\b`, and looks ahead and behind. Not in
it: `*`, `+`, `{m,}`, references back, flags.
"""

import re
from typing import Final

PATTERN_CHARACTERS_MAX: Final = 300
"""A pattern that a person can read."""

WAYS_MAX: Final = 500
"""Ways to match at one place. Times 4,000 places: a third of a second at the very worst, for one message."""

REPEATS_MAX: Final = 64
"""How often anything may repeat."""

_REPEAT: Final = re.compile(r"\{(\d{1,3})(,(\d{0,3}))?\}")
_GROUP_STARTS: Final = ("?:", "?=", "?!", "?<=", "?<!")


def compile_pattern(source: str, *, any_case: bool = False) -> re.Pattern[str]:
    """The pattern, ready to match, `any_case` alike or not. Raises `ValueError`, which says what to write instead, when
    it is not allowed.
    """
    if not source or len(source) > PATTERN_CHARACTERS_MAX:
        raise ValueError(f"a pattern has 1 to {PATTERN_CHARACTERS_MAX} characters")
    reader = _Reader(source)
    ways = reader.alternatives(0)
    if not reader.at_end():
        raise ValueError(f"`)` without `(` - at character {reader.position}")
    if ways > WAYS_MAX:
        raise ValueError(f"it can match in more than {WAYS_MAX} ways: repeat less, or fewer things in a row")
    try:
        return re.compile(source, re.IGNORECASE if any_case else 0)
    except re.error as error:
        raise ValueError(f"no pattern: {error}") from error


class _Reader:
    """Reads a pattern and counts the ways; knows no more of it than that."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0

    def at_end(self) -> bool:
        return self.position >= len(self.source)

    def alternatives(self, depth: int) -> int:
        if depth > 8:  # noqa: PLR2004 - deeper than anyone reads
            raise ValueError("groups within groups within groups: more than 8 levels")
        ways = 0
        while True:
            ways += self.sequence(depth)
            if self.at_end() or self.source[self.position] != "|":
                return ways
            self.position += 1

    def sequence(self, depth: int) -> int:
        ways = 1
        while not self.at_end() and self.source[self.position] not in "|)":
            ways = min(self.repeated(self.item(depth)) * ways, WAYS_MAX**2)  # no giant numbers
        return ways

    def item(self, depth: int) -> int:
        character = self.source[self.position]
        if character == "(":
            return self.group(depth)
        if character == "[":
            self.skip_class()
        elif character == "\\":
            self.skip_escape()
        elif character in "*+?{":
            raise ValueError(f"`{character}` repeats nothing - at character {self.position}: write \\{character}")
        else:
            self.position += 1
        return 1

    def group(self, depth: int) -> int:
        self.position += 1
        if self.source.startswith("?", self.position):
            start = next((one for one in _GROUP_STARTS if self.source.startswith(one, self.position)), None)
            if start is None:
                raise ValueError(f"a group is `(…)`, `(?:…)` or a look around - at character {self.position}")
            self.position += len(start)
        ways = self.alternatives(depth + 1)
        if self.at_end():
            raise ValueError("`(` without `)`")
        self.position += 1
        return ways

    def skip_class(self) -> None:
        end = self.position + 1
        if self.source.startswith("^", end):
            end += 1
        if self.source.startswith("]", end):
            end += 1
        while end < len(self.source) and self.source[end] != "]":
            end += 2 if self.source[end] == "\\" else 1
        if end >= len(self.source):
            raise ValueError("`[` without `]`")
        self.position = end + 1

    def skip_escape(self) -> None:
        following = self.source[self.position + 1 : self.position + 2]
        if not following or following.isdigit():
            raise ValueError(f"`\\{following}` is no reference back here - at character {self.position}")
        self.position += 2

    def repeated(self, ways: int) -> int:
        """What may repeat the item just read, and in how many ways it then matches."""
        if self.at_end() or self.source[self.position] not in "?*+{":
            return ways
        least, most = self.repeats()
        following = self.source[self.position : self.position + 1]
        if following == "+":  # possessive: what it took it keeps, and each time by itself
            self.position += 1
            return 1 if ways == 1 else min(most * ways, WAYS_MAX**2)
        if following == "?":  # as few as possible: as many ways
            self.position += 1
        total = 0
        for times in range(least, most + 1):
            total = min(total + ways**times, WAYS_MAX**2)
        return total

    def repeats(self) -> tuple[int, int]:
        character = self.source[self.position]
        if character == "?":
            self.position += 1
            return 0, 1
        found = _REPEAT.match(self.source, self.position)
        if found is None or (found[2] and not found[3]):
            raise ValueError(f"`{character}` without an end - at character {self.position}: write {{0,20}} or {{1,20}}")
        self.position = found.end()
        least = int(found[1])
        most = int(found[3]) if found[3] else least
        if not least <= most <= REPEATS_MAX:
            raise ValueError(f"`{found[0]}`: at least as many, and at most {REPEATS_MAX} times")
        return least, most
