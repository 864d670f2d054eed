"""`syncline.toml`: what it says and what is shipped besides; and everything wrong with it, each thing on its line."""

import re
from pathlib import Path
from textwrap import dedent

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.checkout import ROOT
from support.configuration import FILE, configured
from syncline_protocol.documents.ticket_records import Priority
from syncline_protocol.extraction import Rules
from syncline_server.domain.calendars import DAY_MS, HOUR_MS
from syncline_server.domain.configuration_file import TABLES, read_file, read_text, shipped
from syncline_server.domain.problems import ConfigurationError, Problem
from syncline_server.domain.routing import expected_by


def problems(text: str) -> list[str]:
    """What is wrong with a text, without the file's name."""
    with pytest.raises(ConfigurationError) as caught:
        read_text(dedent(text), file=FILE)
    assert {problem.file for problem in caught.value.problems} == {FILE}
    return [str(problem).removeprefix(f"{FILE}:").strip() for problem in caught.value.problems]


def problem(text: str) -> str:
    """The one thing that is wrong with a text."""
    [one] = problems(text)
    return one


# --- what is shipped


def test_without_a_file_everything_is_there() -> None:
    this = shipped()
    assert this == configured("")
    assert this.issue_types
    assert list(this.priorities) == list(Priority)
    assert this.group_otherwise == "service"
    assert this.ticket.close_after == 7 * DAY_MS
    labels = [group.labels for group in this.groups.values()] + [one.labels for one in this.issue_types.values()]
    assert all(set(one) >= {"zh", "en"} for one in labels)


def test_every_shipped_issue_type_has_a_group_that_is_there() -> None:
    this = shipped()
    assert {name: rule.group for name in this.issue_types if (rule := this.rules.issue_type(name))} == {
        name: one.groups[0] for name, one in this.issue_types.items()
    }
    assert {group for one in this.issue_types.values() for group in one.groups} <= set(this.groups)


def test_what_is_more_urgent_is_solved_sooner() -> None:
    dues = [expected_by(priority, 0, shipped(), group=None) for priority in reversed(Priority)]
    assert dues == sorted(dues, key=lambda due: due or 0)
    assert None not in dues


# --- what a file says


def test_the_groups_of_a_file_are_the_groups() -> None:
    this = configured("""
        [[group]]
        name = "network"
        members = ["li"]
        [[group]]
        name = "rest"
    """)
    assert list(this.groups) == ["network", "rest"]
    assert this.groups["network"].labels == shipped().groups["network"].labels
    assert this.group_otherwise == "network"


def test_a_shipped_issue_type_without_its_group_goes_where_everything_else_goes() -> None:
    this = configured('[[group]]\nname = "network"')
    assert this.issue_types["networkfault"].groups == ("network",)
    assert {name for name, one in this.issue_types.items() if one.groups} == {"networkfault"}


def test_issue_types_are_added_to_the_shipped_ones_or_change_them() -> None:
    this = configured("""
        [[issue_type]]
        name = "networkfault"
        priority = "high"
        group = ["network", "service"]

        [[issue_type]]
        name = "lease"
        label = { zh = "租赁", en = "Lease" }
        required = ["customer"]
        terms = [{ weight = 3, en = ["lease"] }]
    """)
    assert list(this.issue_types) == [*shipped().issue_types, "lease"]
    changed, before = this.issue_types["networkfault"], shipped().issue_types["networkfault"]
    assert (changed.priority, changed.groups) == (Priority.HIGH, ("network", "service"))
    assert (changed.labels, changed.required) == (before.labels, before.required)
    assert [one.name for one in this.rules.issue_types] == list(this.issue_types)
    added = this.rules.issue_type("lease")
    assert added is not None
    assert (added.required, len(added.terms)) == (("customer",), 1)


def test_a_device_can_read_the_rules_from_the_same_tables() -> None:
    this = configured("""
        [extraction]
        least = 7
        [[issue_type]]
        name = "lease"
        group = ["sales", "service"]
        priority = "high"
    """)
    tables = msgspec.json.decode(msgspec.json.encode(this.rule_tables))
    there = Rules.read(tables)
    assert there.least == this.rules.least == 7
    assert [(one.name, one.group) for one in there.issue_types] == [("lease", "sales")]
    assert shipped().rule_tables == {"issue_type": [], "extraction": {}}


