"""One content, one digest: whatever its history, however the engine holds it; another content, another digest."""

import base64
import json
import random
import struct
from collections.abc import Callable
from typing import Any

import pycrdt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from syncline_protocol.documents.content_digest import DEPTH_MAX, canonical_content, content_digest

Doc = pycrdt.Doc[Any]

ROOTS: dict[str, type[Any]] = {
    "t": pycrdt.Text,
    "m": pycrdt.Map,
    "a": pycrdt.Array,
    "x": pycrdt.XmlFragment,
}


def roots(document: Doc) -> dict[str, object]:
    """The roots of a document that has no others than these."""
    return {name: document.get(name, type=kind) for name, kind in ROOTS.items()}


def form(document: Doc) -> Any:
    """The canonical form, read as JSON."""
    return json.loads(canonical_content(roots(document)))


def value_form(value: object) -> str:
    """How a value in a map is written."""
    document: Doc = pycrdt.Doc()
    document.get("m", type=pycrdt.Map)["v"] = value
    return canonical_content(roots(document)).decode().removeprefix('{"m":{"map":{"v":').removesuffix("}}}")


def copy(document: Doc) -> Doc:
    """The same, loaded from its snapshot."""
    loaded: Doc = pycrdt.Doc()
    loaded.apply_update(document.get_update())
    return loaded


def test_every_kind_of_content_has_its_form() -> None:
    document: Doc = pycrdt.Doc()
    text, map_, array, xml = roots(document).values()
    assert isinstance(text, pycrdt.Text)
    assert isinstance(map_, pycrdt.Map)
    assert isinstance(array, pycrdt.Array)
    assert isinstance(xml, pycrdt.XmlFragment)
    text += "客服 🎧 says"
    text.format(0, 6, {"bold": True, "a": {"b": 1}})
    text.insert_embed(len(text), {"image": "x.png"})
    map_["b"] = bytes(range(4))
    map_["nested"] = pycrdt.Map({"list": pycrdt.Array([1, "2", None]), "text": pycrdt.Text("hi")})
    array.extend([True, 1.5, {"z": 1, "a": [{}]}])
    paragraph = xml.children.append(pycrdt.XmlElement("p", {"class": "z", "align": "left"}))
    paragraph.children.append(pycrdt.XmlText("hello"))
    xml.children.append(pycrdt.XmlElement("hr"))
    assert form(document) == {
        "t": {
            "text": [
                ["客服", {"bold": True, "a": {"object": {"b": 1}}}],
                [" 🎧 says", {}],
                [{"object": {"image": "x.png"}}, {}],
            ]
        },
        "m": {
            "map": {
                "b": {"bytes": base64.b64encode(bytes(range(4))).decode()},
                "nested": {"map": {"list": {"array": [1, "2", None]}, "text": {"text": [["hi", {}]]}}},
            }
        },
        "a": {"array": [True, 1.5, {"object": {"z": 1, "a": {"list": [{"object": {}}]}}}]},
        "x": {
            "xml": [
                {"element": ["p", {"class": "z", "align": "left"}, [{"xml_text": [{}, [["hello", {}]]]}]]},
                {"element": ["hr", {}, []]},
            ]
        },
    }
    assert content_digest(roots(copy(document))) == content_digest(roots(document))


def test_the_form_has_one_spelling() -> None:
    document: Doc = pycrdt.Doc()
    map_ = document.get("m", type=pycrdt.Map)
    for key in ("b", "a", "é", "😀", "\uffff", "A", 'q"\\\n'):
        map_[key] = {"y": 1, "x": 2}
    written = canonical_content(roots(document)).decode()
    keys = [key for key, _ in json.loads(written, object_pairs_hook=list)[0][1][0][1]]
    assert keys == sorted(keys, key=lambda key: [ord(character) for character in key])
    assert '"q\\"\\\\\\n":{"object":{"x":2,"y":1}}' in written
    assert " " not in written
    assert "é" in written


NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555555", "333333333.3333333"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
    ("7ff8000000000000", '{"number":"NaN"}'),
    ("7ff0000000000000", '{"number":"Infinity"}'),
    ("fff0000000000000", '{"number":"-Infinity"}'),
]
"""From RFC 8785, appendix B (with null for what JSON cannot write)."""


