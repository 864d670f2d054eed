"""What the commands share: options spread out of dataclasses, languages, how a command ends."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
from client.conftest import ServedPeer
from syncline_client.errors import DeviceStopped
from syncline_client.loading import LoadError
from syncline_client.store import StoreError
from syncline_client.terminal import (
    ASKED_WRONGLY,
    NOT_ACCEPTED,
    NOT_DONE,
    Access,
    Lang,
    View,
    accepted,
    command,
    connected,
    fail,
    language_of,
    opened,
    print_json,
    run,
    within,
)
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from typer.testing import CliRunner


@dataclass(frozen=True)
class Size:
    width: Annotated[int, typer.Option(help="How wide.")] = 1
    height: Annotated[int, typer.Option(help="How high.")] = 2


def test_the_fields_of_a_group_become_options_and_come_back_as_one() -> None:
    app, came = typer.Typer(), []

    @command(app, "syncline paint red --width 3")
    def paint(colour: Annotated[str, typer.Argument()], *, times: int = 1, size: Size) -> None:
        """Paint it."""
        came.append((colour, times, size))

    assert CliRunner().invoke(app, ["red", "--width", "3", "--times", "2"]).exit_code == 0
    paint("blue", size=Size())
    assert came == [("red", 2, Size(3, 2)), ("blue", 1, Size(1, 2))]
    text = CliRunner().invoke(app, ["--help"]).output
    for words in ("Paint it.", "How wide.", "How high.", "Example: syncline paint red --width 3"):
        assert words in text


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({}, "en"),
    ],
)
def test_the_terminals_language_is_spoken_unless_another_is_asked_for(
    variables: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert View().language == language
    assert (language_of(Lang.EN), language_of(Lang.ZH)) == ("en", "zh")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreError("the disk [red]is[/red] full"), NOT_DONE),
        (DeviceStopped("stopped"), NOT_DONE),
        (LoadError("not loaded"), NOT_DONE),
        (RefusedUpdate(RefusalCode.INVALID, "no such name"), ASKED_WRONGLY),
        (ValueError("no address"), ASKED_WRONGLY),
    ],
)
def test_what_goes_wrong_is_a_line_and_a_code(error: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> None:
        async with asyncio.TaskGroup():
            raise error

    with pytest.raises(typer.Exit) as ended:
        run(work())
    assert ended.value.exit_code == code
    assert str(error) in capsys.readouterr().err


def test_an_interrupted_command_is_done() -> None:
    async def work() -> None:
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as ended:
        run(work())
    assert ended.value.exit_code == 0


async def test_a_command_needs_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        async with opened(Access()):
            pytest.fail("it must not open")
    assert ended.value.exit_code == ASKED_WRONGLY
    assert "no token: give --token" in capsys.readouterr().err


async def test_a_command_says_why_the_server_did_not_come(
    peer: ServedPeer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "phone.db"
    async with connected(Access(peer.url, "ann", store)) as device:
        await device.follow("page/p")
    nowhere = Access("http://127.0.0.1:1", "ann", store, wait=0.2)
    assert (nowhere.not_accepted, Access().not_accepted) == (NOT_ACCEPTED, NOT_DONE)
    async with connected(nowhere) as device:
        with pytest.raises(typer.Exit) as ended:
            await accepted(device, nowhere)
        assert ended.value.exit_code == NOT_ACCEPTED
        with pytest.raises(typer.Exit) as ended:
            await within(0.1, device.settled(), device, NOT_DONE)
        assert ended.value.exit_code == NOT_DONE
    text = capsys.readouterr().err
    assert "not done within 0.2 s: no server at ws://127.0.0.1:1" in text
    assert "stored: Offline since" in text


async def test_a_refused_record_ends_a_command(peer: ServedPeer, capsys: pytest.CaptureFixture[str]) -> None:
    peer.rule = lambda _name, _payload: RefusedUpdate(RefusalCode.FORBIDDEN, "be polite")
    access = Access(peer.url, "ann")
    async with connected(access) as device:
        (record,) = await device.write("user/ann", "settings", [{"type": "setting", "name": "x", "value": 1}])
        await accepted(device, access, "another")
        with pytest.raises(typer.Exit):
            await accepted(device, access, record["id"])
    assert "refused: be polite" in capsys.readouterr().err


def test_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"text": "你好\n"})
    assert capsys.readouterr().out == '{"text":"你好\\n"}\n'


def test_failing_says_why_and_nothing_formats_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        fail("[bold]no[/bold]\x1b[2J", code=ASKED_WRONGLY)
    assert ended.value.exit_code == ASKED_WRONGLY
    assert capsys.readouterr().err == "[bold]no[/bold]�[2J\n"
