"""The language of pages: what stock editors write is read as Yjs reads it, and everything else is refused."""

from collections.abc import Callable
from random import Random
from typing import Any

import pycrdt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.edits import edit_anything
from support.update_bytes import (
    BINARY,
    DELETED,
    EMBED,
    FORMAT,
    JSON,
    NULL,
    SKIP,
    STRING,
    SUBDOCUMENT,
    TYPE,
    VALUES,
    XML_ELEMENT,
    XML_HOOK,
    collected,
    item,
    number,
    section,
    text,
    typed,
    update,
    values,
)
from support.yjs import histories
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import (
    CLIENTS_PER_UPDATE_MAX,
    CLOCK_MAX,
    CLOCK_SPAN_WITHOUT_BYTES_MAX,
    KEY_BYTES_MAX,
    STRING_BYTES_MAX,
    STRUCTS_PER_UPDATE_MAX,
    UPDATE_BYTES_MAX,
)
from syncline_protocol.update.json_value import UNDEFINED, BigInteger
from syncline_protocol.update.scanned import Kind, ScannedFormat, ScannedStruct, ScannedType, ScannedUpdate, TypeKind
from syncline_protocol.update.scanner import scan_update, utf16_length
from syncline_protocol.update.vector import scan_vector

LETTER = item(STRING, text("x"), parent="t")
LONG = STRING_BYTES_MAX + 1
LONG_NAME = "n" * (KEY_BYTES_MAX + 1)
MANY_NULLS = values(b"\x75" + number(600_000) + NULL * 600_000)


# --- what Yjs reads ---------------------------------------------------------------------------------------------------


