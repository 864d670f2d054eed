"""The reason in words: complete in both languages, from any record, and never an error."""

import string
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.configuration import configured
from syncline_server.domain.explanation import LANGUAGES, MONTHS, TEXTS, WEEKDAYS, explain
from syncline_server.domain.routing import Routed, route

SHOP = configured("""
[[group]]
name = "network"
label = { zh = "网络", en = "Network" }
members = ["li", "mei"]
languages = ["zh"]
calendar = "office"
[[group]]
name = "abroad"
label = { zh = "海外", en = "Abroad" }
languages = ["en"]

[[issue_type]]
name = "no_wifi"
label = { zh = "无线网络", en = "Wi-Fi" }
group = ["network", "abroad"]

[[calendar]]
name = "office"
zone = "Asia/Shanghai"
weekdays = ["09:00-18:00"]
""")

MORNING = round(datetime.fromisoformat("2026-11-27T10:00+08:00").timestamp() * 1000)
SATURDAY = round(datetime.fromisoformat("2026-11-28T10:00+08:00").timestamp() * 1000)


@pytest.mark.parametrize(
    ("routed", "zh", "en"),
    [
        (
            route("no_wifi", "zh", {"li": 3, "mei": 2}, SHOP, MORNING),
            "“无线网络”类问题由“网络”组处理；当班 2 人（共 2 人），其中 mei 未完成的工单最少（2 个）",
            "Wi-Fi goes to group Network; mei has the fewest open tickets (2) of those on shift (2 of 2)",
        ),
        (
            route("no_wifi", "zh", {}, SHOP, SATURDAY),
            "“无线网络”类问题由“网络”组处理；目前无人当班（共 2 人）；下次当班：11月30日 周一 09:00（Asia/Shanghai）",
            "Wi-Fi goes to group Network; nobody is on shift (of 2); next on shift: Mon 30 Nov 09:00 (Asia/Shanghai)",
        ),
        (
            route("no_wifi", "en-GB", {}, SHOP, MORNING),
            "“无线网络”类英文问题由“海外”组处理；该组没有成员",
            "Wi-Fi in English goes to group Abroad; the group has no members",
        ),
        (
            Routed("network", None, {"language": "fr", "group_by": "otherwise", "is_understood": False}),
            "没有小组专门处理此类问题，由“网络”组处理；该组不使用fr",
            "no group has this kind of problem, so it goes to group Network; it does not speak fr",
        ),
        (
            route("no_wifi", "zh", {}, SHOP, MORNING, group="abroad"),
            "转至“海外”组；该组不使用中文；该组没有成员",
            "handed to group Abroad; it does not speak Chinese; the group has no members",
        ),
        (Routed("network", "li", {"rule": "claim"}), "由 li 认领", "li claimed it"),
        (Routed("network", "li", {"rule": "transfer", "by": "mei"}), "由 mei 转给 li", "mei handed it to li"),
    ],
)
def test_reasons_in_words(routed: Routed, zh: str, en: str) -> None:
    assert explain(routed, "zh-CN", configuration=SHOP) == zh
    assert explain(routed, "en", configuration=SHOP) == explain(routed, "fr", configuration=SHOP) == en


def test_without_a_configuration_things_are_called_by_their_names() -> None:
    routed = route("no_wifi", "zh", {}, SHOP, MORNING)
    assert explain(routed, "en").startswith("no_wifi goes to group network; li has")


def test_what_a_newer_server_says_is_passed_over() -> None:
    assert explain(Routed("network", "li", {"rule": "drawn_by_lot"}), "en") == ""
    assert explain(Routed("network", None, {}), "zh") == ""
    assert explain(Routed("network", "li", {"user_by": "load"}), "en") == ""
    assert explain(Routed("network", None, {"next_opening": 0, "zone": "Moon/Crater"}), "en") == ""


def fields(text: str) -> set[str]:
    """What a text has places for."""
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


def test_every_text_is_in_both_languages_and_says_the_same_things() -> None:
    for name, labels in TEXTS.items():
        said = {language: fields(text) for language, text in labels.items()}
        assert set(said) == {"zh", "en"}, name
        assert said["zh"] == said["en"], name
    assert all(set(names) == {"zh", "en"} for names in LANGUAGES.values())
    assert [len(names) for names in (*WEEKDAYS.values(), MONTHS)] == [7, 7, 12]


VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20)
NAMES = st.sampled_from(
    ["rule", "group_by", "user_by", "is_understood", "issue_type", "language", "load", "next_opening"]
)


@given(
    st.dictionaries(NAMES | st.sampled_from(["zone", "members", "on_shift"]), VALUES), st.sampled_from(["zh", "en", ""])
)
def test_no_record_is_an_error(because: dict[str, str | int | bool], language: str) -> None:
    assert isinstance(explain(Routed("network", None, because), language, configuration=SHOP), str)


@pytest.mark.parametrize("now", [MORNING, SATURDAY])
@pytest.mark.parametrize("issue_type", ["no_wifi", None])
@pytest.mark.parametrize("language", ["zh", "en", "fr", None])
def test_whatever_routing_says_has_words(issue_type: str | None, language: str | None, now: int) -> None:
    routed = route(issue_type, language, {}, SHOP, now)
    for reader in ("zh", "en"):
        told = explain(routed, reader, configuration=SHOP)
        assert "{" not in told
        assert "None" not in told
        assert len(told.split("；" if reader == "zh" else "; ")) >= 2
