"""A ticket's texts hold text in three roots, as every reader opens them, and nothing else."""

from collections.abc import Callable
from typing import Any

import pycrdt
import pytest
from syncline_protocol.documents.text_rules import TEXT_ROOTS, check_texts
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.update import scan_update

Doc = pycrdt.Doc[Any]


def updates_of(*changes: Callable[[Doc], None]) -> list[bytes]:
    """What these changes come to, one update each."""
    document: Doc = pycrdt.Doc()
    updates: list[bytes] = []
    document.observe(lambda event: updates.append(event.update))
    for change in changes:
        change(document)
    return updates


def text(document: Doc, root: str) -> pycrdt.Text:
    """A root, opened as a text."""
    opened: pycrdt.Text = document.get(root, type=pycrdt.Text)
    return opened


def test_stock_editors_write_delete_and_mark_text() -> None:
    for root in TEXT_ROOTS:
        for update in updates_of(
            lambda document, root=root: text(document, root).insert(0, "屏幕 flickers 😀"),  # type: ignore[misc]
            lambda document, root=root: text(document, root).format(0, 2, {"bold": True}),  # type: ignore[misc]
            lambda document, root=root: text(document, root).__delitem__(slice(0, 3)),  # type: ignore[misc]
            lambda document, root=root: text(document, root).insert_embed(1, {"image": "x"}),  # type: ignore[misc]
        ):
            check_texts(scan_update(update))


@pytest.mark.parametrize(
    "change",
    [
        lambda document: text(document, "notes").insert(0, "another root"),
        lambda document: document.get("description", type=pycrdt.Map).__setitem__("key", "value"),
        lambda document: document.get("description", type=pycrdt.Array).append("value"),
        lambda document: document.get("description", type=pycrdt.Array).append(pycrdt.Text("nested")),
        lambda document: document.get("reply", type=pycrdt.XmlFragment).children.append(pycrdt.XmlElement("p")),
    ],
)
def test_anything_else_is_refused(change: Callable[[Doc], None]) -> None:
    (update,) = updates_of(change)
    with pytest.raises(RefusedUpdate) as refusal:
        check_texts(scan_update(update))
    assert refusal.value.code is RefusalCode.FORBIDDEN


def test_values_hidden_behind_a_text_are_refused() -> None:
    first, second = updates_of(
        lambda document: text(document, "reply").insert(0, "text"),
        lambda document: document.get("reply", type=pycrdt.Array).append("value"),
    )
    check_texts(scan_update(first))
    with pytest.raises(RefusedUpdate):
        check_texts(scan_update(second))