def tagged(value: Any) -> Any:
    """A value as facts.mjs writes it: JSON, and `{"$": …}` for what JSON has not."""
    if value is UNDEFINED:
        return {"$": "undefined"}
    if isinstance(value, BigInteger):
        return {"$": "bigint", "v": str(value)}
    if isinstance(value, bytes):
        return {"$": "bytes", "v": value.hex()}
    if isinstance(value, float) and str(value) in ("nan", "inf", "-inf", "-0.0"):
        return {"$": "number", "v": {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity", "-0.0": "-0"}[str(value)]}
    if isinstance(value, list):
        return [tagged(item) for item in value]
    if isinstance(value, dict):
        return {key: tagged(item) for key, item in value.items()}
    return value


def content_fact(content: Any) -> Any:
    if isinstance(content, ScannedFormat | ScannedType):
        return [content[0], tagged(content[1])]
    return tagged(content)


def struct_fact(client: int, struct: ScannedStruct) -> dict[str, Any]:
    parent = struct.parent
    return {
        "client": client,
        "clock": struct.clock,
        "length": struct.length,
        "kind": struct.kind,
        "origin": list(struct.origin) if struct.origin else None,
        "right_origin": list(struct.right_origin) if struct.right_origin else None,
        "parent": list(parent) if isinstance(parent, tuple) else parent,
        "key": struct.key,
        "content": content_fact(struct.content),
    }


def facts(scanned: ScannedUpdate) -> dict[str, Any]:
    """What facts.mjs says of an update."""
    vector = {str(section.client): section.end for section in scanned.sections if section.clock == 0}
    return {
        "structs": [struct_fact(section.client, struct) for section in scanned.sections for struct in section.structs],
        "deletes": {str(client): [list(range_) for range_ in ranges] for client, ranges in scanned.deletes.items()},
        "vector": vector,
    }


def test_every_update_and_diff_of_stock_editors_reads_as_yjs_reads_it() -> None:
    kinds: set[int] = set()
    types: set[int] = set()
    compared = 0
    for history in histories(1, 100, 50):
        for made in (*history["updates"], *history["diffs"]):
            scanned = scan_update(bytes.fromhex(made["update"]))
            assert facts(scanned) == made["facts"], history["seed"]
            structs = [struct for section in scanned.sections for struct in section.structs]
            kinds |= {struct.kind for struct in structs}
            types |= {struct.content.kind for struct in structs if struct.kind == Kind.TYPE}
            compared += len(structs)
    assert compared > 10_000
    assert kinds == set(Kind) - {Kind.JSON}
    assert types == {TypeKind.ARRAY, TypeKind.MAP, TypeKind.TEXT, TypeKind.XML_ELEMENT, TypeKind.XML_TEXT}


def test_whole_states_are_read() -> None:
    for history in histories(1, 100, 50):
        for state in history["states"]:
            scanned = scan_update(bytes.fromhex(state))
            assert {str(section.client): section.end for section in scanned.sections} == history["vector"]


@given(st.randoms(use_true_random=False), st.integers(1, 30))
def test_every_update_of_pycrdt_is_read(random: Random, edits: int) -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=2**40)
    written: list[bytes] = []
    subscription = doc.observe(lambda event: written.append(event.update))
    for _ in range(edits):
        edit_anything(doc, random)
    doc.unobserve(subscription)
    for one in written:
        scan_update(one)
    vector = {section.client: section.end for section in scan_update(doc.get_update()).sections}
    assert vector == scan_vector(doc.get_state())


# --- single forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (item(STRING, text("a😀"), parent="t"), ScannedStruct(0, 3, Kind.STRING, None, None, "t", None, "a😀")),
        (item(STRING, text("x"), origin=(5, 1)), ScannedStruct(0, 1, Kind.STRING, (5, 1), None, None, None, "x")),
        (
            item(STRING, text("x"), origin=(5, 1), right_origin=(2**40, 7)),
            ScannedStruct(0, 1, Kind.STRING, (5, 1), (2**40, 7), None, None, "x"),
        ),
        (
            item(BINARY, b"\2\0\xff", parent=(3, 4)),
            ScannedStruct(0, 1, Kind.BINARY, None, None, (3, 4), None, b"\0\xff"),
        ),
        (
            item(TYPE, XML_ELEMENT + text("标题"), parent="x", key="k"),
            ScannedStruct(0, 1, Kind.TYPE, None, None, "x", "k", ScannedType(3, "标题")),
        ),
        (
            item(FORMAT, text("bold") + text("true"), parent="t"),
            ScannedStruct(0, 1, Kind.FORMAT, None, None, "t", None, ScannedFormat("bold", True)),
        ),
        (item(EMBED, text('{"a":1}'), parent="t"), ScannedStruct(0, 1, Kind.EMBED, None, None, "t", None, {"a": 1})),
        (item(DELETED, number(9), parent="t"), ScannedStruct(0, 9, Kind.DELETED, None, None, "t", None, None)),
        (collected(9), ScannedStruct(0, 9, Kind.COLLECTED, None, None, None, None, None)),
        (
            item(VALUES, values(NULL, b"\x75\x01\x7f"), parent="a"),
            ScannedStruct(0, 2, Kind.VALUES, None, None, "a", None, [None, [UNDEFINED]]),
        ),
    ],
)
def test_each_kind_of_struct_is_read(encoded: bytes, expected: ScannedStruct) -> None:
    [only] = scan_update(update(section(5, 0, encoded))).sections
    assert only.structs == [expected]
    assert (only.client, only.clock, only.end) == (5, 0, expected.length)


def test_the_key_of_a_struct_with_an_origin_is_not_in_the_bytes() -> None:
    [only] = scan_update(update(section(5, 1, item(VALUES, values(NULL), origin=(5, 0), key="k")))).sections
    assert only.structs[0].key is None


def test_depth_of_the_deepest_value_is_told() -> None:
    structs = (item(VALUES, values(b"\x75\x01\x75\x00"), parent="a"), item(EMBED, text("[[[]]]"), parent="t"))
    assert scan_update(update(section(5, 0, *structs))).depth == 3
    assert scan_update(typed(5, 0, "x")).depth == 0


@pytest.mark.parametrize("letters", ["", "abc", "你好", "😀", "a😀b𠮷", "👨‍👩‍👧"])
def test_length_is_in_utf16_units(letters: str) -> None:
    assert utf16_length(letters) == len(letters.encode("utf-16-le")) // 2


# --- what is refused, rule by rule ------------------------------------------------------------------------------------

