"""`syncline.toml` → `Configuration`, or everything that is wrong with it.

In this order: is it TOML; is each table what it should be (`tables.py`); are names given once; is what they refer to
there. What the file does not speak of is as shipped (`default_configuration.toml`, and for issue types the rules that
come with `syncline_protocol.extraction`), read by the same code:

- `[[group]]` says which groups there are, once there is one in the file. One with a shipped name need only say what is
  different.
- `[[issue_type]]` and `[[priority]]` add to the shipped ones, or say what is different of one. After
  `only_own = true` in `[extraction]`, no shipped issue type counts.
- A shipped issue type whose group is not there goes to the group for everything else.

Two read `[[issue_type]]`: this module, and `Rules.read`, each its own keys. `[server]` is checked here, and used by
`settings.py`.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace
from syncline_protocol import extraction
from syncline_protocol.documents.labels import PUBLIC_LABELS
from syncline_protocol.extraction.rules import Rules

from syncline_server.domain.calendar_tables import read_calendar
from syncline_server.domain.calendars import ALWAYS, Calendar
from syncline_server.domain.configuration import (
    Configuration,
    Extractor,
    Group,
    IssueType,
    Labels,
    PriorityTimes,
    Shift,
    TicketSettings,
)
from syncline_server.domain.problems import ConfigurationError, Problem, instead_of, shown
from syncline_server.domain.tables import MISSING, Tables
from syncline_server.domain.toml_lines import Place, lines_of
from syncline_server.settings import Settings

TABLES: Final = (
    "server", "group", "issue_type", "calendar", "shift", "priority", "labels", "ticket", "extraction", "extractor",
)  # fmt: skip
"""What may stand in the file."""

ARRAYS: Final = ("group", "issue_type", "calendar", "shift", "priority")
"""Of it, what may stand there several times."""

EXTRACTION_KEYS: Final = ("answers", "symptom", "terms")
"""Keys of `[[issue_type]]` that only `Rules.read` reads."""

SHIPPED: Final = "default_configuration.toml"
SHIPPED_RULES: Final = "default_rules.toml"

AT_LINE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

PATH: Final = re.compile(r"\w+(?:\[\d+\]|\.[^.\[\s]+)*")
PATH_PART: Final = re.compile(r"\[\d+\]|[^.\[\]]+")

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")


class Entry(NamedTuple):
    """One table of the file. `own`: what it says; `table`: with what the shipped one of its name says besides."""

    place: Place
    own: Mapping[str, Any]
    table: Mapping[str, Any]


def read_file(path: Path) -> Configuration:
    """The configuration in a file. Raises `ConfigurationError`, also where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise _unreadable(path, f"cannot be read ({error.strerror})", "name a file that can be") from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"is not UTF-8 at byte {error.start}", "save it as UTF-8") from error
    return read_text(text, file=str(path))


