"""The examples of `docs/guide.md` for the REST interface, sent to a real server as they stand there."""

import re
import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest
from support.checkout import ROOT
from support.server import ServerProcess

SECTION = re.compile(r"^### Examples\n(.*?)^### ", re.MULTILINE | re.DOTALL)
USER = re.compile(r'^    (\w+)="Authorization: Bearer \$\(.*--user (\w+) --role (\w+).*\)"$', re.MULTILINE)
REQUEST = re.compile(r"^    (curl .*)$", re.MULTILINE)


class Request(NamedTuple):
    """What a command of curl sends: with options that stand in the guide."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None


def read(command: str, tokens: dict[str, str]) -> Request:
    """The request of a command, with the guide's variables in their places."""
    variables = {"JSON": "Content-Type: application/json", "HERE": ""}
    variables |= {name: f"Authorization: Bearer {token}" for name, token in tokens.items()}
    for name, value in variables.items():
        command = command.replace(f"${name}", value)
    words = iter(shlex.split(command)[1:])
    method, path, headers, body = "", "", dict[str, str](), None
    for word in words:
        match word:
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-X":
                method = next(words)
            case "-d":
                body = next(words)
            case _:
                assert not path, command
                path = word
    return Request(method or ("GET" if body is None else "POST"), path, headers, body)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("guide") / "data", "--durability", "normal") as started:
        yield started


def test_every_example_is_answered_as_the_guide_says(server: ServerProcess) -> None:
    found = SECTION.search((ROOT / "docs/guide.md").read_text(encoding="utf-8"))
    assert found is not None
    section = found[1].replace("\\\n", " ")
    tokens = {name: server.token(user, role) for name, user, role in USER.findall(section)}
    assert set(tokens) == {"MEI", "ANNA"}
    commands = REQUEST.findall(section)
    answers: list[Any] = []
    with httpx.Client(base_url=server.http, timeout=30) as client:
        for command in commands:
            request = read(command, tokens)
            answer = client.request(request.method, request.path, headers=request.headers, content=request.body)
            assert answer.is_success, (command, answer.text)
            answers.append(answer.json())
            if "messages" in request.path and request.body is not None:
                again = client.request(request.method, request.path, headers=request.headers, content=request.body)
                assert (again.status_code, again.json()) == (200, answer.json())
    assert len(commands) == 15
    made, said, page, extraction, ticket, claimed, written, staffs, public, events, inbox, tickets, hits, *_ = answers
    assert made["id"] == "wifi"
    assert said["id"] in {message["id"] for message in page["messages"]}
    assert extraction["issue_type"]["message"] == said["id"]
    assert (ticket["fields"]["error_code"]["value"], ticket["fields"]["serial"]["value"]) == ("E-1234", "SN1234567")
    assert (claimed["assignee"], claimed["number"]) == ("mei", ticket["number"])
    assert [event["type"] for event in written["events"]] == ["status", "note"]
    assert (staffs["status"], len(staffs["notes"])) == ("in_progress", 1)
    assert "antenna" not in str(public)
    assert events["events"][0]["type"] == "opened"
    assert [row["conversation"] for row in inbox["rows"]] == ["wifi"]
    assert [row["id"] for row in tickets["tickets"]] == ["wifi-ticket"]
    assert {hit["kind"] for hit in hits["hits"]} == {"message", "ticket"}
