"""The checkout as the tidiness tests see it: its files, their text and their syntax trees."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = {
    "protocol": Path("protocol/src/syncline_protocol"),
    "server": Path("server/src/syncline_server"),
    "client": Path("client/src/syncline_client"),
}
"""Folder of the tests of a package, and the folder of its source."""


@cache
def files() -> tuple[Path, ...]:
    """Every file that is or would be committed, relative to the root, in order."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    paths = (Path(name) for name in listing.stdout.split("\0") if name)
    return tuple(sorted(path for path in paths if (ROOT / path).is_file()))


def is_test(path: Path) -> bool:
    """Whether the file belongs to the tests: their size has a limit of its own."""
    return path.parts[0] == "tests"


@cache
def text(path: Path) -> str | None:
    """The file's text, or None if it is not text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def texts() -> Iterator[tuple[Path, str]]:
    """Every text file with its text."""
    for path in files():
        content = text(path)
        if content is not None:
            yield path, content


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse((ROOT / path).read_bytes(), filename=str(path))


def trees() -> Iterator[tuple[Path, ast.Module]]:
    """Every Python file with its syntax tree."""
    for path in files():
        if path.suffix == ".py":
            yield path, tree(path)


def modules(package: str) -> Iterator[Path]:
    """The Python files of a package's source, relative to the root."""
    folder = PACKAGES[package]
    return (path for path in files() if path.suffix == ".py" and path.is_relative_to(folder))
