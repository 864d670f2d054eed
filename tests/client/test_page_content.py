"""A page's document: edits captured, editors' updates checked, and the engine's failures kept apart."""

from typing import Any

import pycrdt
import pytest
from syncline_client.errors import ContentBroken, EditNotAllowed
from syncline_client.page_content import Document, PageContent, own_clock

CLIENT = 2**32 + 1
OTHER = 2**32 + 2


def typing(text: str, *, at: int = 0) -> Any:
    return lambda document: document.get("text", type=pycrdt.Text).insert(at, text)


def text(document: Document) -> str:
    return str(document.get("text", type=pycrdt.Text))


def test_an_edit_is_one_update_that_others_can_take() -> None:
    page = PageContent(CLIENT, [])

    def change(document: Document) -> None:
        typing("你好")(document)
        typing("😀", at=3)(document)

    update = page.edit(change)
    other = PageContent(OTHER, [update])
    assert text(other.doc) == "你😀好"
    assert other.digest == page.digest
    assert page.clock(CLIENT) == own_clock(update, CLIENT) > 0
    assert own_clock(update, OTHER) == 0


def test_an_edit_that_does_nothing_is_nothing() -> None:
    assert PageContent(CLIENT, []).edit(lambda _: None) == b""


def test_an_update_may_come_twice() -> None:
    page = PageContent(CLIENT, [])
    update = page.edit(typing("once"))
    page.take(update)
    assert text(page.doc) == "once"


def test_the_digest_is_of_content_and_not_of_history() -> None:
    one = PageContent(CLIENT, [])
    one.edit(typing("ac"))
    one.edit(typing("b", at=1))
    other = PageContent(OTHER, [])
    other.edit(typing("abc"))
    assert one.digest == other.digest
    assert one.encode() != other.encode()


def test_its_encoding_is_all_of_it() -> None:
    page = PageContent(CLIENT, [])
    page.edit(typing("all"))
    assert text(PageContent(OTHER, [page.encode()]).doc) == "all"


def test_text_cut_within_a_character_is_not_allowed() -> None:
    page = PageContent(CLIENT, [])
    page.edit(typing("你好"))
    with pytest.raises(EditNotAllowed, match="does not take this edit"):
        page.edit(typing("?", at=1))  # positions count UTF-8 bytes


def test_an_editors_update_is_taken() -> None:
    page = PageContent(CLIENT, [])
    editor = PageContent(CLIENT, [])
    first, second = editor.edit(typing("a")), editor.edit(typing("b", at=1))
    assert page.take_local(first) == first
    assert page.take_local(second) == second
    assert page.take_local(second) == b"", "it brings nothing new"
    assert text(page.doc) == "ab"


def test_an_editors_deletion_is_something_new() -> None:
    page = PageContent(CLIENT, [])
    update = page.edit(typing("abc"))
    editor = PageContent(CLIENT, [update])
    deletion = editor.edit(lambda document: document.get("text", type=pycrdt.Text).__delitem__(slice(0, 1)))
    assert page.take_local(deletion) == deletion
    assert text(page.doc) == "bc"


def test_an_editors_update_must_continue_the_page() -> None:
    page = PageContent(CLIENT, [])
    editor = PageContent(CLIENT, [])
    editor.edit(typing("a"))
    with pytest.raises(EditNotAllowed, match="gap"):
        page.take_local(editor.edit(typing("b", at=1)))
    assert text(page.doc) == ""


def test_an_editor_must_write_under_this_devices_client_id() -> None:
    stranger = PageContent(OTHER, [])
    with pytest.raises(EditNotAllowed, match="not_yours"):
        PageContent(CLIENT, []).take_local(stranger.edit(typing("a")))


def test_an_editor_must_know_no_more_than_the_page() -> None:
    foundation = PageContent(OTHER, []).edit(typing("deep"))
    editor = PageContent(CLIENT, [foundation])
    with pytest.raises(EditNotAllowed, match="gap"):
        PageContent(CLIENT, []).take_local(editor.edit(typing("er", at=2)))


def test_updates_of_others_go_on_while_own_edits_are_checked() -> None:
    page = PageContent(CLIENT, [])
    page.edit(typing("mine"))
    other = PageContent(OTHER, [page.encode()])
    page.take(other.edit(typing(" and yours", at=4)))
    page.edit(typing("!", at=14))
    assert text(page.doc) == "mine and yours!"
    assert page.digest == PageContent(OTHER, [page.encode()]).digest


def test_what_is_no_update_is_said() -> None:
    with pytest.raises(EditNotAllowed, match="malformed"):
        PageContent(CLIENT, []).take_local(b"nonsense")
    with pytest.raises(ContentBroken, match="merge engine refused"):
        PageContent(CLIENT, []).take(b"nonsense")
    with pytest.raises(ContentBroken):
        PageContent(CLIENT, [b"\xff"])
    with pytest.raises(ContentBroken, match="cannot be read"):
        own_clock(b"\xff", CLIENT)


def test_a_panic_of_the_engine_is_an_ordinary_error() -> None:
    page = PageContent(CLIENT, [])
    update = page.edit(typing("x"))
    empty_section = bytes([1, 0, *update[2:7], 0, 0])  # no struct, for a client that is known
    with pytest.raises(ContentBroken):
        page.take(empty_section)
