"""Random edits of a page by pycrdt: for histories that are honest, and for devices that edit what is not."""

from random import Random
from typing import Any, Final

import pycrdt

ROOTS: Final = ("t", "rich", "list", "m", "x")
KEYS: Final = ("k", "a", "键", "")
WORDS: Final = ("x", "hello ", "你好", "é", "😀", "👨‍👩‍👧", "🇨🇳", "\0", "𠮷", "e\u0301", "a😀b😀", "\n")

ROOT_KINDS: Final = {"t": "text", "rich": "text", "list": "array", "m": "map", "x": "xml"}


def edit_anything(doc: "pycrdt.Doc[Any]", random: Random) -> None:
    """One edit of one of `ROOTS`."""
    root = random.choice(ROOTS)
    edit(doc, random, root, ROOT_KINDS[root])


def edit(doc: "pycrdt.Doc[Any]", random: Random, root: str, kind: str) -> None:
    """One edit of a root that is a `text`, `array`, `map` or `xml`."""
    if kind == "text":
        _edit_text(doc.get(root, type=pycrdt.Text), random)
    elif kind == "array":
        _edit_array(doc.get(root, type=pycrdt.Array), random)
    elif kind == "map":
        _edit_map(doc.get(root, type=pycrdt.Map), random)
    else:
        _edit_xml(doc.get(root, type=pycrdt.XmlFragment), random)


def _edit_array(array: "pycrdt.Array[Any]", random: Random) -> None:
    if len(array) and random.random() < 0.3:
        del array[random.randrange(len(array))]
    else:
        new = random.choice((1, "s", None, [1, {"a": "你"}], pycrdt.Text("in"), pycrdt.Map({"k": 1}), b"\1"))
        array.insert(random.randrange(len(array) + 1), new)


def _edit_map(mapping: "pycrdt.Map[Any]", random: Random) -> None:
    key = random.choice(KEYS)
    if key in mapping and random.random() < 0.3:
        del mapping[key]
    else:
        mapping[key] = random.choice((1, "v", [True], pycrdt.Array([1, "x"]), pycrdt.Text("in 😀")))


def _edit_text(text: pycrdt.Text, random: Random) -> None:
    cuts = [0]
    for content, _ in text.diff():
        for part in content if isinstance(content, str) else "-":
            cuts.append(cuts[-1] + len(part.encode()))
    if cuts[-1] != len(text):  # an embed that is a string looks like text
        cuts = [0, len(text)]
    start = random.randrange(len(cuts))
    end = min(start + random.randrange(1, 4), len(cuts) - 1)
    choice = random.random()
    if choice < 0.6 or start == end:
        text.insert(cuts[start], random.choice(WORDS))
    elif choice < 0.8:
        del text[cuts[start] : cuts[end]]
    elif random.random() < 0.8:
        text.format(cuts[start], cuts[end], {random.choice(("bold", "em")): random.choice((True, None))})
    else:
        text.insert_embed(cuts[start], {"image": 1})


def _edit_xml(fragment: pycrdt.XmlFragment, random: Random) -> None:
    children = fragment.children
    if len(children) and random.random() < 0.3:
        del children[random.randrange(len(children))]
    elif len(children) and random.random() < 0.4:
        child = children[random.randrange(len(children))]
        if isinstance(child, pycrdt.XmlElement):
            child.attributes["level"] = random.choice(("1", "2"))
        elif isinstance(child, pycrdt.XmlText):
            child.insert(0, random.choice(WORDS))
    else:
        new = pycrdt.XmlElement("p", {"a": "1"}, [pycrdt.XmlText("para")])
        children.insert(random.randrange(len(children) + 1), random.choice((new, pycrdt.XmlText("你"))))
