"""Plain tables, as a TOML file gives them, read with the path of whatever is wrong in them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

Value = TypeVar("Value")


class Table:
    """One table and where it stands: `extraction.field[2]`. Every failure is a `ValueError` that begins with the
    path.
    """

    __slots__ = ("_read", "_values", "path")

    def __init__(self, path: str, values: Any) -> None:
        self.path = path
        self._read: set[str] = set()
        if not isinstance(values, Mapping):
            self.fail("a table is wanted here")
        self._values: Mapping[str, Any] = values

    def fail(self, reason: str, key: str = "") -> NoReturn:
        """Refuse the table, or what stands under `key` in it."""
        place = ".".join(part for part in (self.path, key) if part)
        raise ValueError(f"{place}: {reason}" if place else reason) from None

    def has(self, key: str) -> bool:
        """Whether something is said under `key`."""
        self._read.add(key)
        return key in self._values

    def names(self) -> tuple[str, ...]:
        """All keys, in the order written; they count as read."""
        self._read.update(self._values)
        return tuple(self._values)

    def done(self) -> None:
        """Refuse what nobody read: a key written wrongly would say nothing, silently."""
        for key in self._values:
            if key not in self._read:
                self.fail(f"no such key here; there are {', '.join(sorted(self._read))}", key)

    def text(self, key: str, *, default: str | None = None) -> str:
        """A text that is not empty."""
        if not self.has(key) and default is not None:
            return default
        found = self._values.get(key)
        if not isinstance(found, str) or not found.strip():
            self.fail("a text is wanted here", key)
        return found

    def whole(self, key: str, least: int, most: int, *, default: int | None = None) -> int:
        """A whole number from `least` to `most`."""
        if not self.has(key) and default is not None:
            return default
        found = self._values.get(key)
        if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
            self.fail(f"a whole number from {least} to {most} is wanted here", key)
        return found

    def truth(self, key: str) -> bool:
        """True or false; false if nothing is said."""
        found = self._values.get(key, False) if self.has(key) else False
        if not isinstance(found, bool):
            self.fail("true or false is wanted here", key)
        return found

    def choice(self, key: str, choices: Collection[str], *, default: str) -> str:
        """One of `choices`."""
        found = self.text(key, default=default)
        if found not in choices:
            self.fail(f"{found!r} is none of {', '.join(sorted(choices))}", key)
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty if nothing is said."""
        return self.each(key, str)

    def each(self, key: str, read: Callable[[str], Value]) -> tuple[Value, ...]:
        """What `read` makes of each text of a list. A `ValueError` of it is said with the text's place."""
        found = self._values.get(key, ()) if self.has(key) else ()
        if not isinstance(found, Sequence) or isinstance(found, str):
            self.fail("a list of texts is wanted here", key)
        return tuple(self._one(f"{key}[{index}]", item, read) for index, item in enumerate(found))

    def one(self, key: str, read: Callable[[str], Value]) -> Value | None:
        """What `read` makes of a text, or None if nothing is said."""
        return self._one(key, self._values[key], read) if self.has(key) else None

    def tables(self, key: str) -> tuple["Table", ...]:
        """A list of tables; empty if nothing is said."""
        found = self._values.get(key, ()) if self.has(key) else ()
        if not isinstance(found, Sequence) or isinstance(found, str):
            self.fail("a list of tables is wanted here", key)
        return tuple(Table(self._below(f"{key}[{index}]"), item) for index, item in enumerate(found))

    def table(self, key: str) -> "Table":
        """A table; an empty one if nothing is said."""
        return Table(self._below(key), self._values[key] if self.has(key) else {})

    def over(self, other: "Table") -> "Table":
        """This table, and what only `other` says; wrong places are named by this one's path."""
        return Table(self.path, other.with_these(self._values))

    def with_these(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is said here, with `values` in its place."""
        return {**self._values, **values}

    def _one(self, key: str, item: Any, read: Callable[[str], Value]) -> Value:
        if not isinstance(item, str) or not item.strip():
            self.fail("a text is wanted here", key)
        try:
            return read(item)
        except ValueError as error:
            self.fail(str(error), key)

    def _below(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def completed(own: Sequence[Table], shipped: Sequence[Table]) -> tuple[Table, ...]:
    """Tables by `name`: those of `shipped` with what `own` says of the same name in its place, then what is new in
    `own`.

    Raises `ValueError` when a name comes twice in one list.
    """
    mine = _by_name(own)
    theirs = _by_name(shipped)
    first = (mine[name].over(table) if name in mine else table for name, table in theirs.items())
    return (*first, *(table for name, table in mine.items() if name not in theirs))


def _by_name(tables: Sequence[Table]) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for table in tables:
        name = table.text("name")
        if name in found:
            table.fail(f"{name!r} is there already", "name")
        found[name] = table
    return found
