"""The server's digest of a page is the one that a device computes of what it shows."""

from typing import Any

import pycrdt
from syncline_protocol.documents.content_digest import content_digest
from syncline_protocol.update import ContentIndex, RootKind, root_kinds
from syncline_server.storage.content import ROOT_TYPES, digest_of


def loaded(payload: bytes) -> "pycrdt.Doc[Any]":
    """A document that knows its roots only by what is in them."""
    document: pycrdt.Doc[Any] = pycrdt.Doc()
    document.apply_update(payload)
    return document


def test_every_kind_of_root_can_be_opened() -> None:
    assert set(ROOT_TYPES) == set(RootKind)


def test_roots_are_opened_as_what_is_in_them() -> None:
    written: pycrdt.Doc[Any] = pycrdt.Doc()
    here: dict[str, Any] = {
        "body": written.get("body", type=pycrdt.Text),
        "settings": written.get("settings", type=pycrdt.Map),
        "items": written.get("items", type=pycrdt.Array),
        "prosemirror": written.get("prosemirror", type=pycrdt.XmlFragment),
        "emptied": written.get("emptied", type=pycrdt.Text),
    }
    here["body"] += "客服 🎧"
    here["body"].format(0, 6, {"bold": True})
    here["settings"]["colour"] = "blue"
    here["items"].extend([1, pycrdt.Map({"a": 1})])
    paragraph = here["prosemirror"].children.append(pycrdt.XmlElement("paragraph"))
    paragraph.children.append(pycrdt.XmlText("hello"))
    here["emptied"] += "gone"
    here["emptied"].clear()
    payload = written.get_update()
    assert digest_of(loaded(payload), root_kinds(ContentIndex.from_update(payload))) == content_digest(here)


def test_a_page_without_content_has_the_digest_of_nothing() -> None:
    assert digest_of(pycrdt.Doc(), {}) == content_digest({})
