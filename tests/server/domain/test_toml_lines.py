"""Lines of keys: whatever tomllib finds in a text has its line, and that line says it."""

import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.checkout import ROOT, texts
from syncline_server.domain.toml_lines import Place, line_of, lines_of


def places(value: object, place: Place = ()) -> Iterator[Place]:
    """Every place in what tomllib returned."""
    if place:
        yield place
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from places(inside, (*place, key))
    elif isinstance(value, list):
        for position, inside in enumerate(value):
            yield from places(inside, (*place, position))


EVERYTHING = '''\
# a comment with [brackets] and "quotes
title = "one # no comment" # a comment
dotted.key."quoted \\u00e9.part" = 1
'single.quoted' = 'C:\\temp'

[server]  # the server
port = 8_700
when = 2026-10-01T08:00:00Z
text = """
[not.a.table]
key = "no key" \\
still ""two quotes"" and \\""" more"""
literal = \'\'\'
[[nor.this]]
\'\'\'
points = [ { x = 1, y = [1, 2] },
           # between
           { x = 2, "y" = ["]", "}"] },
]

[[calendar]]
name = "a"
[calendar.holidays]
2026-10-01 = []
[[calendar.shift]]
user = "li"
[[calendar.shift]]
user = "mei"
[[ calendar ]]
name = "b"
  [calendar . holidays]
  2026-10-02 = ["09:00-12:00"]
[calendar.deep.er]
empty = {}
none = []
'''

WHERE = {
    ("title",): 2,
    ("dotted",): 3,
    ("dotted", "key", "quoted é.part"): 3,
    ("single.quoted",): 4,
    ("server",): 6,
    ("server", "port"): 7,
    ("server", "when"): 8,
    ("server", "text"): 9,
    ("server", "literal"): 13,
    ("server", "points"): 16,
    ("server", "points", 0, "y", 1): 16,
    ("server", "points", 1): 18,
    ("server", "points", 1, "y", 1): 18,
    ("calendar",): 21,
    ("calendar", 0, "holidays", "2026-10-01"): 24,
    ("calendar", 0, "shift", 0): 25,
    ("calendar", 0, "shift", 1, "user"): 28,
    ("calendar", 1): 29,
    ("calendar", 1, "holidays", "2026-10-02", 0): 32,
    ("calendar", 1, "deep", "er", "none"): 35,
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_everything_that_toml_can_say_has_its_line(newline: str) -> None:
    text = EVERYTHING.replace("\n", newline)
    lines = lines_of(text)
    assert set(lines) == set(places(tomllib.loads(text)))
    assert {place: lines[place] for place in WHERE} == WHERE


def test_every_toml_file_of_the_checkout_is_understood() -> None:
    files = [(path, content) for path, content in texts() if path.suffix == ".toml"]
    assert (ROOT / "pyproject.toml").is_file()
    assert len(files) >= 4
    for path, content in files:
        lines, rows = lines_of(content), content.splitlines()
        assert set(lines) == set(places(tomllib.loads(content))), path
        assert all(str(place[-1]) in rows[line - 1] for place, line in lines.items() if isinstance(place[-1], str)), (
            path
        )


def test_what_is_not_there_has_the_line_of_what_it_is_missing_in() -> None:
    lines = lines_of('[[group]]\nname = "a"\n\n[[group]]\n')
    assert line_of(lines, ("group", 1, "name")) == 4
    assert line_of(lines, ("group", 0, "name")) == 2
    assert line_of(lines, ("ticket", "group")) is None
    assert line_of(lines, ()) is None


def test_nothing_has_no_lines() -> None:
    assert lines_of("") == lines_of("# only this") == {}


KEYS = st.from_regex(r"[a-z0-9_-]{1,6}", fullmatch=True) | st.text("ab.# \"'\\é]=[", min_size=1, max_size=5)
PLAIN = st.sampled_from(["1", "-0.5", "true", "2026-10-01", "07:30:00", "inf", '"a"', "'#'", '"""x\n[y]\nz = 1"""'])


def quoted(key: str) -> str:
    """A key as it can stand in a file, whatever is in it."""
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Writing:
    """A text under way, and where its keys are: they are counted while it is written."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[Place, int] = {}

    def begin(self, place: Place, mark: str) -> None:
        """A new line, after none, a comment or an empty one, which begins with `mark` and is where the place is."""
        self.text += "".join(["# [x]\n", "\n"][: self.draw(st.integers(0, 2))])
        self.note(place)
        self.text += mark

    def note(self, place: Place) -> None:
        self.lines.setdefault(place, self.text.count("\n") + 1)

    def value(self, place: Place, depth: int) -> None:
        kind = self.draw(st.sampled_from(["plain", "array", "table"] if depth else ["plain"]))
        if kind == "plain":
            self.text += self.draw(PLAIN)
            return
        self.text += "[" if kind == "array" else "{"
        for position, name in enumerate(self.draw(st.lists(KEYS, max_size=2, unique=True))):
            inside: Place = (*place, position if kind == "array" else name)
            self.text += ", " if position else " "
            self.text += self.draw(st.sampled_from(["", "\n", "# ]\n"])) if kind == "array" else ""
            self.note(inside)
            self.text += "" if kind == "array" else f"{quoted(name)} = "
            self.value(inside, depth - 1)
        self.text += "]" if kind == "array" else "}"


@st.composite
def documents(draw: st.DrawFn) -> Writing:
    """A text of tables and arrays of tables."""
    writing = Writing(draw)
    for table in draw(st.lists(KEYS, max_size=4, unique=True)):
        many = draw(st.integers(0, 2))
        for position in range(max(many, 1)):
            place: Place = (table, position) if many else (table,)
            writing.begin((table,), f"[[{quoted(table)}]]\n" if many else f"[ {quoted(table)} ]\n")
            writing.lines.setdefault(place, writing.text.count("\n"))
            for key in draw(st.lists(KEYS, max_size=3, unique=True)):
                writing.begin((*place, key), f"{quoted(key)} = ")
                writing.value((*place, key), 2)
                writing.text += "\n"
    return writing


@given(documents())
def test_any_document_has_its_lines(writing: Writing) -> None:
    assert set(places(tomllib.loads(writing.text))) == set(writing.lines)
    assert lines_of(writing.text) == writing.lines
