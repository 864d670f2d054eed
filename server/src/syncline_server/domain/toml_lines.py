"""On which line of a TOML text each key stands: what `tomllib` knows and does not tell.

Only for a text that `tomllib` has read: this looks where things are, and relies on their being right. A place is named
as one reaches it in what `tomllib` returns: `("calendar", 1, "holidays")`.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final

Place = tuple[str | int, ...]
"""Keys and positions in arrays, from the top of the file."""

SPACE: Final = re.compile(r"[ \t]*")
GAP: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
TEXT: Final = re.compile(
    r'''
    """ (?: [^"\\] | \\. | "{1,2}(?!") )* "{3,5}  # of several lines; may end in two quotes of its own
    | '{3} (?: [^'] | '{1,2}(?!') )* '{3,5}
    | " (?: [^"\\\n] | \\. )* "
    | ' [^'\n]* '
    ''',
    re.DOTALL | re.VERBOSE,
)
PLAIN: Final = re.compile(r"[^,\]}#\r\n]+")


def lines_of(text: str) -> Mapping[Place, int]:
    """The line (from 1) on which each table, key and element first stands."""
    scan = _Scan(text)
    scan.document()
    return scan.lines


def line_of(lines: Mapping[Place, int], place: Place) -> int | None:
    """The line of a place, or of what it would stand in; None where not even that is in the file."""
    for length in range(len(place), 0, -1):
        line = lines.get(place[:length])
        if line is not None:
            return line
    return None


class _Scan:
    """One pass over the text; `_at` is how far it got."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Place, int] = {}
        self._text = text
        self._at = 0
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._elements: dict[Place, int] = {}
        """Arrays of tables, and how many tables each has so far."""

    def document(self) -> None:
        table: Place = ()
        self._skip(GAP)
        while self._at < len(self._text):
            if self._take("[["):
                table = self._begun(*self._key(()))
                self._take("]]")
            elif self._take("["):
                table, line = self._key(())
                self._note(table, line)
                self._take("]")
            else:
                self._pair(table)
            self._skip(GAP)

    def _begun(self, array: Place, line: int) -> Place:
        """One more table of an array begins."""
        self._note(array, line)
        position = self._elements.get(array, 0)
        self._elements[array] = position + 1
        self._note((*array, position), line)
        return (*array, position)

    def _pair(self, table: Place) -> None:
        place, line = self._key(table)
        self._note(place, line)
        self._take("=")
        self._value(place)

    def _key(self, place: Place) -> tuple[Place, int]:
        """A key, dotted perhaps, and the line it begins on. Within an array of tables it means the newest one."""
        self._skip(SPACE)
        line = self._line()
        while True:
            part = self._key_part()
            place = (*place, part)
            self._skip(SPACE)
            if not self._take("."):
                return place, line
            self._note(place, line)
            if place in self._elements:
                place = (*place, self._elements[place] - 1)
            self._skip(SPACE)

    def _key_part(self) -> str:
        bare = BARE_KEY.match(self._text, self._at)
        if bare is not None:
            self._at = bare.end()
            return bare[0]
        quoted = self._skip(TEXT)
        [part] = tomllib.loads(f"{quoted} = 0")
        return part

    def _value(self, place: Place) -> None:
        self._skip(SPACE)
        if self._take("["):
            position = 0
            while not self._closed("]"):
                self._note((*place, position), self._line())
                self._value((*place, position))
                position += 1
        elif self._take("{"):
            while not self._closed("}"):
                self._pair(place)
        elif TEXT.match(self._text, self._at):
            self._skip(TEXT)
        else:
            self._skip(PLAIN)

    def _closed(self, bracket: str) -> bool:
        """Whether what began ends here; else the next of it does begin."""
        self._skip(GAP)
        self._take(",")
        self._skip(GAP)
        return self._take(bracket)

    def _note(self, place: Place, line: int) -> None:
        self.lines.setdefault(place, line)

    def _line(self) -> int:
        return bisect_right(self._breaks, self._at - 1) + 1

    def _take(self, mark: str) -> bool:
        self._skip(SPACE)
        if not self._text.startswith(mark, self._at):
            return False
        self._at += len(mark)
        return True

    def _skip(self, pattern: re.Pattern[str]) -> str:
        """Go past what matches here. Raises `AssertionError` where nothing does: the text was no TOML."""
        match = pattern.match(self._text, self._at)
        assert match is not None, f"line {self._line()} was read otherwise by tomllib"
        self._at = match.end()
        return match[0]