def read_text(text: str, *, file: str) -> Configuration:
    """The configuration that a text says. `file` is what problems call it. Raises `ConfigurationError`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(text, file, str(error)) from error
    tables = Tables(file, lines_of(text))
    configuration = _Reading(tables, content).configuration()
    if tables.problems:
        raise ConfigurationError(tables.problems)
    return configuration


@cache
def shipped() -> Configuration:
    """What holds where there is no file."""
    return read_text("", file=SHIPPED)


@cache
def _shipped_tables() -> Mapping[str, Any]:
    ours = resources.files(__package__).joinpath(SHIPPED)
    rules = resources.files(extraction).joinpath(SHIPPED_RULES)
    return tomllib.loads(rules.read_text(encoding="utf-8")) | tomllib.loads(ours.read_text(encoding="utf-8"))


@cache
def _shipped_rules() -> Rules:
    return Rules.read({}, shipped=_for_rules(_shipped_tables()))


def _unreadable(path: Path, wrong: str, right: str) -> ConfigurationError:
    return ConfigurationError([Problem(file=str(path), line=None, key="", wrong=wrong, right=right)])


def _not_toml(text: str, file: str, message: str) -> ConfigurationError:
    match = AT_LINE.search(message)
    line = int(match[1]) if match and match[1] else text.count("\n") + 1
    wrong = f"not TOML: {AT_LINE.sub('', message)}"
    return ConfigurationError([Problem(file=file, line=line, key="", wrong=wrong, right="see https://toml.io")])


class _Reading:
    """One file on its way to a configuration. What is wrong goes to `tables`, and what depends on it is left out."""

    def __init__(self, tables: Tables, content: Mapping[str, Any]) -> None:
        self._tables = tables
        self._content = content
        self._shipped = _shipped_tables()
        self._entries = {name: self._told(name) for name in ARRAYS}
        self._names = {
            kind: [_text(entry.table.get("name")) for entry in self._entries[kind]] for kind in ("group", "calendar")
        }
        """What can be referred to: also what is wrong in itself."""
        self._names["calendar"].append(ALWAYS.name)

    def configuration(self) -> Configuration:
        """All that the file says, and the shipped one besides. Of use only if no problem was noted."""
        tables, content = self._tables, self._content
        tables.known((), content, TABLES)
        if "server" in content:
            tables.struct(("server",), tables.table("server", content["server"]), Settings, strict=False)
        return Configuration(
            groups=self._groups(),
            issue_types=self._issue_types(),
            calendars=self._calendars(),
            shifts=self._shifts(),
            priorities=self._priorities(),
            labels=self._labels(),
            ticket=self._ticket(),
            extractor=self._once("extractor", Extractor) if "extractor" in content else None,
            rules=self._rules(),
            rule_tables=_for_rules(content),
        )

    def _calendars(self) -> dict[str, Calendar]:
        read = [(entry, read_calendar(self._tables, entry.place, entry.table)) for entry in self._entries["calendar"]]
        return {ALWAYS.name: ALWAYS, **self._by_name(read)}

    def _groups(self) -> dict[str, Group]:
        read = self._structs("group", Group)
        for entry, _ in read:
            self._refer(entry, "calendar", "calendar")
            self._once_each(entry, "members")
        if not read and not self._tables.is_noted(("group",)):
            self._tables.note(("group",), "there is no group", "write [[group]] and its name below")
        return self._by_name(read)

    def _issue_types(self) -> dict[str, IssueType]:
        read = []
        for entry, found in self._structs("issue_type", IssueType, also=EXTRACTION_KEYS):
            self._refer(entry, "group", "group")
            self._once_each(entry, "required")
            if found is None or "group" in entry.own:
                read.append((entry, found))
            else:  # a shipped one, whose group the file may not have
                there = tuple(group for group in found.groups if group in self._names["group"])
                read.append((entry, replace(found, group=there)))
        return self._by_name(read)

    def _shifts(self) -> tuple[Shift, ...]:
        read = self._structs("shift", Shift)
        for entry, _ in read:
            self._refer(entry, "group", "group")
            self._refer(entry, "calendar", "calendar")
            if ("user" in entry.own) == ("group" in entry.own):
                wrong = "names both a user and a group" if "user" in entry.own else "names no user and no group"
                self._tables.note(entry.place, wrong, "write one of them")
        return tuple(shift for _, shift in read if shift is not None)

    def _priorities(self) -> dict[str, PriorityTimes]:
        read = self._structs("priority", PriorityTimes)
        for entry, times in read:
            for key in ("respond_within", "resolve_within"):
                if entry.table.get("time", "business") == "business" and "d" in _text(entry.own.get(key)):
                    self._tables.note(
                        (*entry.place, key), "a day is no length of business time", 'write hours, or time = "calendar"'
                    )
            first, last = (None, None) if times is None else (times.respond_within, times.resolve_within)
            if first is not None and last is not None and first > last:
                self._tables.note(
                    (*entry.place, "respond_within"), f"{first} is longer than resolve_within", "an answer comes first"
                )
        return self._by_name(read)

    def _ticket(self) -> TicketSettings:
        found = self._once("ticket", TicketSettings) or TicketSettings()
        own = self._content.get("ticket")
        own = own if isinstance(own, dict) else {}
        entry = Entry(("ticket",), own, own)
        self._refer(entry, "group", "group")
        self._refer(entry, "calendar", "calendar")
        if "group" not in own and found.group not in self._names["group"]:
            return replace(found, group=next(iter(self._names["group"]), None))
        return found

    def _labels(self) -> dict[str, Labels]:
        """What customers read in place of ours."""
        found = {}
        own = self._tables.table("labels", self._content.get("labels", {}))
        for status, table in own.items():
            place = ("labels", status)
            if status not in PUBLIC_LABELS:
                self._tables.note(place, "no status that a customer is shown", instead_of(status, PUBLIC_LABELS))
            elif (labels := self._tables.value(place, table, Labels)) is not MISSING:
                found[status] = labels
        return found

    def _rules(self) -> Rules:
        """What the other reader of these tables makes of them."""
        if not {"issue_type", "extraction"} & self._content.keys():
            return _shipped_rules()
        try:
            return Rules.read(_for_rules(self._content), shipped=_for_rules(self._shipped))
        except ValueError as error:
            place, wrong = _place_in(str(error))
            if not self._tables.is_noted(place):
                self._tables.note(place, wrong, 'see "Rules for extraction" in the guide')
            return _shipped_rules()

    # --- what refers to what

    def _refer(self, entry: Entry, key: str, kind: str) -> None:
        """Note what a key of a table names, or its list, and what is not there."""
        value = entry.own.get(key)
        for place, name in _texts((*entry.place, key), value):
            if name not in self._names[kind] and not self._tables.is_noted(place):
                self._tables.note(place, f"there is no {kind} {shown(name)}", instead_of(name, self._names[kind]))

    def _once_each(self, entry: Entry, key: str) -> None:
        """Note what stands in a list twice."""
        before = set()
        for place, name in _texts((*entry.place, key), entry.own.get(key)):
            if name in before:
                self._tables.note(place, f"{shown(name)} stands here twice", "write it once")
            before.add(name)

    def _by_name(self, read: Iterable[tuple[Entry, T | None]]) -> dict[str, T]:
        """What was read, by name. A name that is given again is noted."""
        found: dict[str, T] = {}
        first: dict[str, Place] = {}
        for entry, one in read:
            name = _text(entry.table.get("name"))
            place = (*entry.place, "name")
            if name and name in first:
                before = self._tables.line(first[name])
                self._tables.note(place, f"{shown(name)} is there already, on line {before}", "give it another name")
            first.setdefault(name, place)
            if one is not None:
                found[name] = one
        return found

    # --- tables

    def _told(self, name: str) -> list[Entry]:
        """The tables of an array: the file's, and those of the shipped ones that count besides."""
        shipped = {table["name"]: table for table in self._shipped.get(name, ())}
        if name == "issue_type" and self._only_own():
            shipped = {}
        own = self._tables.array(name, self._content.get(name, []))
        entries = [
            Entry((name, position), table, {**shipped.get(_text(table.get("name")), {}), **table})
            for position, table in enumerate(own)
        ]
        if name == "group" and name in self._content:
            return entries
        changed = {_text(entry.own.get("name")): entry for entry in reversed(entries)}
        changed = {one: entry for one, entry in changed.items() if one in shipped}
        first = [changed.get(one, Entry((name, one), {}, table)) for one, table in shipped.items()]
        return first + [entry for entry in entries if entry not in changed.values()]

    def _only_own(self) -> bool:
        rules = self._content.get("extraction")
        return isinstance(rules, dict) and rules.get("only_own") is True

    def _structs(self, name: str, of: type[S], *, also: tuple[str, ...] = ()) -> list[tuple[Entry, S | None]]:
        return [(entry, self._tables.struct(entry.place, entry.table, of, also=also)) for entry in self._entries[name]]

    def _once(self, name: str, of: type[S]) -> S | None:
        """A table that there is once, with what the shipped one says besides."""
        own = self._tables.table(name, self._content.get(name, {}))
        return self._tables.struct((name,), {**self._shipped.get(name, {}), **own}, of)


