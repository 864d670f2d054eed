"""`syncline` as it is typed: what it prints, how it ends, and that what goes wrong is said in one line."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import typer
from support.checkout import ROOT
from support.server import ServerProcess
from syncline_protocol.documents.identity import Role
from syncline_server import cli
from syncline_server.auth import Authority, read_secret
from syncline_server.clock import now_ms
from typer.testing import CliRunner

STARTUP_FAILURE = 3
"""uvicorn's exit code when it cannot listen."""

NEW = {"subject": "wifi", "channel": "chat"}


def syncline(*arguments: str | Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "syncline_server", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "COLUMNS": "80", **(environment or {})},
    )


def typed(*arguments: str | Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The same within this process, for what ends before anything runs."""
    words = [str(word) for word in arguments]
    ended = CliRunner().invoke(cli.app, words, env=environment, catch_exceptions=False)
    return subprocess.CompletedProcess(words, ended.exit_code, ended.stdout, ended.stderr)


def failure(ended: subprocess.CompletedProcess[str], code: int) -> str:
    """What a command that ended with this code says, in one line and without a traceback."""
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    lines = [line for line in ended.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, ended.stderr
    return lines[0]


# --- help


@pytest.mark.parametrize("command", ["serve", "token", "compact", "rebuild", "check-config"])
def test_every_command_explains_itself(command: str) -> None:
    helped = CliRunner().invoke(cli.app, [command, "--help"])
    assert helped.exit_code == 0
    group = typer.main.get_command(cli.app)
    for parameter in group.commands[command].params:  # type: ignore[attr-defined] # an app with several commands is a group
        if parameter.name != "help":
            assert (parameter.opts[0] if parameter.opts[0].startswith("--") else parameter.name) in helped.output


def test_without_a_command_all_are_named() -> None:
    helped = CliRunner().invoke(cli.app, [])
    assert all(command in helped.output for command in ("serve", "token", "compact", "rebuild", "check-config"))


# --- token


def test_a_token_is_one_that_the_server_accepts(tmp_path: Path) -> None:
    arguments = [
        "--user",
        "mei",
        "--role",
        "agent",
        "--tenant",
        "acme",
        "--group",
        "wifi",
        "--group",
        "vip",
        "--ttl",
        "60",
    ]
    printed = CliRunner().invoke(cli.app, ["token", "--data", str(tmp_path / "data"), *arguments])
    assert printed.exit_code == 0
    grant = Authority(read_secret(tmp_path / "data")).check(printed.output.strip(), now_ms=now_ms())
    assert (grant.tenant, grant.user, grant.role, sorted(grant.groups)) == ("acme", "mei", Role.AGENT, ["vip", "wifi"])
    assert 50_000 < grant.expires_ms - now_ms() <= 60_000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--user", "mei", "--role", "king"], "king"),
        (["--user", "mei", "--role", "server"], "server"),
        (["--user", "", "--role", "agent"], "sub"),
        (["--user", "mei", "--role", "agent", "--tenant", ""], "tenant"),
    ],
)
def test_a_token_that_would_not_be_accepted_is_not_issued(tmp_path: Path, arguments: list[str], said: str) -> None:
    assert said in failure(typed("token", "--data", tmp_path / "data", *arguments), 2)


def test_a_token_lives_for_a_while(tmp_path: Path) -> None:
    arguments = ["token", "--data", str(tmp_path), "--user", "mei", "--role", "agent", "--ttl", "0"]
    assert CliRunner().invoke(cli.app, arguments).exit_code == 2


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    ended = typed("token", "--data", tmp_path / "file", "--user", "mei", "--role", "agent")
    assert "file" in failure(ended, 2)


# --- serve


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        (["--durability", "maybe"], {}, "durability"),
        (["--log-format", "xml"], {}, "log_format"),
        (["--config", "none.toml"], {}, "none.toml"),
        ([], {"SYNCLINE_PORT": "http"}, "port"),
        ([], {"SYNCLINE_UPDATES_PER_SECOND_DEVICE": "0"}, "updates_per_second_device"),
        (["--samples", "none.json"], {}, "none.json"),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, options: list[str], environment: dict[str, str], said: str) -> None:
    ended = typed("serve", "--data", tmp_path / "data", *options, environment=environment)
    assert said in failure(ended, 2)
    assert not (tmp_path / "data").exists()


def test_what_an_error_says_is_said_as_it_is(tmp_path: Path) -> None:
    """Brackets in it are no markup."""
    file = tmp_path / "x[bold]y.toml"
    file.write_text("server = 3\n")
    said = failure(typed("serve", "--data", tmp_path / "data", "--config", file), 2)
    assert str(file) in said
    assert "[server]" in said


def test_samples_that_are_none_are_refused_before_the_server_starts(tmp_path: Path) -> None:
    file = tmp_path / "samples.json"
    file.write_text("{}")
    assert "samples.json" in failure(typed("serve", "--data", tmp_path / "data", "--samples", file), 2)
    assert not (tmp_path / "data").exists()


def test_a_second_server_on_a_folder_says_so(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data"):
        said = failure(syncline("serve", "--data", tmp_path / "data", "--port", "0"), 1)
        assert str(tmp_path / "data") in said
        assert "another" in said
        assert str(tmp_path / "data") in failure(syncline("compact", "--data", tmp_path / "data"), 1)


def test_a_port_in_use_is_said_to_be(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = syncline("serve", "--data", tmp_path / "data", "--port", str(port))
    assert ended.returncode == STARTUP_FAILURE
    assert "Traceback" not in ended.stderr
    assert "address already in use" in ended.stderr
    assert str(port) in ended.stderr


def test_a_server_serves_with_its_settings_until_it_is_told_to_stop(tmp_path: Path) -> None:
    file = tmp_path / "syncline.toml"
    file.write_text('[server]\nlog_format = "json"\nconnections_max = 3\n')
    with ServerProcess(
        tmp_path / "data", "--config", str(file), environment={"SYNCLINE_DURABILITY": "normal"}
    ) as process:
        headers = {"Authorization": f"Bearer {process.token('mei')}"}
        assert httpx.post(f"{process.http}/v1/conversations", json=NEW, headers=headers).status_code == 201
        assert "server" not in httpx.get(f"{process.http}/healthz").headers
        process.terminate()
        lines = [json.loads(line) for line in process.log_path.read_text().splitlines()]
    events = {line["event"]: line for line in lines}
    assert events["server.started"]["durability"] == "normal"
    assert "server.stopped" in events
    assert all({"level", "timestamp"} <= line.keys() for line in lines)


def test_what_was_acknowledged_is_there_after_a_stop_and_after_a_crash(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as process:
        headers = {"Authorization": f"Bearer {process.token('mei')}"}
        for number in range(4):
            body = NEW | {"id": f"c{number}"}
            assert httpx.post(f"{process.http}/v1/conversations", json=body, headers=headers).status_code == 201
            if number % 2:
                process.terminate()
            else:
                process.kill()
            process.start()
            for before in range(number + 1):
                assert httpx.get(f"{process.http}/v1/conversations/c{before}", headers=headers).status_code == 200


# --- compact


def test_compacting_says_what_became_of_each_document(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as process:
        headers = {"Authorization": f"Bearer {process.token('mei')}"}
        httpx.post(f"{process.http}/v1/conversations", json=NEW | {"id": "c1"}, headers=headers).raise_for_status()
        process.terminate()
        all_of_them = syncline("compact", "--data", tmp_path / "data")
        assert all_of_them.returncode == 0, all_of_them.stderr
        assert [line.split(":")[0] for line in all_of_them.stdout.splitlines()] == [
            "conversation/c1",
            "conversation/c1/1",
        ]
        one = syncline("compact", "conversation/c1", "--data", tmp_path / "data")
        assert (one.returncode, len(one.stdout.splitlines())) == (0, 1)
        process.start()
        answer = httpx.get(f"{process.http}/v1/conversations/c1", headers=headers)
        assert (answer.status_code, answer.json()["subject"]) == (200, "wifi")


def test_there_is_nothing_to_compact_where_nothing_is(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as process:
        process.terminate()
    said = failure(syncline("compact", "page/none", "--data", tmp_path / "data"), 1)
    assert "page/none" in said
    assert "acme" in failure(syncline("compact", "--data", tmp_path / "data", "--tenant", "acme"), 1)


def test_compacting_makes_no_store_where_there_is_none(tmp_path: Path) -> None:
    assert "typo" in failure(syncline("compact", "--data", tmp_path / "typo"), 1)
    assert not (tmp_path / "typo").exists()


# --- rebuild


def test_rebuilding_says_that_nothing_has_changed(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as process:
        headers = {"Authorization": f"Bearer {process.token('mei')}"}
        httpx.post(f"{process.http}/v1/conversations", json=NEW | {"id": "c1"}, headers=headers).raise_for_status()
        assert "in use" in failure(syncline("rebuild", "--data", tmp_path / "data"), 1)
        process.terminate()
        said = syncline("rebuild", "--data", tmp_path / "data")
        assert said.returncode == 0, said.stderr
        before, after, took = said.stdout.splitlines()
        assert after == f"{before.replace('before:', 'after: ')}, the same content"
        assert took.startswith("2 documents in ")
        (tmp_path / "data" / "projections.db").unlink()
        assert syncline("rebuild", "--data", tmp_path / "data").stdout.startswith("before: nothing\nafter:  ")
        process.start()
        assert httpx.get(f"{process.http}/v1/conversations/c1", headers=headers).json()["subject"] == "wifi"


def test_rebuilding_makes_no_store_where_there_is_none(tmp_path: Path) -> None:
    assert "typo" in failure(syncline("rebuild", "--data", tmp_path / "typo"), 1)
    assert not (tmp_path / "typo").exists()


# --- check-config


def test_a_configuration_that_is_right_is_shown() -> None:
    shown = typed("check-config", ROOT / "samples/syncline.toml", environment={"COLUMNS": "200"})
    assert (shown.returncode, shown.stderr) == (0, "")
    title, *rows = shown.stdout.splitlines()
    assert title.rstrip().endswith("samples/syncline.toml: ok")
    assert any(
        re.match(r" group +network +eng\.li, eng\.chen; speaks zh, en; calendar shanghai *$", row) for row in rows
    )


def test_everything_wrong_with_a_configuration_is_told(tmp_path: Path) -> None:
    file = tmp_path / "syncline.toml"
    file.write_text('[[group]]\nname = "Network"\ncalendar = "[red]"\n[server]\nprot = 8700\n', encoding="utf-8")
    told = typed("check-config", file)
    assert (told.returncode, told.stdout) == (1, "")
    assert [line.split(": ")[:2] for line in told.stderr.splitlines()] == [
        [f"{file}:2", "group[1].name"],
        [f"{file}:3", "group[1].calendar"],
        [f"{file}:5", "server.prot"],
    ]
    assert '"[red]" cannot stand here' in told.stderr


def test_a_configuration_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "cannot be read" in failure(typed("check-config", tmp_path / "none.toml"), 1)
