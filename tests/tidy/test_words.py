"""One noun per thing, nothing left unfinished, and the project speaks of the project alone."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from support.checkout import texts, trees

BANNED_NOUNS = {"room", "provider", "handler", "manager", "helper", "util", "utils", "base"}
"""Nouns that name nothing, or name a thing which has another noun here."""

PROMISES_NOT_MADE = re.compile(r"exactly-once delivery|never loses data|linearizable|tamper-proof", re.IGNORECASE)

UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK|NotImplementedError)\b|pytest\.(?:mark\.)?(?:skip|xfail)")

REGISTRIES = re.compile(r"pypi\.org|pythonhosted\.org|npmjs\.|npmmirror|yarnpkg|jsdelivr|unpkg\.com", re.IGNORECASE)

MACHINE_PATHS = re.compile(r"(?<![\w.\-$}])/(?:work|root|home|Users|opt)/")

HERE = Path("tests/tidy/test_words.py")
"""This file says what is banned, and is the only one that may."""


def found(pattern: re.Pattern[str], *, within: Iterable[tuple[Path, str]] | None = None) -> list[str]:
    """Every line of the checkout that the pattern is in, as path, number and line."""
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, content in (texts() if within is None else within)
        if path != HERE
        for number, line in enumerate(content.splitlines(), 1)
        if pattern.search(line)
    ]


def words(identifier: str) -> set[str]:
    """The words of a snake_case or CamelCase name, in lower case, in the singular where that ends in s."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*", identifier)
    return {part.lower() for part in parts} | {part.lower().removesuffix("s") for part in parts}


def names_given(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Every name that a module gives (not those it merely uses), with its line."""
    for node in ast.walk(module):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.alias(asname=str(name)):
                yield node.lineno, name


def test_no_banned_nouns_in_names() -> None:
    assert not [
        f"{path}:{line}: {name}"
        for path, module in trees()
        for line, name in names_given(module)
        if words(name) & BANNED_NOUNS
    ]


def test_no_banned_nouns_in_file_names() -> None:
    assert not [str(path) for path, _ in texts() for part in path.with_suffix("").parts if words(part) & BANNED_NOUNS]


def test_nothing_is_unfinished() -> None:
    assert not found(UNFINISHED)


def test_no_promise_is_made_that_is_not_kept() -> None:
    assert not found(PROMISES_NOT_MADE)


def test_no_registry_and_no_machine_is_named() -> None:
    assert not found(REGISTRIES)
    assert not found(MACHINE_PATHS)


def test_names_are_taken_apart() -> None:
    assert words("RoomManager") == {"room", "manager"}
    assert words("HTTPHandlers") >= {"http", "handler"}
    assert words("base64_text") == {"base64", "text"}
    module = ast.parse("import os as helper\ndef f(room: int) -> None:\n    self.util = base.x = 1\n")
    assert {name for _, name in names_given(module)} == {"helper", "f", "room", "util", "x"}


def test_patterns_find_what_they_look_for() -> None:
    lines = [
        (Path("x"), "# TODO\npath = '/home/ann/x'\nhttps://PyPI.org/simple\nits /v1/home/ is fine\nan /optional/ one\n")
    ]
    assert found(UNFINISHED, within=lines) == ["x:1: # TODO"]
    assert found(MACHINE_PATHS, within=lines) == ["x:2: path = '/home/ann/x'"]
    assert found(REGISTRIES, within=lines) == ["x:3: https://PyPI.org/simple"]
