"""Tables are read with the path of what is wrong in them."""

from typing import Any

import pytest
from syncline_protocol.extraction.tables import Table, completed


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"word": 3}, "a.word: a text is wanted"),
        ({"word": " "}, "a.word: a text is wanted"),
        ({"word": "x", "many": "x"}, "a.many: a list of texts"),
        ({"word": "x", "many": ["y", 3]}, r"a.many\[1\]: a text is wanted"),
        ({"word": "x", "many": ["no"]}, r"a.many\[0\]: not this one"),
        ({"word": "x", "number": True}, "a.number: a whole number from 1 to 5"),
        ({"word": "x", "number": 6}, "a.number: a whole number from 1 to 5"),
        ({"word": "x", "is": "yes"}, "a.is: true or false"),
        ({"word": "x", "kind": "c"}, "a.kind: 'c' is none of a, b"),
        ({"word": "x", "below": [1]}, r"a.below\[0\]: a table"),
        ({"word": "x", "below": "t"}, "a.below: a list of tables"),
        ({"word": "x", "wrod": "x"}, "a.wrod: no such key"),
        ("text", "a: a table is wanted"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(values: Any, message: str) -> None:
    def word(written: str) -> str:
        if written == "no":
            raise ValueError("not this one")
        return written

    with pytest.raises(ValueError, match=rf"^{message}"):
        read(Table("a", values), word)


def read(table: Table, word: Any) -> None:
    table.text("word")
    table.each("many", word)
    table.whole("number", 1, 5, default=1)
    table.truth("is")
    table.choice("kind", ("b", "a"), default="a")
    table.tables("below")
    table.done()


def test_what_is_not_said_has_its_default() -> None:
    table = Table("", {})
    assert table.texts("x") == ()
    assert table.tables("x") == ()
    assert table.table("x").names() == ()
    assert table.one("x", str) is None
    assert table.text("x", default="d") == "d"
    assert not table.truth("x")


def test_tables_are_completed_by_name_and_key() -> None:
    own = [Table("own[0]", {"name": "new"}), Table("own[1]", {"name": "b", "group": "mine"})]
    a, b = {"name": "a", "group": "x"}, {"name": "b", "group": "x", "label": "B"}
    shipped = [Table("shipped[0]", a), Table("shipped[1]", b)]
    found = completed(own, shipped)
    names = [(table.path, table.text("name")) for table in found]
    assert names == [("shipped[0]", "a"), ("own[1]", "b"), ("own[0]", "new")]
    assert (found[1].text("group"), found[1].text("label")) == ("mine", "B")


def test_a_name_comes_once() -> None:
    with pytest.raises(ValueError, match=r"^x\[1\].name: 'a' is there already"):
        completed([Table("x[0]", {"name": "a"}), Table("x[1]", {"name": "a"})], [])