MALFORMED: dict[str, bytes] = {
    "collected struct of length 0": update(section(5, 0, collected(0))),
    "deleted struct of length 0": update(section(5, 0, item(DELETED, number(0), parent="t"))),
    "empty string": update(section(5, 0, item(STRING, text(""), parent="t"))),
    "no values": update(section(5, 0, item(VALUES, values(), parent="t"))),
    "empty struct behind a whole one": update(section(5, 0, LETTER, collected(0))),
    "client without structs": update(section(5, 0)),
    "client twice": update(section(5, 0, LETTER), section(5, 1, LETTER)),
    "clock above the limit": update(section(5, CLOCK_MAX, LETTER)),
    "clock of ten bytes": b"\1\1\5" + b"\xff" * 9 + b"\1" + LETTER + b"\0",
    "clock not minimal": b"\1\1\5\x80\0" + LETTER + b"\0",
    "Skip": update(section(5, 0, bytes((SKIP, 3)), LETTER)),
    "weak link": update(section(5, 0, item(TYPE, b"\7\0\5\0", parent="a"))),
    "unknown shared type": update(section(5, 0, item(TYPE, b"\x0f", parent="a"))),
    "subdocument": update(section(5, 0, item(SUBDOCUMENT, text("guid") + NULL, parent="a"))),
    "subdocument as a shared type": update(section(5, 0, item(TYPE, b"\x09", parent="a"))),
    "move": update(section(5, 0, item(11, bytes(9), parent="a"))),
    "unknown kind": update(section(5, 0, item(31, bytes(9), parent="a"))),
    "collected struct with origins": update(section(5, 1, b"\xc0\5\0\5\0\1")),
    "unknown kind of parent": update(section(5, 0, bytes((STRING, 2)) + text("t") + text("x"))),
    "string that is no UTF-8": update(section(5, 0, bytes((STRING, 1)) + text("t") + b"\1\xff")),
    "half a character": update(section(5, 0, bytes((STRING, 1)) + text("t") + b"\2\xf0\x9f")),
    "lone surrogate": update(section(5, 0, bytes((STRING, 1)) + text("t") + b"\3\xed\xa0\xbd")),
    "surrogate pair as two": update(section(5, 0, bytes((STRING, 1)) + text("t") + b"\6\xed\xa0\xbd\xed\xb8\x80")),
    "overlong character": update(section(5, 0, bytes((STRING, 1)) + text("t") + b"\2\xc0\x80")),
    "root that is no UTF-8": update(section(5, 0, bytes((STRING, 1)) + b"\1\xff" + text("x"))),
    "more clients than bytes": number(2**27),
    "as many clients as can be said": number(2**53 - 1),
    "more structs than bytes": b"\1" + number(2**27) + bytes(9),
    "more values than bytes": update(section(5, 0, item(VALUES, number(2**26), parent="a"))),
    "string longer than the bytes": b"\1\1\5\0\4\1\1t" + number(2**27) + b"x\0",
    "bytes behind the end": typed(5, 0, "x") + b"\0",
    "nothing": b"",
    "embed that is no JSON": update(section(5, 0, item(EMBED, text("{"), parent="t"))),
    "embed of a lone surrogate": update(section(5, 0, item(EMBED, text('"\\ud800"'), parent="t"))),
    "mark that is no JSON": update(section(5, 0, item(FORMAT, text("b") + text("NaN"), parent="t"))),
    "deletes of nobody": b"\0\1\5\0",
    "deletes not sorted": update(deletes={5: [(4, 1), (0, 1)]}),
    "deletes that overlap": update(deletes={5: [(0, 3), (2, 2)]}),
    "deletes of length 0": update(deletes={5: [(0, 0)]}),
    "deletes of a client twice": b"\0\2" + 2 * b"\5\1\0\1",
    "deletes above the limit of clocks": update(deletes={5: [(CLOCK_MAX, 1)]}),
    "more deletes than bytes": b"\0\1\5" + number(2**27) + b"\0\1",
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_update_is_malformed(name: str) -> None:
    assert code_of(MALFORMED[name]) is RefusalCode.MALFORMED


TOO_LARGE: dict[str, Callable[[], bytes]] = {
    "update": lambda: bytes(UPDATE_BYTES_MAX + 1),
    "string": lambda: typed(5, 0, "x" * LONG),
    "binary": lambda: update(section(5, 0, item(BINARY, number(LONG) + bytes(LONG), parent="a"))),
    "root name": lambda: typed(5, 0, "x", root=LONG_NAME),
    "key": lambda: update(section(5, 0, item(VALUES, values(NULL), parent="m", key=LONG_NAME))),
    "node name": lambda: update(section(5, 0, item(TYPE, XML_ELEMENT + text(LONG_NAME), parent="x"))),
    "mark name": lambda: update(section(5, 0, item(FORMAT, text(LONG_NAME) + text("1"), parent="t"))),
    "span that wraps the clock": lambda: update(section(5, 0, item(DELETED, number(2**32 - 10), parent="t"))),
    "span deleted": lambda: update(section(5, 0, item(DELETED, number(CLOCK_SPAN_WITHOUT_BYTES_MAX + 1), parent="t"))),
    "spans collected": lambda: update(section(5, 0, *2 * [collected(CLOCK_SPAN_WITHOUT_BYTES_MAX // 2 + 1)])),
    "structs": lambda: update(section(5, 0, *(STRUCTS_PER_UPDATE_MAX + 1) * [collected(1)])),
    "clients": lambda: update(*(section(client, 0, collected(1)) for client in range(CLIENTS_PER_UPDATE_MAX + 1))),
    "clients of deletes": lambda: update(deletes={client: [(0, 1)] for client in range(CLIENTS_PER_UPDATE_MAX + 1)}),
    "depth": lambda: update(section(5, 0, item(VALUES, values(b"\x75\x01" * 60_000 + NULL), parent="a"))),
    "depth of an embed": lambda: update(section(5, 0, item(EMBED, text("[" * 99 + "]" * 99), parent="t"))),
    "values": lambda: update(section(5, 0, *2 * [item(VALUES, MANY_NULLS, parent="a")])),
}  # fmt: skip


@pytest.mark.parametrize("name", TOO_LARGE)
def test_what_is_over_a_limit_is_too_large(name: str) -> None:
    assert code_of(TOO_LARGE[name]()) is RefusalCode.TOO_LARGE


@pytest.mark.parametrize(
    "encoded",
    [item(JSON, number(1) + text("1"), parent="a"), item(TYPE, XML_HOOK + text("hook"), parent="x")],
    ids=["JSON text", "XML hook"],
)
def test_what_yrs_misreads_is_refused(encoded: bytes) -> None:
    """Yrs 0.28 reads one string too many, and no name: what follows is read as something else."""
    whole = update(section(5, 0, encoded, LETTER))
    assert code_of(whole) is RefusalCode.INVALID
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    try:
        doc.apply_update(whole)
    except ValueError:
        return
    assert doc.get("t", type=pycrdt.Text).to_py() != "x"


def code_of(data: bytes) -> RefusalCode:
    with pytest.raises(RefusedUpdate) as caught:
        scan_update(data)
    return caught.value.code


def test_every_beginning_of_an_update_is_refused() -> None:
    for history in histories(1, 100, 50)[:10]:
        for state in history["states"][:1]:
            whole = bytes.fromhex(state)[:400]
            for cut in range(len(whole)):
                assert code_of(whole[:cut]) is RefusalCode.MALFORMED


def test_a_snapshot_of_ours_may_be_larger_than_an_update() -> None:
    """An engine joins what one author typed in a row, so a string may be longer than any that was sent."""
    for data in (
        typed(5, 0, "x" * LONG),
        update(*(section(client, 0, collected(1)) for client in range(CLIENTS_PER_UPDATE_MAX + 1))),
        update(section(5, 0, *2 * [collected(CLOCK_SPAN_WITHOUT_BYTES_MAX // 2 + 1)])),
    ):
        scan_update(data, trusted=True)
    with pytest.raises(RefusedUpdate):
        scan_update(update(section(5, 0, collected(0))), trusted=True)


def test_memory_is_not_taken_for_what_is_only_announced() -> None:
    """Twenty maps within each other that announce 67 million entries each took 2.6 GB elsewhere."""
    bomb = b"\x76" + number(2**26) + b"\0"
    assert code_of(update(section(5, 0, item(VALUES, number(1) + 20 * bomb, parent="a")))) is RefusalCode.MALFORMED


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        scanned = scan_update(data)
    except RefusedUpdate:
        return
    for one in scanned.sections:
        assert one.end == one.clock + sum(struct.length for struct in one.structs)
