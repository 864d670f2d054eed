"""Tables of a TOML file into structs, every problem noted and none in the way of the next.

`msgspec.convert` stops at the first thing that is wrong and knows no lines. So tables, arrays and texts by key are
taken apart here, down to single values, and only those are converted: each failure has its place, and with it its line.

What would be right is said by the type: `description` and `examples` of its `Meta`, the choices of an enumeration.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta

from syncline_server.domain.calendars import Interval
from syncline_server.domain.configuration import Milliseconds
from syncline_server.domain.problems import Problem, instead_of, shown
from syncline_server.domain.toml_lines import Place, line_of

S = TypeVar("S", bound=msgspec.Struct)

HOURS: Final = re.compile(r"(\d{1,2}):(\d{2}) ?[-–] ?(\d{1,2}):(\d{2})")

MISSING: Final = object()
"""In place of a value that could not be read."""


class Tables:
    """One file being read: its name, its lines, and the problems so far."""

    def __init__(self, file: str, lines: Mapping[Place, int]) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._lines = lines
        self._noted: set[Place] = set()

    def note(self, place: Place, wrong: str, right: str) -> None:
        """Something is wrong at a place."""
        self._noted.add(place)
        self.problems.append(
            Problem(file=self.file, line=self.line(place), key=key_of(place), wrong=wrong, right=right)
        )

    def is_noted(self, place: Place) -> bool:
        """Whether something was noted at this place, within it, or of all that it is in."""
        return any(place[: len(noted)] == noted[: len(place)] for noted in self._noted)

    def line(self, place: Place) -> int | None:
        """Where a place is, or what it is missing in."""
        return line_of(self._lines, place)

    def known(self, place: Place, table: Mapping[str, Any], names: Collection[str]) -> None:
        """Note every key of a table that nobody reads."""
        for key in table:
            if key not in names:
                self.note((*place, key), "there is no such key", instead_of(key, names))

    def array(self, name: str, value: object) -> list[dict[str, Any]]:
        """The tables of an array of tables. What is none is noted."""
        if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
            self.note((name,), "not an array of tables", f"write [[{name}]] above each table")
            return []
        return value

    def table(self, name: str, value: object) -> dict[str, Any]:
        """A table that there is once. What is none is noted."""
        if not isinstance(value, dict):
            self.note((name,), "not a table", f"write [{name}] above it")
            return {}
        return value

    def struct(
        self, place: Place, table: Mapping[str, Any], of: type[S], *, also: Collection[str] = (), strict: bool = True
    ) -> S | None:
        """The struct that a table says; None if anything is wrong with it. `also`: keys that others read."""
        values = self.fields(place, table, of, also=also, strict=strict)
        return None if MISSING in values.values() else of(**values)

    def fields(
        self,
        place: Place,
        table: Mapping[str, Any],
        of: type[msgspec.Struct],
        *,
        also: Collection[str] = (),
        strict: bool = True,
    ) -> dict[str, Any]:
        """The struct's fields that a table says, `MISSING` for what is wrong or not there and has to be."""
        fields = msgspec.structs.fields(of)
        self.known(place, table, [*(field.encode_name for field in fields), *also])
        values = {}
        for field in fields:
            name = field.encode_name
            if name in table:
                values[field.name] = self.value((*place, name), table[name], field.type, strict=strict)
            elif field.default is NODEFAULT and field.default_factory is NODEFAULT:
                self.note((*place, name), "is missing", f"write {described(field.type) or name}")
                values[field.name] = MISSING
        return values

    def value(self, place: Place, value: object, of: Any, *, strict: bool = True) -> Any:
        """What a value says, or `MISSING` if anything is wrong with it."""
        kind = branch(of, value)
        inner = bare(kind)
        if get_origin(inner) is tuple and isinstance(value, list):
            [of_element, _] = get_args(inner)
            elements = tuple(
                self.value((*place, position), element, of_element, strict=strict)
                for position, element in enumerate(value)
            )
            return MISSING if MISSING in elements else elements
        if get_origin(inner) is dict and isinstance(value, dict):
            of_key, of_value = get_args(inner)
            entries = {
                self.value((*place, key), key, of_key, strict=strict): self.value(
                    (*place, key), entry, of_value, strict=strict
                )
                for key, entry in value.items()
            }
            return MISSING if MISSING in entries or MISSING in entries.values() else entries
        return self._single(place, value, kind, strict=strict)

    def _single(self, place: Place, value: object, kind: Any, *, strict: bool) -> Any:
        inner = bare(kind)
        names = choices(inner)
        try:
            if inner in READERS:
                return READERS[inner](value)
            return msgspec.convert(value, kind, strict=strict)
        except msgspec.ValidationError as error:
            right = f"write {described(kind)}" if described(kind) else str(error).lower()
        except ValueError as error:
            self.note(place, f"{shown(value)} is {error}", f"write {described(kind)}")
            return MISSING
        if names and isinstance(value, str):
            self.note(place, f"{shown(value)} is no choice here", instead_of(value, names))
        else:
            self.note(place, f"{shown(value)} cannot stand here", right)
        return MISSING


