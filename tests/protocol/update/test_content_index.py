"""What a content index promises as a whole: honest editors are admitted, in any order that makes sense; what is refused
leaves no trace; and what is admitted is harmless to the engines.
"""

import json
from random import Random
from typing import Any

import pycrdt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.admitted import anybody, index_of
from support.checkout import ROOT
from support.edits import edit_anything
from support.fuzz_updates import fuzz
from support.update_bytes import (
    ARRAY,
    DELETED,
    STRING,
    TYPE,
    VALUES,
    collected,
    item,
    number,
    section,
    text,
    typed,
    update,
    values,
)
from support.updates import UpdateMaker
from support.yjs import Node, histories
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.update import ContentIndex, RootKind, root_kinds, scan_records, scan_update, scan_vector

HISTORIES = (1, 100, 50)
CASES = ROOT.parent / "shared" / "data" / "hostile-cases.json"
FUZZ_CASES = 20_000


def deletes_of(index: ContentIndex) -> dict[str, list[list[int]]]:
    return {str(client): [list(range_) for range_ in ranges] for client, ranges in index.state.deleted.items()}


# --- honest editors ---------------------------------------------------------------------------------------------------


def causal_order(history: dict[str, Any], random: Random) -> list[bytes]:
    """The updates of a history, each after those its author had, else in a random order."""
    left = dict(enumerate(history["updates"]))
    order: list[bytes] = []
    while left:
        ready = [number for number, made in left.items() if not any(needed in left for needed in made["needs"])]
        order.append(bytes.fromhex(left.pop(random.choice(ready))["update"]))
    return order


def test_stock_editors_are_admitted_in_any_causal_order() -> None:
    for history in histories(*HISTORIES):
        for order in range(4):
            index = index_of(*causal_order(history, Random(order)))
            assert {str(client): clock for client, clock in index.vector.items()} == history["vector"]
            assert deletes_of(index) == history["deletes"], history["seed"]


def test_stock_editors_are_admitted_as_they_reconnect() -> None:
    """Diffs against the server's vector, some against an old one, some sent twice."""
    seen = {True: 0, False: 0}
    for history in histories(*HISTORIES):
        index = ContentIndex()
        for made in history["diffs"]:
            brings_new = index.admit(scan_update(bytes.fromhex(made["update"])), owns=anybody)
            seen[brings_new] += 1
            assert not (made["again"] and brings_new), history["seed"]
        assert {str(client): clock for client, clock in index.vector.items()} == history["vector"]
    assert min(seen.values()) > 20


def test_whole_states_bring_nothing_new_the_second_time() -> None:
    """The first may bring deletions: of entries that lost against concurrent ones, which no update tells."""
    for history in histories(*HISTORIES):
        index = index_of(*(bytes.fromhex(made["update"]) for made in history["updates"]))
        for state in history["states"]:
            index.admit(scan_update(bytes.fromhex(state)), owns=lambda _: False)
        for state in history["states"]:
            assert not index.admit(scan_update(bytes.fromhex(state)), owns=lambda _: False)


def test_an_index_of_a_snapshot_goes_on_like_the_one_that_saw_everything() -> None:
    for history in histories(*HISTORIES):
        updates = [bytes.fromhex(made["update"]) for made in history["updates"]]
        half = len(updates) // 2
        engine: pycrdt.Doc[Any] = pycrdt.Doc()
        for one in updates[:half]:
            engine.apply_update(one)
        live = index_of(*updates[:half])
        compacted = ContentIndex.from_update(engine.get_update())
        assert compacted.vector == live.vector
        for one in updates[half:]:
            live.admit(scan_update(one), owns=anybody)
            compacted.admit(scan_update(one), owns=anybody)
        assert compacted.vector == live.vector


def test_engines_agree_on_what_stock_editors_wrote() -> None:
    for history in histories(*HISTORIES):
        engine: pycrdt.Doc[Any] = pycrdt.Doc()
        for made in history["updates"]:
            engine.apply_update(bytes.fromhex(made["update"]))
        assert str(engine.get("text", type=pycrdt.Text)) == history["text"], history["seed"]


