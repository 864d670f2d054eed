"""`docs/protocol.md` rules over the code, so it names all that the code knows, with the same numbers, and no more."""

import re

import pytest
from support.checkout import ROOT
from syncline_protocol import frames, limits
from syncline_protocol.errors import CloseCode, RefusalCode

CODE_SPAN = re.compile(r"`([^`\n]+)`")
ROW = re.compile(r"^\|(.+)\|\s*$", re.MULTILINE)
LIMIT_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs/protocol.md").read_text(encoding="utf-8")


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("|")]


def rows(page: str) -> list[list[str]]:
    """The table rows of a page, each as its cells."""
    return [cells(match[1]) for match in ROW.finditer(page)]


def frame_numbers() -> dict[str, int]:
    """Every frame that travels by itself, with its number."""
    return {
        kind.__name__: tag
        for kind in frames.Frame.__subclasses__()
        if isinstance(tag := kind.__struct_config__.tag, int)
    }


def limit_values() -> dict[str, int]:
    return {name: value for name, value in vars(limits).items() if name.isupper() and isinstance(value, int)}


def written_numbers(page: str) -> dict[str, int]:
    """Every frame that a table row of the page gives a number: the number first, then the name as code."""
    return {
        name[1]: int(row[0])
        for row in rows(page)
        if len(row) > 1 and row[0].isdigit() and (name := re.fullmatch(r"`([A-Z][A-Za-z]+)`", row[1]))
    }


def test_frames_have_their_numbers(page: str) -> None:
    assert written_numbers(page) == frame_numbers()


def test_every_field_is_named(page: str) -> None:
    spans = {word for span in CODE_SPAN.findall(page) for word in re.findall(r"\w+", span)}
    fields = {field for kind in frames.Frame.__subclasses__() for field in kind.__struct_fields__}
    assert not fields - spans


def test_close_codes_are_the_same(page: str) -> None:
    assert {int(code) for code in re.findall(r"\b4[45]\d\d\b", page)} == {code.value for code in CloseCode}


def test_refusal_codes_are_the_same(page: str) -> None:
    first = {row[0].strip("`") for row in rows(page) if row[0].startswith("`")}
    assert not {code.value for code in RefusalCode} - first


def test_limits_are_named_with_their_values(page: str) -> None:
    written = {row[0].strip("`"): row[1:] for row in rows(page) if LIMIT_NAME.fullmatch(row[0].strip("`"))}
    values = limit_values()
    assert not set(values) - set(written)
    assert not set(written) - set(values) - {code.name for code in CloseCode}
    plain = {name: re.sub(r"[\s,_]", "", " ".join(written[name])) for name in values}
    assert not [name for name, value in values.items() if str(value) not in plain[name]]


def test_rows_are_read() -> None:
    table = "| n | name |\n| --- | --- |\n| 7 | `Renew` | x |\ntext `A_B`\n"
    assert written_numbers(table) == {"Renew": 7}
    assert rows(table)[-1] == ["7", "`Renew`", "x"]
