"""The summary has a row for each thing that there is, and says what matters of it."""

from support.configuration import configured
from syncline_server.domain.configuration_file import shipped
from syncline_server.domain.summary import rows

SHOP = configured("""
[[group]]
name = "network"
members = ["li", "mei"]
languages = ["zh", "en"]
[[group]]
name = "repair"
calendar = "office"

[[issue_type]]
name = "networkfault"
group = ["network", "repair"]
priority = "high"
required = ["model", "serial"]

[[calendar]]
name = "office"
zone = "Asia/Shanghai"
weekdays = ["09:00-18:00"]
holidays = [2026-10-01]

[[shift]]
user = "li"
calendar = "office"
[[shift]]
group = "repair"
calendar = "office"

[[priority]]
name = "urgent"
respond_within = "90m"
resolve_within = "1d"
time = "calendar"

[labels]
resolved = { zh = "已修好", en = "Repaired" }

[ticket]
show_responsible = "nothing"
close_after = "3d"

[extractor]
url = "http://127.0.0.1:9000/extract"
timeout = "1s"
""")


def test_everything_has_its_row() -> None:
    told = {(kind, name): text for kind, name, text in rows(SHOP)}
    assert told["group", "network"] == "li, mei; speaks zh, en; calendar always"
    assert told["group", "repair"] == "no members but by token; calendar office"
    assert told["issue type", "networkfault"] == "to network, else repair; priority high; wants model, serial"
    assert told["issue type", "invoice"].startswith("to network (as everything else); priority normal; wants ")
    assert told["calendar", "office"] == "Asia/Shanghai; 1 special day"
    assert told["calendar", "always"] == "UTC"
    assert told["shift", "li"] == told["shift", "group repair"] == "office"
    assert told["priority", "urgent"] == "answered within 1h30m; solved within 24h; in calendar time"
    assert told["label", "resolved"] == "zh: 已修好; en: Repaired"
    assert told["ticket", ""] == "customers read nothing of who is on it; closes 72h after resolution"
    assert told["extractor", ""] == "http://127.0.0.1:9000/extract, waited for 1s"
    assert told["extraction", ""] == f"{len(SHOP.rules.fields)} fields; {len(SHOP.rules.products)} products"


def test_what_is_shipped_is_told_as_well() -> None:
    told = list(rows(shipped()))
    assert [name for kind, name, _ in told if kind == "group"] == list(shipped().groups)
    assert [name for kind, name, _ in told if kind == "issue type"] == list(shipped().issue_types)
    assert not [row for row in told if row[0] in {"shift", "label", "extractor"}]
    assert all(text for _, _, text in told)
