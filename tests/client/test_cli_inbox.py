"""`syncline inbox` and `syncline search`, as a person runs them, against the real server."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from client.conftest import new_conversation
from client.test_cli import NOWHERE, Ran, run
from support.server import ServerProcess
from syncline_client.cli_inbox import app
from syncline_client.terminal import NOT_DONE
from typer.testing import CliRunner

WAIT_S = 60.0


def by(server: ServerProcess, *arguments: str | Path, user: str = "mei") -> Ran:
    return run(*arguments, "--url", server.url, token=server.token(user))


def say(server: ServerProcess, conversation: str, text: str) -> None:
    token = server.token("li", "customer")
    assert run("say", conversation, text, "--url", server.url, token=token).returncode == 0


def test_the_inbox_is_listed(server: ServerProcess) -> None:
    conversation = new_conversation(server, subject="屏幕不亮")
    say(server, conversation, "屏幕一直是黑的")
    shown = by(server, "inbox", "--lang", "zh")
    assert shown.returncode == 0, shown.stderr
    assert "屏幕不亮" in shown.stdout
    rows = json.loads(by(server, "inbox", "--view", "unread", "--json").stdout)["rows"]
    row = next(row for row in rows if row["conversation"] == conversation)
    assert (row["unread"], row["last"]["text"], row["customer"]) == (1, "屏幕一直是黑的", "li")
    assert by(server, "inbox", "--status", "cancelled", "--lang", "en").stdout.strip() == "nothing here"
    new_conversation(server)
    assert "there is more: raise --limit" in by(server, "inbox", "--limit", "1", "--lang", "en").stdout


def test_watching_shows_what_changes(server: ServerProcess) -> None:
    conversation = new_conversation(server, subject="没有声音")
    command = [sys.executable, "-c", "from syncline_client.cli import app; app()", "inbox", "--watch", "--json"]
    environment = {**os.environ, "SYNCLINE_TOKEN": server.token("mei"), "SYNCLINE_URL": server.url}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as watching:
        assert watching.stdout is not None
        guard = threading.Timer(WAIT_S, watching.kill)
        guard.start()
        first = json.loads(watching.stdout.readline())
        assert conversation in [row["conversation"] for row in first["rows"]]
        say(server, conversation, "喇叭没有声音")
        texts: list[str] = []
        while "喇叭没有声音" not in texts:
            change = json.loads(watching.stdout.readline())
            texts += [row["last"]["text"] for row in change["rows"] if row["conversation"] == conversation]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(WAIT_S) == 0
        guard.cancel()


def test_without_a_server_the_inbox_is_as_it_was(server: ServerProcess, tmp_path: Path) -> None:
    store = tmp_path / "desk.db"
    conversation = new_conversation(server, subject="充不进电")
    assert by(server, "say", conversation, "换根线试试", "--store", store).returncode == 0
    assert by(server, "inbox", "--store", store).returncode == 0
    offline = ("--url", NOWHERE, "--store", store, "--lang", "en")
    shown = run("inbox", *offline, token=server.token("mei"))
    assert shown.returncode == 0, shown.stderr
    assert "offline; as of" in shown.stdout
    assert "充不进电" in shown.stdout, "the words are in the documents on the device"
    other = run("inbox", "--view", "mine", *offline, token=server.token("mei"))
    assert (other.returncode, f"no server at {NOWHERE}" in other.stderr) == (NOT_DONE, True)


def test_messages_are_found(server: ServerProcess) -> None:
    conversation = new_conversation(server)
    say(server, conversation, "我家在上海东边，订单号 A20261127")
    found = by(server, "search", "上海", "--lang", "zh")
    assert found.returncode == 0, found.stderr
    assert "我家在上海东边" in found.stdout
    hits = json.loads(by(server, "search", "上海", "A20261127", "--conversation", conversation, "--json").stdout)[
        "hits"
    ]
    assert [(hit["kind"], hit["conversation"]) for hit in hits] == [("message", conversation)]
    none = by(server, "search", "重庆火锅", "--lang", "zh")
    assert (none.returncode, none.stderr.strip()) == (NOT_DONE, "没有")
    empty = by(server, "search", "重庆火锅", "--json")
    assert (empty.returncode, json.loads(empty.stdout)) == (NOT_DONE, {"hits": []})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inbox", "--view", "nonsense"], "nonsense"),
        (["search", "x", "--kind", "nonsense"], "nonsense"),
    ],
)
def test_what_the_server_does_not_answer_is_said(server: ServerProcess, arguments: list[str], message: str) -> None:
    came = by(server, *arguments)
    assert (came.returncode, message in came.stderr) == (NOT_DONE, True), came
    assert "Traceback" not in came.stderr


def test_every_command_has_help_with_an_example() -> None:
    for name in ("inbox", "search"):
        result = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"})
        assert result.exit_code == 0
        assert f"Example: syncline {name}" in result.output
