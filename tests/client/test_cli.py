"""The commands, as a person runs them, against the real server."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from client.conftest import new_conversation
from support.checkout import ROOT
from support.server import ServerProcess
from syncline_client.cli import app
from syncline_client.terminal import ASKED_WRONGLY, NOT_ACCEPTED, NOT_DONE
from typer.testing import CliRunner

WAIT_S = 20.0
NOWHERE = "http://127.0.0.1:1"


class Ran(NamedTuple):
    """What came of a command."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str | Path, token: str = "", keyboard: str = "") -> Ran:
    """Run one command, with what is typed meanwhile."""
    result = CliRunner().invoke(app, [str(one) for one in arguments], input=keyboard, env={"SYNCLINE_TOKEN": token})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def test_something_is_said_and_read(server: ServerProcess, tmp_path: Path) -> None:
    id_ = new_conversation(server)
    said = run("say", id_, "我马上看看", "--url", server.url, token=server.token("mei"))
    assert (said.returncode, said.stderr) == (0, "")
    assert len(said.stdout.strip()) == 36, "the message's id"
    chat = run(
        "chat",
        id_,
        "--url",
        server.url,
        "--store",
        tmp_path / "phone.db",
        token=server.token("li", "customer"),
        keyboard="谢谢\n",
    )
    assert chat.returncode == 0
    assert "平板连不上网" in chat.stdout
    assert "mei 我马上看看" in chat.stdout
    assert "li 谢谢" in chat.stdout
    status = run("status", "--store", tmp_path / "phone.db")
    assert (status.returncode, "everything synced" in status.stdout) == (0, True)
    doctor = run("doctor", "--store", tmp_path / "phone.db", "--url", server.url, token=server.token("li", "customer"))
    assert (doctor.returncode, "3 documents compared: none differs" in doctor.stdout) == (0, True)


def test_offline_it_is_stored_and_sent_the_next_time(server: ServerProcess, tmp_path: Path) -> None:
    id_, store, token = new_conversation(server), tmp_path / "phone.db", server.token("li", "customer")
    assert run("say", id_, "one", "--url", server.url, "--store", store, token=token).returncode == 0
    offline = run("say", id_, "two", "--url", NOWHERE, "--store", store, "--wait", "1", token=token)
    assert offline.returncode == NOT_ACCEPTED
    assert "no server at ws://127.0.0.1:1" in offline.stderr
    assert "1 edit not yet accepted" in offline.stderr
    status = run("status", "--store", store)
    assert (status.returncode, "1 waiting, 0 refused" in status.stdout) == (NOT_DONE, True)
    assert run("say", id_, "three", "--url", server.url, "--store", store, token=token).returncode == 0
    chat = run("chat", id_, "--url", server.url, token=token, keyboard="/quit\n")
    assert [line.split()[-1] for line in chat.stdout.splitlines()[1:]] == ["one", "two", "three"]


def test_what_is_refused_is_said_with_the_reason(server: ServerProcess, tmp_path: Path) -> None:
    token = server.token("li", "customer")
    said = run("say", "not-mine", "hello", "--url", server.url, "--store", tmp_path / "s.db", token=token)
    assert said.returncode == NOT_DONE
    assert said.stderr.startswith("refused: ")
    status = run("status", "--store", tmp_path / "s.db")
    assert (status.returncode, "refused in conversation/not-mine/1" in status.stdout) == (NOT_DONE, True)


def test_watching_prints_what_happens(server: ServerProcess) -> None:
    id_ = new_conversation(server)
    name, token = f"conversation/{id_}/1", server.token("mei")
    command = [sys.executable, "-c", "from syncline_client.cli import app; app()", "watch", name, "--url", server.url]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "SYNCLINE_TOKEN": token}
    ) as watching:
        assert watching.stdout is not None
        guard = threading.Timer(WAIT_S, watching.kill)
        guard.start()
        texts: list[str] = []
        for number in range(2):
            assert run("say", id_, f"said {number}", "--url", server.url, token=server.token("wu")).returncode == 0
        while "said 1" not in texts:
            change = json.loads(watching.stdout.readline())
            assert change["document"] == name
            texts += [record["text"] for record in change.get("records", [])]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(WAIT_S) == 0
        guard.cancel()
    assert texts[-1] == "said 1"


