"""Shared types, the places within them, and what may stand there."""

import pytest
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import NESTING_DEPTH_MAX
from syncline_protocol.update.places import GONE, KEYED_BITS, ROOT, SEQUENCE_BITS, Parent, Places
from syncline_protocol.update.scanned import Kind, ScannedType, TypeKind

VALUES = {Kind.VALUES, Kind.BINARY, Kind.TYPE, Kind.DELETED}
TEXT = {Kind.STRING, Kind.EMBED, Kind.FORMAT, Kind.TYPE, Kind.DELETED}
CHILDREN = {Kind.TYPE, Kind.DELETED}


def place_in(places: Places, kind: TypeKind, key: str | None) -> int:
    """A place of a type of this kind."""
    outer = places.place(places.root("m"), "k")
    return places.place(places.add_type(ScannedType(kind, ""), outer, 5, 0), key)


@pytest.mark.parametrize(
    ("kind", "sequence", "keyed"),
    [
        (TypeKind.ARRAY, VALUES, set()),
        (TypeKind.MAP, set(), VALUES),
        (TypeKind.TEXT, TEXT, VALUES),
        (TypeKind.XML_ELEMENT, CHILDREN, VALUES),
        (TypeKind.XML_FRAGMENT, CHILDREN, set()),
        (TypeKind.XML_TEXT, TEXT, VALUES),
    ],
)
def test_content_stands_where_editors_put_it(kind: TypeKind, sequence: set[Kind], keyed: set[Kind]) -> None:
    for key, allowed in ((None, sequence), ("a", keyed)):
        for content in set(Kind) - {Kind.COLLECTED}:
            places = Places()
            place = place_in(places, kind, key)
            if content in allowed:
                places.check_fits(place, content)
            else:
                with pytest.raises(RefusedUpdate) as caught:
                    places.check_fits(place, content)
                assert caught.value.code is RefusalCode.INVALID


def test_every_kind_of_type_has_its_rules() -> None:
    assert SEQUENCE_BITS.keys() == KEYED_BITS.keys() == {*TypeKind, ROOT} - {TypeKind.XML_HOOK}


@pytest.mark.parametrize(
    ("first", "second", "fits"),
    [
        ((Kind.STRING, None), (Kind.VALUES, None), False),
        ((Kind.VALUES, None), (Kind.STRING, None), False),
        ((Kind.BINARY, None), (Kind.FORMAT, None), False),
        ((Kind.VALUES, None), (Kind.VALUES, "key"), False),
        ((Kind.VALUES, "key"), (Kind.VALUES, None), False),
        ((Kind.STRING, None), (Kind.VALUES, "lang"), True),
        ((Kind.TYPE, None), (Kind.VALUES, "level"), True),
        ((Kind.TYPE, None), (Kind.VALUES, None), True),
        ((Kind.TYPE, None), (Kind.STRING, None), True),
        ((Kind.VALUES, "one"), (Kind.TYPE, "two"), True),
        ((Kind.DELETED, None), (Kind.VALUES, None), True),
        ((Kind.DELETED, None), (Kind.STRING, None), True),
    ],
)
def test_a_root_is_an_array_or_anything_else(
    first: tuple[Kind, str | None],
    second: tuple[Kind, str | None],
    fits: bool,  # noqa: FBT001 - a column of the table
) -> None:
    places = Places()
    root = places.root("r")
    places.check_fits(places.place(root, first[1]), first[0])
    if fits:
        places.check_fits(places.place(root, second[1]), second[0])
    else:
        with pytest.raises(RefusedUpdate, match="an array and as something else"):
            places.check_fits(places.place(root, second[1]), second[0])


def test_values_under_a_roots_key_are_no_text() -> None:
    places = Places()
    for kind in (Kind.STRING, Kind.EMBED, Kind.FORMAT):
        with pytest.raises(RefusedUpdate, match="under a key of a root"):
            places.check_fits(places.place(places.root("m"), "k"), kind)


@pytest.mark.parametrize("kind", [TypeKind.ARRAY, TypeKind.MAP, TypeKind.TEXT, TypeKind.XML_FRAGMENT])
def test_children_of_xml_are_xml(kind: TypeKind) -> None:
    for outer in (TypeKind.XML_ELEMENT, TypeKind.XML_FRAGMENT):
        places = Places()
        with pytest.raises(RefusedUpdate, match="among the children"):
            places.add_type(ScannedType(kind, ""), place_in(places, outer, None), 5, 1)
    places.add_type(ScannedType(kind, ""), place_in(places, TypeKind.XML_ELEMENT, "attribute"), 5, 1)
    places.add_type(ScannedType(kind, ""), place_in(places, TypeKind.XML_TEXT, None), 5, 2)


def test_types_nest_up_to_the_limit() -> None:
    places = Places()
    place = places.place(places.root("a"), None)
    for clock in range(NESTING_DEPTH_MAX):
        place = places.place(places.add_type(ScannedType(TypeKind.ARRAY, ""), place, 5, clock), None)
    assert places.parent_of(place).depth == NESTING_DEPTH_MAX
    with pytest.raises(RefusedUpdate) as caught:
        places.add_type(ScannedType(TypeKind.ARRAY, ""), place, 5, 99)
    assert caught.value.code is RefusalCode.TOO_LARGE


def test_numbers_are_given_once() -> None:
    places = Places()
    assert places.root("a") == places.root("a") != places.root("b")
    assert places.place(0, "k") == places.place(0, "k") != places.place(0, None)
    assert GONE not in {places.place(0, "k"), places.place(0, None)}


def snapshot(places: Places) -> tuple[object, ...]:
    return (
        list(places.parents),
        list(places.places),
        dict(places.evidence),
        dict(places._numbers),
        dict(places._roots),
    )


def test_rollback_forgets_what_came_after() -> None:
    places = Places()
    places.check_fits(places.place(places.root("t"), None), Kind.TYPE)
    before = snapshot(places)
    mark = places.mark()
    places.check_fits(places.place(places.root("t"), None), Kind.STRING)
    places.check_fits(places.place(places.root("t"), "lang"), Kind.VALUES)
    places.check_fits(places.place(places.root("new"), "k"), Kind.TYPE)
    places.place(places.add_type(ScannedType(TypeKind.MAP, ""), places.place(places.root("new"), "k"), 5, 0), "in")
    assert snapshot(places) != before
    places.rollback(mark)
    assert snapshot(places) == before
    places.check_fits(places.place(places.root("t"), None), Kind.VALUES)


def test_restored_places_have_the_same_numbers() -> None:
    places = Places()
    places.check_fits(places.place(places.root("m"), "k"), Kind.TYPE)
    places.place(places.add_type(ScannedType(TypeKind.MAP, ""), places.place(places.root("m"), "k"), 5, 0), "in")
    restored = Places.restore(list(places.parents), list(places.places), dict(places.evidence))
    assert snapshot(restored) == snapshot(places)


@pytest.mark.parametrize("places", [[], [(-1, None), (3, "k")]])
def test_a_place_without_its_parent_is_not_restored(places: list[tuple[int, str | None]]) -> None:
    with pytest.raises(ValueError, match="without its parent"):
        Places.restore([Parent(ROOT, 0, "m", GONE, 0, 0)], places, {})
