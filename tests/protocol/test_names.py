import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.vectors import read_vectors
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import NAME_BYTES_MAX
from syncline_protocol.names import (
    ID_CHARACTERS_MAX,
    SEGMENT_NUMBER_MAX,
    DocumentKind,
    DocumentName,
    Language,
    is_id,
    language,
    parse_name,
)

VECTORS = read_vectors("names")


@pytest.mark.parametrize("case", VECTORS["names"], ids=lambda case: case["name"])
def test_names_are_read_and_written_alike(case: dict[str, str | int]) -> None:
    name = parse_name(str(case["name"]))
    assert name == DocumentName(DocumentKind(str(case["kind"])), str(case["id"]), segment=int(case["segment"]))
    assert name.path == case["name"]
    assert name.language == case["language"]
    assert name.conversation == (case["id"] if case["kind"] in {"conversation", "segment"} else None)
    assert name.ticket == (case["id"] if case["kind"] in {"ticket", "ticket_public", "ticket_text"} else None)


def test_the_vectors_have_every_kind() -> None:
    assert {case["kind"] for case in VECTORS["names"]} == set(DocumentKind)


@pytest.mark.parametrize("name", VECTORS["refused"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(RefusedUpdate) as refusal:
        parse_name(name)
    assert refusal.value.code is RefusalCode.INVALID
    assert "not a document's name" in refusal.value.reason


def test_a_refusal_shows_no_more_than_the_beginning_of_a_long_name() -> None:
    with pytest.raises(RefusedUpdate) as refusal:
        parse_name("page/" + "x" * 1_000_000)
    assert len(refusal.value.reason) < 200


def test_the_longest_name_fits() -> None:
    longest = DocumentName(DocumentKind.SEGMENT, "x" * ID_CHARACTERS_MAX, segment=SEGMENT_NUMBER_MAX)
    assert parse_name(longest.path) == longest
    assert len(longest.path.encode()) <= NAME_BYTES_MAX


def test_pages_and_the_texts_of_tickets_hold_content_and_nothing_else_does() -> None:
    holding = {kind for kind in DocumentKind if language(kind) is Language.CONTENT}
    assert holding == {DocumentKind.PAGE, DocumentKind.TICKET_TEXT}


@given(
    st.text(max_size=300)
    | st.from_regex(r"(conversation|ticket|user|page)/[a-z./~@]{0,5}(/(public|text|[0-9]{1,11}))?\n?")
)
def test_two_names_never_mean_one_document(text: str) -> None:
    try:
        name = parse_name(text)
    except RefusedUpdate:
        return
    assert name.path == text
    assert is_id(name.id)