def key_of(place: Place) -> str:
    """A place as one says it: `issue_type[2].group`, counted from 1."""
    text = ""
    for part in place:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def bare(kind: Any) -> Any:
    """A type without its `Meta`."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def branch(kind: Any, value: object) -> Any:
    """Which type of a union such a value is meant to be: a list one of lists, a table one of tables, else the first."""
    if get_origin(kind) not in {Union, UnionType}:
        return kind
    kinds = [one for one in get_args(kind) if one is not NoneType]
    wanted = tuple if isinstance(value, list) else dict if isinstance(value, dict) else None
    return next((one for one in kinds if get_origin(bare(one)) is wanted), kinds[0])


def choices(kind: Any) -> list[str]:
    """What can stand where only some texts can."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [str(member.value) for member in kind] if isinstance(kind, type) and issubclass(kind, Enum) else []


def described(kind: Any) -> str:
    """What should be written for a value of this type, by its `Meta` and its choices; empty if they do not say."""
    kind = branch(kind, None)
    names = choices(bare(kind))
    if names:
        return "one of " + ", ".join(f'"{name}"' for name in names)
    if get_origin(bare(kind)) is tuple:
        return "a list, each " + described(get_args(bare(kind))[0])
    if get_origin(bare(kind)) is dict:
        return "a table, each value " + described(get_args(bare(kind))[1])
    metas = [meta for meta in get_args(kind)[1:] if isinstance(meta, Meta)] if get_origin(kind) is Annotated else []
    return next((_in_words(meta) for meta in metas if meta.description), "")


def _in_words(meta: Meta) -> str:
    examples = " or ".join(shown(one) for one in meta.examples or ())
    return f"{meta.description}, such as {examples}" if examples else str(meta.description)


def read_hours(text: object) -> Interval:
    """Hours of a day: `09:00-12:00`. Raises `ValueError`."""
    match = HOURS.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("not two times of day")
    from_hour, from_minute, to_hour, to_minute = (int(part) for part in match.groups())
    start, end = from_hour * 60 + from_minute, to_hour * 60 + to_minute
    if max(from_minute, to_minute) > 59 or max(start, end) > 24 * 60:  # noqa: PLR2004 - a clock
        raise ValueError("no time of day")
    if end <= start:
        raise ValueError("not from earlier to later (what goes on over midnight is two: 22:00-24:00 and 00:00-06:00)")
    return Interval(start, end)


def read_date(value: object) -> date:
    """A date, as TOML's or as text. Raises `ValueError`."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError("no date") from error


def read_path(value: object) -> Path:
    """A path. Raises `ValueError`."""
    if not isinstance(value, str) or not value:
        raise ValueError("no path")
    return Path(value)


READERS: Final[Mapping[Any, Callable[[object], Any]]] = {
    Milliseconds: Milliseconds.read,
    Interval: read_hours,
    date: read_date,
    Path: read_path,
}
"""What TOML has no values for."""