def test_a_file_may_have_issue_types_of_its_own_only() -> None:
    this = configured("""
        [extraction]
        only_own = true
        otherwise = "other"
        [[issue_type]]
        name = "other"
    """)
    assert list(this.issue_types) == [one.name for one in this.rules.issue_types] == ["other"]


def test_priorities_are_changed_one_by_one() -> None:
    this = configured("""
        [[priority]]
        name = "high"
        resolve_within = "4h"
        [[priority]]
        name = "urgent"
        respond_within = "1h"
        resolve_within = "2d"
        time = "calendar"
    """)
    assert list(this.priorities) == list(Priority)
    high, normal = this.priorities["high"], this.priorities["normal"]
    assert (high.respond_within, high.resolve_within) == (2 * HOUR_MS, 4 * HOUR_MS)
    assert normal == shipped().priorities["normal"]
    assert this.priorities["urgent"].resolve_within == 2 * DAY_MS


def test_labels_and_extractor_and_server() -> None:
    this = configured("""
        [server]
        port = "8701"
        [labels]
        resolved = { zh = "已修好" }
        [extractor]
        url = "http://127.0.0.1:9000/extract"
    """)
    assert this.labels == {"resolved": {"zh": "已修好"}}
    assert this.extractor is not None
    assert (this.extractor.timeout, this.extractor.token) == (2_000, None)
    assert shipped().extractor is None


def test_always_is_a_calendar_that_can_be_named() -> None:
    this = configured('[[group]]\nname = "a"\ncalendar = "always"')
    assert this.calendar_of("a").name == "always"


# --- what is wrong with it


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[[group]]\nname = "a"\ncalendar = "alwys"',
            '3: group[1].calendar: there is no calendar "alwys"; did you mean "always"?',
        ),
        (
            '[[group]]\nname = "a"\nmembers = ["li", "mei", "li"]',
            '3: group[1].members[3]: "li" stands here twice; write it once',
        ),
        (
            '[[group]]\nname = "a"\n[[group]]\nname = "a"',
            '4: group[2].name: "a" is there already, on line 2; give it another name',
        ),
        ("group = []", "1: group: there is no group; write [[group]] and its name below"),
        ('[group]\nname = "a"', "1: group: not an array of tables; write [[group]] above each table"),
        (
            '[[issue_type]]\nname = "a"\ngroup = "netwrok"',
            '3: issue_type[1].group: there is no group "netwrok"; did you mean "network"?',
        ),
        (
            '[[issue_type]]\nname = "a"\ngroup = [\n  "network",\n  "repiar",\n]',
            '5: issue_type[1].group[2]: there is no group "repiar"; did you mean "repair"?',
        ),
        (
            '[[issue_type]]\nname = "a"\nrequired = ["x", "x"]',
            '3: issue_type[1].required[2]: "x" stands here twice; write it once',
        ),
        (
            '[[issue_type]]\nname = "a"\npriorty = "high"',
            '3: issue_type[1].priorty: there is no such key; did you mean "priority"?',
        ),
        ('[[shift]]\ncalendar = "always"', "1: shift[1]: names no user and no group; write one of them"),
        (
            '[[shift]]\nuser = "li"\ngroup = "network"\ncalendar = "always"',
            "1: shift[1]: names both a user and a group; write one of them",
        ),
        (
            '[[shift]]\ngroup = "netwrok"\ncalendar = "always"',
            '2: shift[1].group: there is no group "netwrok"; did you mean "network"?',
        ),
        (
            '[[shift]]\nuser = "li"\ncalendar = "office"',
            '3: shift[1].calendar: there is no calendar "office"; there is "always"',
        ),
        (
            '[[priority]]\nname = "low"\nresolve_within = "5d"',
            '3: priority[1].resolve_within: a day is no length of business time; write hours, or time = "calendar"',
        ),
        (
            '[[priority]]\nname = "low"\nrespond_within = "2h"\nresolve_within = "1h"',
            "3: priority[1].respond_within: 2h is longer than resolve_within; an answer comes first",
        ),
        ('[[priority]]\nname = "lowest"', '2: priority[1].name: "lowest" is no choice here; did you mean "low"?'),
        (
            '[labels]\nresolvd = { en = "x" }',
            '2: labels.resolvd: no status that a customer is shown; did you mean "resolved"?',
        ),
        (
            '[labels.resolved]\nenglish_ = "Done"',
            '2: labels.resolved.english_: "english_" cannot stand here; write a language tag, such as "zh" or "en"',
        ),
        ("labels = 3", "1: labels: not a table; write [labels] above it"),
        ('[ticket]\ngroup = "servce"', '2: ticket.group: there is no group "servce"; did you mean "service"?'),
        ('[ticket]\ncalendar = "office"', '2: ticket.calendar: there is no calendar "office"; there is "always"'),
        (
            '[ticket]\nshow_responsible = "alais"',
            '2: ticket.show_responsible: "alais" is no choice here; did you mean "alias"?',
        ),
        (
            '[extractor]\nurl = "127.0.0.1"',
            '2: extractor.url: "127.0.0.1" cannot stand here; write an address, such as "http://127.0.0.1:9000/extract"',
        ),
        (
            '[extractor]\ntimeout = "2s"',
            '1: extractor.url: is missing; write an address, such as "http://127.0.0.1:9000/extract"',
        ),
        ("[server]\nprot = 8700", '2: server.prot: there is no such key; did you mean "port"?'),
        ("[server]\nport = 70000", "2: server.port: 70000 cannot stand here; expected `int` <= 65535"),
        ('[calender]\nzone = "UTC"', '1: calender: there is no such key; did you mean "calendar"?'),
        ("[[group]\n", "1: not TOML: Expected ']]' at the end of an array declaration; see https://toml.io"),
        ('a = "b', "1: not TOML: Unterminated string; see https://toml.io"),
        ("a = 1\na = 2", "2: not TOML: Cannot overwrite a value; see https://toml.io"),
    ],
)
def test_each_mistake_has_its_line_and_says_what_would_be_right(text: str, told: str) -> None:
    assert problem(text) == told


