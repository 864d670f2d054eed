"""The configuration that devices of the staff keep."""

from pathlib import Path

from support.rest import problem
from support.running import Running, running
from syncline_protocol.documents.ticket_records import TicketStatus
from syncline_protocol.extraction import Rules

OWN = """
[[group]]
name = "antennas"
members = ["mei"]

[[issue_type]]
name = "antenna"
label = { en = "Antenna" }
group = "antennas"
required = ["height"]
priority = "high"

[labels.new]
en = "We have it"
"""


async def test_it_says_what_the_staff_needs(server: Running) -> None:
    async with server.rest() as mei:
        shown = (await mei.get("/v1/configuration")).json()
    assert {one["name"] for one in shown["statuses"]} == set(TicketStatus)
    assert [one["name"] for one in shown["priorities"]] == ["low", "normal", "high", "urgent"]
    assert all(one["labels"]["zh"] and one["labels"]["en"] for one in shown["statuses"] + shown["priorities"])
    groups = {one["name"] for one in shown["groups"]}
    assert all(set(one["groups"]) <= groups for one in shown["issue_types"])


async def test_it_is_the_tenants(tmp_path: Path) -> None:
    file = tmp_path / "syncline.toml"
    file.write_text(OWN, encoding="utf-8")
    async with running(tmp_path / "data", configuration=file) as server, server.rest() as mei:
        shown = (await mei.get("/v1/configuration")).json()
    assert [(one["name"], one["members"]) for one in shown["groups"]] == [("antennas", ["mei"])]
    antenna = next(one for one in shown["issue_types"] if one["name"] == "antenna")
    assert (antenna["groups"], antenna["required"], antenna["priority"]) == (["antennas"], ["height"], "high")
    new = next(one for one in shown["statuses"] if one["name"] == "new")
    assert (new["public"], new["public_labels"]) == ("new", {"zh": "待受理", "en": "We have it"})
    rules = Rules.read(shown)
    known = rules.issue_type("antenna")
    assert known is not None
    assert known.required == ("height",)


async def test_it_is_sent_once(server: Running) -> None:
    async with server.rest() as mei:
        first = await mei.get("/v1/configuration")
        tag = first.headers["etag"]
        for condition in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            again = await mei.get("/v1/configuration", headers={"If-None-Match": condition})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        other = await mei.get("/v1/configuration", headers={"If-None-Match": '"x"'})
        assert (other.status_code, other.content) == (200, first.content)


async def test_it_is_the_staffs(server: Running) -> None:
    async with server.rest("cus", "customer") as cus, server.rest("aud", "auditor") as aud:
        problem(await cus.get("/v1/configuration"), 403, "forbidden")
        assert (await aud.get("/v1/configuration")).status_code == 200
