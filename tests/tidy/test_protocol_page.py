"""`docs/protocol.md` rules over the code, so it names all that the code knows, with the same numbers, and no more."""

import re

import msgspec
import pytest
from support.checkout import ROOT
from syncline_protocol import frames, limits
from syncline_protocol.documents.fields import Record
from syncline_protocol.documents.head_records import HeadRecord
from syncline_protocol.documents.schema import SCHEMAS
from syncline_protocol.documents.ticket_records import TicketEvent
from syncline_protocol.errors import CloseCode, RefusalCode

ROW = re.compile(r"^\|(.+)\|\s*$", re.MULTILINE)
CLOSE_CODE = re.compile(r"\b4[45]\d\d\b")
LIMIT_NAME = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`")

Frames = list[type[frames.Frame]]


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs/protocol.md").read_text(encoding="utf-8")


def rows(page: str) -> list[list[str]]:
    """The table rows of a page, each as its cells, code marks taken off cells that are nothing else."""
    found = [[cell.strip() for cell in match[1].split("|")] for match in ROW.finditer(page)]
    return [[re.sub(r"^`([^`]*)`$", r"\1", cell) for cell in row] for row in found]


def section(page: str, title: str) -> str:
    """The text of a section up to the next one of the same depth."""
    return re.split(r"^## ", page.split(f"## {title}", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def numbered() -> Frames:
    """The frames that travel by themselves."""
    return [kind for kind in frames.Frame.__subclasses__() if kind.__module__ == frames.__name__ and tag(kind)]


def tag(kind: type[frames.Frame]) -> int:
    number = kind.__struct_config__.tag
    return number if isinstance(number, int) else 0


def limit_values() -> dict[str, int]:
    both = {**vars(limits), **vars(frames)}
    return {name: value for name, value in both.items() if name.isupper() and isinstance(value, int)}


def record_fields(schema: type[Record]) -> str:
    """The fields of a type of record without those that all of its document have; `?` after what may be missing."""
    shared = {name for kind in (Record, HeadRecord, TicketEvent) if issubclass(schema, kind) for name in fields(kind)}
    own = [name if is_needed else f"{name}?" for name, is_needed in fields(schema).items() if name not in shared]
    return ", ".join(own) or "–"


def fields(schema: type[Record]) -> dict[str, bool]:
    """The fields of a type of record, and whether each is needed."""
    return {field.name: field.required for field in msgspec.structs.fields(schema)}


def test_frames_have_their_numbers_and_fields(page: str) -> None:
    written = {(int(row[0]), row[1], row[2]) for row in rows(section(page, "4. Frames")) if row[0].isdigit()}
    assert written == {(tag(kind), kind.__name__, ", ".join(kind.__struct_fields__)) for kind in numbered()}


def test_parts_of_frames_have_their_fields(page: str) -> None:
    parts = [kind for kind in frames.Frame.__subclasses__() if kind.__module__ == frames.__name__ and not tag(kind)]
    assert parts
    missing = [kind for kind in parts if f"[{', '.join(kind.__struct_fields__)}]" not in page]
    assert not missing


def test_close_codes_are_the_same(page: str) -> None:
    written = {(int(row[0]), row[1]) for row in rows(section(page, "10. Close codes")) if row[0].isdigit()}
    assert written == {(code.value, code.name) for code in CloseCode}
    assert {int(code) for code in CLOSE_CODE.findall(page)} <= {code.value for code in CloseCode}


def test_refusal_codes_are_the_same(page: str) -> None:
    written = {row[0] for row in rows(section(page, "6. Admission and refusals"))} - {"code", "---"}
    assert written == {code.value for code in RefusalCode}


def test_limits_have_their_values(page: str) -> None:
    table = rows(section(page, "9. Limits"))
    written = {row[0]: int(row[1].replace(",", "")) for row in table if row[0].isupper()}
    assert written == limit_values()


def test_records_have_their_fields(page: str) -> None:
    written = {(row[0], row[1], row[2]) for row in rows(section(page, "7. Documents")) if row[0] in SCHEMAS}
    assert written == {
        (root, type_, record_fields(schema)) for root, schemas in SCHEMAS.items() for type_, schema in schemas.items()
    }


def test_every_limit_in_the_text_is_one(page: str) -> None:
    known = limit_values().keys() | {code.name for code in CloseCode} | {"CAPITALS_WITH_UNDERSCORES"}
    assert not set(LIMIT_NAME.findall(page)) - known


def test_sections_and_rows_are_read() -> None:
    page = "## 1. A\n| n | name |\n| --- | --- |\n| 7 | `Renew` | has `a` and `b` |\n## 2. B\n| 8 | x |\n"
    assert rows(section(page, "1. A"))[-1] == ["7", "Renew", "has `a` and `b`"]
    assert rows(section(page, "2. B")) == [["8", "x"]]