def test_a_status_that_customers_never_read_has_no_label_for_them() -> None:
    told = problem("[labels]\nawaiting_internal = { zh = '等配件' }")
    assert told.startswith("2: labels.awaiting_internal: no status that a customer is shown; ")


def test_all_mistakes_are_told_at_once() -> None:
    told = problems("""\
        [[group]]
        name = "Network"
        calendar = "nigth"
        [[calendar]]
        name = "night"
        zone = "Asia/Shangai"
        daily = ["09:00-12:00", "11:00-13:00"]
        [[issue_type]]
        name = "w"
        group = "sofware"
        priority = "hihg"
        [[shift]]
        user = 3
        calendar = "nihgt"
        [[priority]]
        name = "low"
        respond_within = "2d"
        resolve_within = "4 h"
        [ticket]
        group = "x"
        close_after = "soon"
        [extractor]
        [colour]
    """)
    assert [" ".join(one.split(": ")[:2]) for one in told] == [
        "2 group[1].name",
        "3 group[1].calendar",
        "6 calendar[1].zone",
        "7 calendar[1].daily",
        "10 issue_type[1].group",
        "11 issue_type[1].priority",
        "13 shift[1].user",
        "14 shift[1].calendar",
        "17 priority[1].respond_within",
        "18 priority[1].resolve_within",
        "20 ticket.group",
        "21 ticket.close_after",
        "22 extractor.url",
        "23 colour",
    ]


def test_what_the_rules_for_extraction_find_has_its_line_too() -> None:
    told = problem("""\
        [[issue_type]]
        name = "a"
        terms = [
          { weight = 1, en = ["fine"] },
          { weight = 99, en = ["heavy"] },
        ]
    """)
    assert told.startswith("5: issue_type[1].terms[2].weight: ")
    assert problem("[extraction]\nleest = 3").startswith("2: extraction.leest: ")