def test_dialogues_are_loaded_with_the_servers_secret(server: ServerProcess) -> None:
    loaded = run(
        "load", ROOT / "samples" / "dialogues.json", "--url", server.http, "--data", server.data, "--limit", "3"
    )
    assert loaded.returncode == 0
    assert "in 3 conversations" in loaded.stdout
    assert "messages/s" in loaded.stdout


def test_dialogues_are_loaded_with_given_tokens(server: ServerProcess, tmp_path: Path) -> None:
    line = {
        "id": "by-token",
        "origin": "here",
        "language": "en",
        "subject": "greetings",
        "participants": {"li": "customer", "mei": "agent"},
        "messages": [{"by": "li", "text": "hi"}, {"by": "mei", "text": "hello"}],
    }
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps(line))
    li, mei = f"li={server.token('li', 'customer')}", f"mei={server.token('mei')}"
    loaded = run("load", path, "--url", server.url, "--as", li, "--as", mei)
    assert (loaded.returncode, loaded.stdout.startswith("2 messages in 1 conversations")) == (0, True)
    half = run("load", path, "--url", server.url, "--as", li)
    assert (half.returncode, "mei speaks in a dialogue and has no token" in half.stderr) == (NOT_DONE, True)


def test_a_document_that_differs_is_found_by_the_doctor(server: ServerProcess, tmp_path: Path) -> None:
    id_, store, token = new_conversation(server), tmp_path / "desk.db", server.token("mei")
    assert run("say", id_, "hello", "--url", server.url, "--store", store, token=token).returncode == 0
    forget_an_update(store, f"conversation/{id_}/1")
    doctor = run("doctor", "--store", store, "--url", server.url, token=token)
    assert doctor.returncode == NOT_DONE
    assert "1 of 2 documents differed from the server's and were loaded anew" in doctor.stderr
    assert run("doctor", "--store", store, "--url", server.url, token=token).returncode == 0


def forget_an_update(path: Path, name: str) -> None:
    """Damage a store: the content is gone, the cursor stays."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM updates WHERE name = ?", (name,))
        connection.commit()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["say", "c", "hi", "--url", NOWHERE], ASKED_WRONGLY, "no token: give --token or SYNCLINE_TOKEN"),
        (
            ["say", "c", "hi", "--url", NOWHERE, "--token", "t", "--wait", "0.5"],
            NOT_DONE,
            "no server at ws://127.0.0.1:1",
        ),
        (["say", "c", "hi", "--url", "nowhere", "--token", "t"], ASKED_WRONGLY, "'nowhere' is not a server's address"),
        (["status", "--store", "missing.db"], NOT_DONE, "there is no store at missing.db"),
        (["doctor", "--store", "missing.db", "--token", "t"], NOT_DONE, "there is no store at missing.db"),
        (["load", "missing.json", "--data", "."], ASKED_WRONGLY, "cannot read missing.json"),
        (["load", str(ROOT / "samples" / "dialogues.json")], ASKED_WRONGLY, "give --data"),
        (
            ["load", str(ROOT / "samples" / "dialogues.json"), "--data", "missing"],
            ASKED_WRONGLY,
            "no secret in missing",
        ),
        (["watch", "room/1", "--url", NOWHERE, "--token", "t"], ASKED_WRONGLY, "is not a document's name"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments: list[str], code: int, message: str) -> None:
    result = CliRunner().invoke(app, arguments, env={"SYNCLINE_TOKEN": "", "COLUMNS": "200"})
    assert (result.exit_code, message in result.output) == (code, True), result.output
    assert "Traceback" not in result.output


def test_a_stopped_device_says_why(server: ServerProcess) -> None:
    said = run("say", "c", "hi", "--url", server.url, token="nonsense")
    assert said.returncode == NOT_DONE
    assert "the token is not valid" in said.stderr


def test_every_command_has_help_with_an_example() -> None:
    for command in ("say", "chat", "watch", "load", "status", "doctor"):
        result = CliRunner().invoke(app, [command, "--help"])
        assert result.exit_code == 0
        assert f"Example: syncline {command}" in result.output