def _for_rules(content: Mapping[str, Any]) -> dict[str, Any]:
    """The tables for `Rules.read`, in the form that it knows: without priority, with one group."""
    tables = content.get("issue_type", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        tables = []
    kept = [{key: value for key, value in table.items() if key != "priority"} for table in tables]
    for table in kept:
        if isinstance(table.get("group"), list):
            table["group"] = next((one for one in table["group"] if isinstance(one, str)), "")
    return {"issue_type": kept, "extraction": content.get("extraction", {})}


def _place_in(message: str) -> tuple[Place, str]:
    """The place that a message of `Rules.read` begins with (`extraction.field[0].value: …`), and the rest of it."""
    path, found, reason = message.partition(": ")
    if not found or PATH.fullmatch(path) is None:
        return (), message
    return tuple(int(part[1:-1]) if part[0] == "[" else part for part in PATH_PART.findall(path)), reason


def _texts(place: Place, value: object) -> list[tuple[Place, str]]:
    """A text, or the texts of a list, each with its place."""
    if isinstance(value, list):
        return [((*place, position), one) for position, one in enumerate(value) if isinstance(one, str)]
    return [(place, value)] if isinstance(value, str) else []


def _text(value: object) -> str:
    """A text, or nothing where there is none: what else it may be was noted."""
    return value if isinstance(value, str) else ""