@pytest.mark.parametrize(("bits", "written"), NUMBERS)
def test_numbers_are_written_as_javascript_does(bits: str, written: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    document: dict[str, object] = {"m": {"v": number}.items()}
    assert canonical_content(document).decode() == f'{{"m":{{"array":[{{"list":["v",{written}]}}]}}}}'


def test_an_integer_is_a_number_as_long_as_javascript_has_it() -> None:
    assert value_form(1) == value_form(1.0) == "1"
    assert value_form(2**53 - 1) == value_form(float(2**53 - 1)) == "9007199254740991"
    one: dict[str, object] = {"m": [2**53, -(2**53)]}
    assert canonical_content(one) == b'{"m":{"array":[{"bigint":"9007199254740992"},{"bigint":"-9007199254740992"}]}}'


def test_roots_without_content_do_not_count() -> None:
    document: Doc = pycrdt.Doc()
    assert content_digest(roots(document)) == content_digest({})
    text = document.get("t", type=pycrdt.Text)
    text += "gone"
    array = document.get("a", type=pycrdt.Array)
    array.append(1)
    text.clear()
    array.clear()
    assert content_digest(roots(document)) == content_digest({})


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.get("t", type=pycrdt.Text).insert(0, "x"),
        lambda document: document.get("t", type=pycrdt.Text).format(0, 1, {"bold": False}),
        lambda document: document.get("m", type=pycrdt.Map).update({"k": "1"}),
        lambda document: document.get("m", type=pycrdt.Map).update({"k": [1]}),
        lambda document: document.get("m", type=pycrdt.Map).update({"k": None}),
        lambda document: document.get("m", type=pycrdt.Map).update({"k": pycrdt.Map({})}),
        lambda document: document.get("m", type=pycrdt.Map).update({"k": pycrdt.Text("1")}),
        lambda document: document.get("m", type=pycrdt.Map).update({"l": 1}),
        lambda document: document.get("a", type=pycrdt.Array).insert(0, 2),
        lambda document: document.get("x", type=pycrdt.XmlFragment).children.append(pycrdt.XmlElement("p")),
    ],
)
def test_every_difference_shows(change: Callable[[Doc], None]) -> None:
    document: Doc = pycrdt.Doc()
    text = document.get("t", type=pycrdt.Text)
    text += "hello"
    document.get("m", type=pycrdt.Map)["k"] = 1
    document.get("a", type=pycrdt.Array).extend([1, 2])
    before = content_digest(roots(document))
    change(document)
    assert content_digest(roots(document)) != before
    assert content_digest(roots(copy(document))) == content_digest(roots(document))


def test_formatting_in_steps_is_formatting_at_once() -> None:
    one, other = pycrdt.Doc[Any](), pycrdt.Doc[Any]()
    at_once, in_steps = one.get("t", type=pycrdt.Text), other.get("t", type=pycrdt.Text)
    at_once.insert(0, "hello 🎧 world", {"bold": True})
    for character in reversed("hello 🎧 world"):
        in_steps.insert(0, character)
    in_steps.format(0, 7, {"bold": True, "italic": True})
    in_steps.format(5, len(in_steps), {"bold": True})
    in_steps.format(0, 7, {"italic": None})
    assert canonical_content(roots(one)) == canonical_content(roots(other))


def edit(document: Doc, randomness: random.Random) -> None:
    """One random edit of any root."""
    text, map_, array = (document.get(name, type=ROOTS[name]) for name in "tma")
    match randomness.randrange(6):
        case 0:
            text.insert(0, randomness.choice(["a", "客服", "🎧", "e\u0301"]))
        case 1 if len(text):
            text.format(0, len(text), {"bold": randomness.choice([True, None])})
        case 2:
            map_[randomness.choice("kl")] = randomness.choice([1, 2.5, "x", {"y": [1]}, b"z"])
        case 3:
            array.insert(0, randomness.choice([1, "x", pycrdt.Map({"n": 1}), pycrdt.Text("t")]))
        case 4 if len(array):
            del array[0]
        case _:
            document.get("x", type=pycrdt.XmlFragment).children.append(pycrdt.XmlElement("p", {"n": "1"}))


@given(st.integers(0, 2**32), st.integers(2, 3), st.integers(1, 30))
def test_replicas_that_hold_the_same_have_the_same_digest(seed: int, writers: int, edits: int) -> None:
    randomness = random.Random(seed)
    documents: list[Doc] = [pycrdt.Doc(client_id=number + 1) for number in range(writers)]
    for _ in range(edits):
        edit(randomness.choice(documents), randomness)
        if randomness.random() < 0.2:
            giver, taker = randomness.sample(documents, 2)
            taker.apply_update(giver.get_update(taker.get_state()))
    updates = [document.get_update() for document in documents]
    digests = set()
    for document in documents:
        for update in randomness.sample(updates, len(updates)):
            document.apply_update(update)
        digests |= {content_digest(roots(document)), content_digest(roots(copy(document)))}
    assert len(digests) == 1


def test_what_has_no_form_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(DEPTH_MAX):
        deep = [deep]
    with pytest.raises(ValueError, match=f"more than {DEPTH_MAX} levels"):
        content_digest({"a": [deep]})
    with pytest.raises(ValueError, match="object has no canonical form"):
        content_digest({"a": [object()]})
    with pytest.raises(ValueError, match="a document inside a document"):
        content_digest({"a": [pycrdt.Doc[Any]()]})
