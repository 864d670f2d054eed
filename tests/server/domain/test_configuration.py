"""The configuration's own answers: lengths of time, who belongs where, when somebody works, what a customer reads."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.configuration import configured
from syncline_server.domain.calendars import ALWAYS, HOUR_MS
from syncline_server.domain.configuration import DURATION_MS_MAX, Group, IssueType, Milliseconds, primary

SHOP = configured("""
[[group]]
name = "network"
label = { zh = "网络", en = "Network" }
members = ["li", "mei"]
calendar = "office"

[[group]]
name = "repair"
members = ["mei", "tom"]

[[calendar]]
name = "office"
zone = "Asia/Shanghai"
weekdays = ["09:00-18:00"]

[[calendar]]
name = "night"
zone = "Asia/Shanghai"
daily = ["00:00-06:00", "22:00-24:00"]

[[shift]]
user = "li"
calendar = "night"

[[shift]]
group = "repair"
calendar = "office"
[[shift]]
group = "repair"
calendar = "night"
""")


@pytest.mark.parametrize(
    ("text", "length_ms"),
    [("30m", 1_800_000), ("4h", 14_400_000), ("1h30m", 5_400_000), ("7d", 604_800_000), ("1d2h3m4s", 93_784_000)],
)
def test_lengths_of_time(text: str, length_ms: int) -> None:
    assert Milliseconds.read(text) == length_ms


@pytest.mark.parametrize("text", ["", "4", "4 h", "h", "30m1h", "-4h", "1.5h", 4, None, "4H", "0m", "367d", "9999999s"])
def test_what_is_no_length_of_time(text: object) -> None:
    with pytest.raises(ValueError, match=r"no length of time|not between"):
        Milliseconds.read(text)


@given(st.integers(1, DURATION_MS_MAX // 1000))
def test_lengths_are_written_as_they_are_read(seconds: int) -> None:
    length = Milliseconds(seconds * 1000)
    assert Milliseconds.read(str(length)) == length


def test_groups_of_somebody() -> None:
    assert SHOP.groups_of("mei") == {"network", "repair"}
    assert SHOP.groups_of("li") == {"network"}
    assert SHOP.groups_of("nobody") == frozenset()


def test_a_group_without_a_calendar_has_the_one_for_everything_else() -> None:
    assert SHOP.calendar_of("network").name == "office"
    assert SHOP.calendar_of("repair") == SHOP.calendar_of(None) == SHOP.calendar_of("unknown") == ALWAYS
    ticket = msgspec.structs.replace(SHOP.ticket, calendar="night")
    assert msgspec.structs.replace(SHOP, ticket=ticket).calendar_of("repair").name == "night"


def test_own_shifts_weigh_more_than_the_groups_and_those_more_than_its_calendar() -> None:
    def names(user: str, group: str) -> list[str]:
        return [calendar.name for calendar in SHOP.calendars_of(user, group)]

    assert names("li", "network") == ["night"]
    assert names("mei", "network") == ["office"]
    assert names("mei", "repair") == ["office", "night"]
    assert names("guest", "unknown") == ["always"]


def test_what_nobody_is_named_for_goes_to_the_first_group_or_the_one_named_for_it() -> None:
    assert SHOP.group_otherwise == "network"
    ticket = msgspec.structs.replace(SHOP.ticket, group="repair")
    assert msgspec.structs.replace(SHOP, ticket=ticket).group_otherwise == "repair"


@pytest.mark.parametrize(
    ("show", "shown"),
    [("name", ["Li Wei", "mei"]), ("alias", ["工程师01", None]), ("nothing", [None, None])],
)
def test_a_customer_reads_what_the_tenant_lets_them(show: str, shown: list[str | None]) -> None:
    this = configured(f"""
        [ticket]
        show_responsible = "{show}"
        [ticket.aliases]
        li = "工程师01"
    """)
    assert [this.shown_name("li", "Li Wei"), this.shown_name("mei")] == shown


def test_a_group_that_names_no_language_speaks_all() -> None:
    assert Group(name="a").speaks("fr")
    assert Group(name="a", languages=("zh",)).speaks(None)


def test_varieties_of_a_language_are_understood() -> None:
    chinese = Group(name="a", languages=("zh-Hans", "ug"))
    assert [chinese.speaks(language) for language in ("zh", "ZH-Hant", "ug", "en", "zha")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert primary("zh-Hant-HK") == "zh"


def test_an_issue_type_has_one_group_or_several_or_none() -> None:
    assert IssueType(name="a", group="network").groups == ("network",)
    assert IssueType(name="a", group=("network", "repair")).groups == ("network", "repair")
    assert IssueType(name="a").groups == ()


def test_nothing_of_it_changes() -> None:
    with pytest.raises(AttributeError):
        SHOP.groups = {}  # type: ignore[misc]
    assert SHOP.priorities["high"].resolve_within == 16 * HOUR_MS
