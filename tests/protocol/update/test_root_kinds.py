"""How a root is to be read, from what is in it."""

import pytest
from support.admitted import index_of
from support.update_bytes import (
    ARRAY,
    DELETED,
    EMBED,
    FORMAT,
    MAP,
    NULL,
    STRING,
    TEXT,
    TYPE,
    VALUES,
    XML_ELEMENT,
    XML_FRAGMENT,
    XML_TEXT,
    item,
    number,
    section,
    text,
    update,
    values,
)
from support.yjs import histories
from syncline_protocol.update import ContentIndex, RootKind, root_kinds, scan_update

LETTERS = item(STRING, text("ab"), parent="r")
VALUE = item(VALUES, values(NULL), parent="r")
ENTRY = item(VALUES, values(NULL), parent="r", key="k")
MARK = item(FORMAT, text("b") + text("1"), parent="r")
IN_ARRAY, IN_TEXT, IN_MAP, IN_FRAGMENT = (item(TYPE, kind, parent="r") for kind in (ARRAY, TEXT, MAP, XML_FRAGMENT))
ELEMENT = item(TYPE, XML_ELEMENT + text("p"), parent="r")
XML_LETTERS = item(TYPE, XML_TEXT, parent="r")


def kind_of(*structs: bytes, deletes: dict[int, list[tuple[int, int]]] | None = None) -> RootKind | None:
    """The kind of root `r` that holds these."""
    return root_kinds(index_of(update(section(5, 0, *structs), deletes=deletes))).get("r")


@pytest.mark.parametrize(
    ("structs", "kind"),
    [
        ([LETTERS], RootKind.TEXT),
        ([item(EMBED, text("1"), parent="r")], RootKind.TEXT),
        ([VALUE], RootKind.ARRAY),
        ([ENTRY], RootKind.MAP),
        ([item(TYPE, MAP, parent="r", key="k")], RootKind.MAP),
        ([ELEMENT], RootKind.XML),
        ([XML_LETTERS], RootKind.XML),
        ([IN_MAP], RootKind.ARRAY),
        ([IN_TEXT, IN_ARRAY], RootKind.ARRAY),
        ([IN_FRAGMENT], RootKind.ARRAY),
        ([IN_MAP, ELEMENT], RootKind.ARRAY),
        ([VALUE, ELEMENT], RootKind.ARRAY),
        ([LETTERS, ELEMENT, IN_MAP, ENTRY], RootKind.TEXT),
        ([ELEMENT, ENTRY], RootKind.XML),
        ([MARK], None),
        ([item(DELETED, number(3), parent="r")], None),
        ([], None),
    ],
)
def test_the_strongest_sign_decides(structs: list[bytes], kind: RootKind | None) -> None:
    both = [item(VALUES, values(NULL), parent="other", key="k"), *structs]
    assert kind_of(*both) is kind


def test_what_is_deleted_does_not_count() -> None:
    assert kind_of(LETTERS, deletes={5: [(0, 2)]}) is None
    assert kind_of(LETTERS, deletes={5: [(0, 1)]}) is RootKind.TEXT
    assert kind_of(LETTERS, ENTRY, deletes={5: [(0, 2)]}) is RootKind.MAP
    assert kind_of(IN_MAP, ELEMENT, deletes={5: [(0, 1)]}) is RootKind.XML


def test_kinds_are_those_that_yjs_shows() -> None:
    """Of the index that saw everything, and of one of the whole state; what is empty may be listed as a map."""
    found = set()
    for history in histories(1, 100, 50):
        live = index_of(*(bytes.fromhex(made["update"]) for made in history["updates"]))
        for index in (live, *(ContentIndex.from_update(bytes.fromhex(state)) for state in history["states"])):
            kinds = root_kinds(index)
            empty = dict(kinds.items() - history["roots"].items())
            assert kinds.items() >= history["roots"].items(), history["seed"]
            assert set(empty.values()) <= {RootKind.MAP}, history["seed"]
            found |= set(kinds.values())
    assert found == set(RootKind)


def test_scanning_a_state_twice_changes_nothing() -> None:
    state = bytes.fromhex(histories(1, 100, 50)[0]["states"][0])
    index = ContentIndex.from_update(state)
    before = root_kinds(index)
    index.admit(scan_update(state), owns=lambda _: False)
    assert root_kinds(index) == before
