"""Which product, and which model of it."""

import pytest
from support.extraction import rules, talk, values
from syncline_protocol.extraction import extract


@pytest.mark.parametrize(
    ("lines", "product"),
    [
        (["平板搜不到家里的WiFi，手机可以"], "tablet"),
        (["留个手机号 13602578841"], None),
        (["my phone number is 2015550123"], None),
        (["发到 tan.qi@outlook.com"], None),
        (["Outlook is slow"], "Outlook"),
        (["> 是路由器吗？", "耳机"], "earphones"),
        (["> 是路由器吗？", "是"], "router"),
        (["手表坏了", "耳机也坏了"], "watch"),
    ],
)
def test_what_the_customer_names_first(lines: list[str], product: str | None) -> None:
    assert values(*lines).get("product") == product


def test_a_model_of_the_rules_names_its_product() -> None:
    found = values("i need psre 463 please")
    assert (found["product"], found["model"]) == ("keyboard", "psre 463")


def test_products_are_the_operators() -> None:
    own = rules("[[extraction.product]]\nname = 'T10'\nterms = { zh = ['十号平板'] }\nmodels = ['T10-[0-9]{2}']")
    assert {field.name: field.value for field in extract(talk("十号平板，T10-64 的"), own).fields} == {
        "model": "T10-64",
        "product": "T10",
    }
