"""Rules are checked whole when they are read."""

import tomllib
from typing import Any

import pytest
from support.extraction import rules, shipped, shipped_tables
from syncline_protocol.extraction import Rules

OWN = """
[[issue_type]]
name = "delivery"
group = "couriers"

[[issue_type]]
name = "billing"
label = { en = "Billing" }
required = ["customer"]
terms = [{ weight = 5, en = ["bill*"], zh = ["账单"] }, { weight = -3, en = ["billboard"] }]

[extraction]
least = 4

[[extraction.field]]
name = "meter"
label = { en = ["meter"] }
value = 'M[0-9]{4}'
"""


def test_the_shipped_rules_are_whole() -> None:
    found = shipped()
    names = {field.name for field in found.fields}
    assert found.issue_type(found.otherwise) is not None
    for one in found.issue_types:
        assert set(one.label) == {"zh", "en"}
        assert one.terms
        assert one.group
        assert {*one.required, *one.answers} <= names | {"product", "model", "symptom", "-"}


def test_own_rules_complete_the_shipped_ones() -> None:
    found = Rules.read(tomllib.loads(OWN), shipped=shipped_tables())
    delivery, billing = found.issue_type("delivery"), found.issue_type("billing")
    assert delivery is not None
    assert billing is not None
    assert delivery.group == "couriers"
    assert delivery.terms
    assert [term.weight for term in billing.terms] == [5, 5, -3]
    assert found.least == 4
    assert found.regions["zh"] == "CN"
    assert found.issue_types[-1] is billing
    assert found.fields[-1].name == "meter"


def test_own_rules_alone() -> None:
    found = Rules.read(tomllib.loads(OWN.replace("least = 4", "only_own = true")), shipped=shipped_tables())
    assert [one.name for one in found.issue_types] == ["delivery", "billing"]
    assert [field.name for field in found.fields] == ["meter"]
    assert found.otherwise == "other"


def test_what_is_not_of_extraction_is_left_alone() -> None:
    assert rules("[server]\nport = 1\n[[group]]\nname = 3\n").issue_types == ()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("issue_type = 3", "issue_type"),
        ("[[issue_type]]\nname = 'Big Words'", r"issue_type\[0\].name"),
        ("[[issue_type]]\nname = 'a'\nlable = {}", r"issue_type\[0\].lable"),
        ("[[issue_type]]\nname = 'a'\nlabel = { english = 'A' }", r"issue_type\[0\].label.english"),
        ("[[issue_type]]\nname = 'a'\n[[issue_type]]\nname = 'a'", r"issue_type\[1\].name"),
        ("[[issue_type]]\nname = 'a'\nterms = [{ en = ['x'] }]", r"issue_type\[0\].terms\[0\].weight"),
        ("[[issue_type]]\nname = 'a'\nterms = [{ weight = 0, en = ['x'] }]", r"issue_type\[0\].terms\[0\].weight"),
        (
            "[[issue_type]]\nname = 'a'\nterms = [{ weight = 1, en = ['x', 'a|b'] }]",
            r"issue_type\[0\].terms\[0\].en\[1\]",
        ),
        ("[extraction]\nfields = []", "extraction.fields"),
        ("[extraction]\nleast = 0", "extraction.least"),
        ("[extraction]\nregions = { zh = 'China' }", "extraction.regions.zh"),
        ("[extraction.urgency]\nvery = ['x']", "extraction.urgency.very"),
        ("[[extraction.field]]\nname = 'a'", r"extraction.field\[0\].value"),
        ("[[extraction.field]]\nname = 'a'\nvalue = '(a{1,9}){1,9}'", r"extraction.field\[0\].value"),
        ("[[extraction.field]]\nname = 'a'\nkind = 'magic'", r"extraction.field\[0\].kind"),
        ("[[extraction.product]]\nterms = {}", r"extraction.product\[0\].name"),
        ("[[extraction.product]]\nname = 'a'\nmodels = ['x', 'y+']", r"extraction.product\[0\].models\[1\]"),
    ],
)
def test_a_mistake_is_named_by_its_path(text: str, path: str) -> None:
    with pytest.raises(ValueError, match=rf"^{path}: "):
        rules(text)


def test_too_many_issue_types_are_refused() -> None:
    tables: dict[str, Any] = {"issue_type": [{"name": f"t{number}"} for number in range(201)]}
    with pytest.raises(ValueError, match="at most 200"):
        Rules.read(tables)