@given(st.randoms(use_true_random=False), st.integers(2, 3), st.integers(5, 40))
@settings(max_examples=60)
def test_editors_on_pycrdt_are_admitted(random: Random, editors: int, edits: int) -> None:
    """Several who edit at once, each telling the server what it has not, and taking from it what they have not."""
    docs: list[pycrdt.Doc[Any]] = [pycrdt.Doc(client_id=2**40 + number) for number in range(editors)]
    index = ContentIndex()
    server: pycrdt.Doc[Any] = pycrdt.Doc()
    for _ in range(edits):
        doc = random.choice(docs)
        edit_anything(doc, random)
        if random.random() < 0.5:
            sent = doc.get_update(server.get_state())
            index.admit(scan_update(sent), owns=anybody)
            server.apply_update(sent)
            doc.apply_update(server.get_update(doc.get_state()))
    assert index.vector == scan_vector(server.get_state())
    assert ContentIndex.from_update(server.get_update()).vector == index.vector


# --- a refusal leaves no trace ----------------------------------------------------------------------------------------


@example(seed=28657)  # a root that is there and holds nothing: its evidence stayed
@given(st.integers(0, 2**32))
@settings(max_examples=60)
def test_a_refusal_leaves_the_index_as_it_was(seed: int) -> None:
    random = Random(seed)
    maker = UpdateMaker(random, client=2**40)
    refused = 0
    for _ in range(30):
        made = maker.any()
        before = maker.index.encode()
        try:
            maker.learn(made)
        except RefusedUpdate:
            refused += 1
            assert maker.index.encode() == before
            assert maker.index.state.runs.keys() == maker.index.vector.keys()
    assert refused


def test_an_update_is_taken_whole_or_not_at_all() -> None:
    """The last of many structs is bad: research case J is applied in part by the engine."""
    index = index_of(typed(5, 0, "hello"))
    before = index.encode()
    bad = update(
        section(9, 0, item(STRING, text("x"), origin=(5, 4))),
        section(8, 0, item(TYPE, ARRAY, parent="new", key="k"), item(STRING, text("y"), parent=(5, 0))),
        deletes={5: [(0, 2)]},
    )
    with pytest.raises(RefusedUpdate):
        index.admit(scan_update(bad), owns=anybody)
    assert index.encode() == before


# --- harmless to engines ----------------------------------------------------------------------------------------------


def held_before(case: dict[str, Any]) -> bytes:
    """What the document holds before a case."""
    held = case.get("base", "-")
    if set(held) <= set("0123456789abcdef"):
        return bytes.fromhex(held)
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=1)
    if "'m'" in held:
        doc["m"] = pycrdt.Map({"a": 1})
    elif held != "-":
        doc["t"] = pycrdt.Text("hello")
    return doc.get_update()


def unpacked(written: str) -> bytes:
    """Hex, in which `+ 20*7680…` stands for a repetition."""
    out = b""
    for part in written.split("+"):
        times, _, digits = part.strip().rpartition("*")
        out += int(times or 1) * bytes.fromhex(digits)
    return out


HONEST = {"E_hang_append"}
"""Cases that no index can refuse: a text whose root is read as an array. `root_kinds` says what to read it as."""


def known_cases() -> list[Any]:
    """Base and update of each case kept beside the checkout, if any."""
    kept = json.loads(CASES.read_text(encoding="utf-8")) if CASES.exists() else {}
    cases = []
    for name, case in kept.items():
        if name.startswith("_") or name in HONEST:
            continue
        updates = case.get("update", case.get("utf8_segv", []))
        written = [updates] if isinstance(updates, str) else updates
        cases += [pytest.param(held_before(case), unpacked(one), id=f"kept {name}") for one in written]
    return cases


HELLO = typed(1, 0, "hello")
EMPTY = update()
BOMB = b"\x76" + number(2**26) + b"\0"
CLOCK_OF_TEN_BYTES = b"\1\1\3" + b"\xff" * 9 + b"\1" + item(STRING, text("a"), parent="t") + b"\0"
HALF_CHARACTER = bytes((0x84, 1, 3, 2)) + b"\xf0\x9f"
TEXT_AND_VALUE = (item(STRING, text("é"), parent="a"), item(VALUES, values(b"\x77\1y"), origin=(3, 0)))
TEXT_AS_PARENT = (item(STRING, text("x"), origin=(1, 4)), item(STRING, text("y"), parent=(1, 0)))
BETWEEN_ITSELF = item(STRING, text("zz"), origin=(1, 3), right_origin=(1, 3))