def test_devices_are_given_the_tables_that_the_rules_are_read_from() -> None:
    this = read_text('[[issue_type]]\nname = "lease"\npriority = "high"\nlabel = { en = "Lease" }\n', file="x.toml")
    assert this.rule_tables == {"issue_type": [{"name": "lease", "label": {"en": "Lease"}}], "extraction": {}}
    assert Rules.read(this.rule_tables).issue_type("lease") is not None
    assert shipped().rule_tables == {"issue_type": [], "extraction": {}}


def test_what_was_told_is_not_told_again_by_the_rules() -> None:
    assert len(problems('[[issue_type]]\nname = "Wrong Name"')) == 1
    assert len(problems('[[issue_type]]\nlabel = "none"\nname = "a"')) == 1


def test_a_name_that_is_wrong_is_still_there_to_be_referred_to() -> None:
    assert len(problems('[[group]]\nname = "a"\nlanguages = 3\n[[issue_type]]\nname = "b"\ngroup = "a"')) == 1


# --- files


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text('[[group]]\nname = "网络"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=re.escape(f"{path}:2: group[1].name: ")):
        read_file(path)
    path.write_text('[[group]]\nname = "network"\nlabel = { zh = "网络" }\n', encoding="utf-8")
    assert read_file(path).groups["network"].labels == {"zh": "网络"}


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml: cannot be read \(No such file"):
        read_file(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'a = "\xe9"')
    with pytest.raises(ConfigurationError, match=r"latin\.toml: is not UTF-8 at byte 5"):
        read_file(tmp_path / "latin.toml")


# --- the pages


def example() -> str:
    """The example in the guide."""
    page = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
    section = page.partition("## The domain's configuration\n")[2].partition("\n## ")[0]
    [found] = re.findall(r"^```toml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_example_in_the_guide_is_right_and_shows_every_table() -> None:
    this = configured(example())
    assert set(re.findall(r"^\[+(\w+)", example(), re.MULTILINE)) == set(TABLES)
    assert this.extractor is not None
    assert this.shifts
    assert this.labels
    assert this.rules != shipped().rules


def test_the_sample_is_right_and_knows_who_speaks_in_the_dialogues() -> None:
    this = read_file(ROOT / "samples/syncline.toml")
    dialogues = (ROOT / "samples/dialogues.json").read_text(encoding="utf-8")
    agents = set(re.findall(r'"([^"]+)": "agent"', dialogues))
    assert agents
    assert agents <= {user for group in this.groups.values() for user in group.members}
    assert all(one.groups for one in this.issue_types.values())


# --- whatever is written

BLOCKS = [block for block in example().split("\n\n") if not block.startswith(("[[issue_type]]", "[extraction]"))]
"""The guide's tables, but for those of which every pattern is compiled each time."""

VALUES = st.sampled_from([
    "1", "-1", "1.5", "nan", "true", '"x"', '""', '"\\u0000"', '"4h"', "[]", "{}", "[1]", "[[]]", "[{}]", "{ a = 1 }",
    '["x", "x"]', '["09:00-12:00"]', "2026-01-01", "10:00:00", '{ 2026-01-01 = ["9"] }', "99999999999999999999",
])  # fmt: skip
TABLES_WRITTEN = st.sampled_from(["[group]", "[[ticket]]", "[labels.x]", "[[shift.x]]", "[priority]", "[calendar]"])


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """The example with a few lines that say something else, are gone, or are there twice."""
    rows = "\n\n".join(BLOCKS).split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(rows) - 1))
        key, is_pair, _ = rows[at].partition("=")
        match draw(st.sampled_from(["value", "value", "value", "gone", "twice", "table"])):
            case "value" if is_pair and not key.startswith("["):
                rows[at] = f"{key}= {draw(VALUES)}"
            case "table" if rows[at].startswith("["):
                rows[at] = draw(TABLES_WRITTEN)
            case "twice":
                rows.insert(at, rows[at])
            case _:
                del rows[at]
    return "\n".join(rows)


@given(damaged())
def test_whatever_is_written_is_read_or_told_with_its_line(text: str) -> None:
    told: tuple[Problem, ...] = ()
    try:
        read_text(text, file=FILE)
    except ConfigurationError as error:
        told = error.problems
    assert [one for one in told if one.line is None or not 1 <= one.line <= text.count("\n") + 1] == []