MADE: dict[str, tuple[bytes, bytes]] = {
    "collected without length, known": (HELLO, update(section(1, 2, collected(0)))),
    "collected without length, new": (EMPTY, update(section(3, 2, collected(0)))),
    "no structs of a known client": (HELLO, update(section(1, 0))),
    "text and values in one list": (EMPTY, update(section(3, 0, *TEXT_AND_VALUE))),
    "a clock that wraps": (HELLO, CLOCK_OF_TEN_BYTES),
    "a span that wraps the clock": (EMPTY, update(section(3, 0, item(DELETED, number(2**32 - 9), parent="t")))),
    "a bomb of maps": (EMPTY, update(section(3, 0, item(VALUES, number(1) + 30 * BOMB, parent="a")))),
    "clients without end": (EMPTY, number(2**27)),
    "depth": (EMPTY, update(section(3, 0, item(VALUES, values(b"\x75\1" * 50_000 + b"\x7e"), parent="a")))),
    "a parent that is text": (HELLO, update(section(3, 0, *TEXT_AS_PARENT))),
    "between itself": (HELLO, update(section(3, 0, BETWEEN_ITSELF))),
    "half a character": (HELLO, update(section(3, 0, HALF_CHARACTER))),
}
"""The like of them, for a checkout that stands alone."""


@pytest.mark.parametrize(
    ("held", "bad"), [*(pytest.param(*case, id=name) for name, case in MADE.items()), *known_cases()]
)
def test_what_breaks_engines_is_refused_before_one_sees_it(held: bytes, bad: bytes) -> None:
    with pytest.raises(RefusedUpdate):
        scan_records(bad)
    with pytest.raises(RefusedUpdate):
        ContentIndex.from_update(held).admit(scan_update(bad), owns=anybody)


def test_a_text_is_told_as_a_text() -> None:
    """Yrs never returns from appending to it as to an array; so nobody here reads it as one."""
    assert root_kinds(index_of(typed(2, 0, "é", root="a"))) == {"a": RootKind.TEXT}


def test_state_vectors_that_break_engines_are_refused() -> None:
    written = [number(2**27), number(2**28)]
    if CASES.exists():
        cases = json.loads(CASES.read_text(encoding="utf-8"))
        written += [bytes.fromhex(cases["H_alloc"]["state_vector"]), bytes.fromhex(cases["py_013_1_only"]["sv_abort"])]
    for bad in written:
        with pytest.raises(RefusedUpdate) as caught:
            scan_vector(bad)
        assert caught.value.code is RefusalCode.MALFORMED


@pytest.mark.timeout(300)
def test_yrs_survives_what_is_admitted() -> None:
    """See support/fuzz_updates.py, which runs a million by itself."""
    report = fuzz(FUZZ_CASES, seed=7)
    assert report.anomalies == []
    assert report.counts["cases"] >= FUZZ_CASES
    assert report.counts["admitted"] > FUZZ_CASES / 5
    assert report.counts["invalid"] > FUZZ_CASES / 20
    assert report.counts["malformed"] > FUZZ_CASES / 20


def test_yjs_survives_what_is_admitted() -> None:
    """Relayed as it came, it is applied by every web client: none throws, none waits, all end at the same vector."""
    applied = 0
    with Node("apply.mjs") as yjs:
        for seed in range(150):
            maker = UpdateMaker(Random(seed), client=2**40)
            updates = []
            for _ in range(40):
                made = maker.any()
                try:
                    maker.learn(made)
                except RefusedUpdate:
                    continue
                updates.append(made.hex())
            answer = yjs.ask({"updates": updates, "roots": {}})
            assert "error" not in answer, (seed, answer)
            assert not answer["pending"], seed
            assert {int(client): clock for client, clock in answer["vector"].items()} == maker.index.vector, seed
            applied += len(updates)
    assert applied > 1_500
