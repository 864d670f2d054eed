"""`syncline ticket …`, as a person runs it, against the real server."""

import asyncio
import json
from pathlib import Path

import pytest
from client.conftest import new_conversation
from client.test_cli import NOWHERE, Ran, run
from support.server import ServerProcess
from syncline_client import Device
from syncline_client.cli_tickets import app
from syncline_client.terminal import ASKED_WRONGLY, NOT_ACCEPTED, NOT_DONE
from typer.testing import CliRunner

PHONE = "44"


def ticket(server: ServerProcess, *arguments: str | Path, user: str = "mei", role: str = "agent") -> Ran:
    """`syncline ticket` by this user."""
    return run("ticket", *arguments, "--url", server.url, token=server.token(user, role))


def opened(server: ServerProcess, *, subject: str = "平板连不上网") -> tuple[str, str]:
    """A ticket out of a conversation: its number, and the conversation."""
    conversation = new_conversation(server, subject=subject)
    said = run(
        "say", conversation, "序列号是 SN12345678，急！", "--url", server.url, token=server.token("li", "customer")
    )
    assert said.returncode == 0, said.stderr
    came = ticket(server, "open", conversation, "--json")
    assert came.returncode == 0, came.stderr
    return str(json.loads(came.stdout)["number"]), conversation


def test_a_ticket_is_opened_out_of_a_conversation_and_shown(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = new_conversation(server)
    words = "我的平板序列号是 SN12345678，连不上WiFi"
    said = run("say", conversation, words, "--url", server.url, token=server.token("li", "customer"))
    assert said.returncode == 0
    came = ticket(server, "open", conversation, "--priority", "high", "--field", "model=Tab 12", "--lang", "zh")
    assert came.returncode == 0, came.stderr
    number = came.stdout.split()[0]
    assert number.startswith("#")
    shown = ticket(server, "show", number, "--lang", "zh")
    assert shown.returncode == 0
    for text in (f"{number} 平板连不上网", "优先级", "高", "序列号", "SN12345678", f"“{words}”", "型号", "Tab 12"):
        assert text in shown.stdout
    monkeypatch.setattr("syncline_client.terminal.console._width", int(PHONE))
    narrow = ticket(server, "show", number, "--lang", "en")
    assert "Serial number  SN12345678" in narrow.stdout
    values = json.loads(ticket(server, "show", number, "--json").stdout)
    assert (values["conversation"], values["fields"]["model"]["value"]) == (conversation, "Tab 12")


def test_its_customer_is_shown_what_customers_see(server: ServerProcess) -> None:
    number, _ = opened(server)
    assert ticket(server, "note", number, "a difficult one").returncode == 0
    shown = ticket(server, "show", number, "--lang", "zh", user="li", role="customer")
    assert shown.returncode == 0, shown.stderr
    assert f"#{number} 平板连不上网" in shown.stdout
    assert "待受理" in shown.stdout
    assert "difficult" not in shown.stdout
    refused = ticket(server, "show", number, user="somebody.else", role="customer")
    assert (refused.returncode, "that you may see" in refused.stderr) == (NOT_DONE, True)


def test_the_first_claim_wins_and_the_second_is_told(server: ServerProcess) -> None:
    number, _ = opened(server)
    first = ticket(server, "claim", number, "--lang", "zh", user="tom", role="technician")
    if first.returncode:  # a technician's own groups decide what they may see
        first = ticket(server, "claim", number, "--lang", "zh", user="tom")
    assert first.returncode == 0, first.stderr
    assert first.stdout.strip() == f"工单 {number} 由您负责"
    second = ticket(server, "claim", number, "--lang", "en", user="wu")
    assert second.returncode == NOT_DONE
    assert second.stderr.strip() == "wu claimed it, but tom has it"


def test_every_other_step(server: ServerProcess) -> None:
    number, _ = opened(server)
    steps = (
        ("status", number, "in_progress", "--reason", "looking into it"),
        ("note", number, "asked for the router's model"),
        ("field", number, "model", "Tab 12"),
        ("field", number, "model"),
        ("priority", number, "urgent"),
        ("transfer", number, "--group", "network"),
        ("status", number, "resolved", "--resolution", "new antenna"),
    )
    for step in steps:
        done = ticket(server, *step)
        assert (done.returncode, len(done.stdout.strip())) == (0, 36), done.stderr
    state = json.loads(ticket(server, "show", number, "--json").stdout)
    assert (state["status"], state["resolutions"][0]["text"]) == ("resolved", "new antenna")
    assert (state["group"], state["priority"]["value"], state["fields"]["model"]["value"]) == (
        "network",
        "urgent",
        None,
    )
    note = state["notes"][0]["id"]
    refused = ticket(server, "redact", number, note)
    assert (refused.returncode, refused.stderr.startswith("refused: ")) == (NOT_DONE, True)
    redacted = ticket(server, "redact", number, note[-6:], "--reason", "a name", user="boss", role="supervisor")
    assert redacted.returncode == 0, redacted.stderr
    assert json.loads(ticket(server, "show", number, "--json").stdout)["notes"][0]["text"] is None


async def apart(server: ServerProcess, id_: str) -> None:
    """Two devices say another serial number each, not knowing of each other."""
    devices = [Device(server.url, token=server.token(user), device=user) for user in ("qian", "sun")]
    async with devices[0] as one, devices[1] as two:
        handles = []
        for device in (one, two):
            await device.connected()
            handles.append(await device.ticket(id_))
        await asyncio.gather(handles[0].set_field("serial", "SN1"), handles[1].set_field("serial", "SN2"))
        for device in (one, two):
            await device.settled()


def test_one_of_the_values_said_at_once_is_picked(server: ServerProcess) -> None:
    number, _ = opened(server)
    id_ = json.loads(ticket(server, "show", number, "--json").stdout)["id"]
    asyncio.run(apart(server, id_))
    serial = json.loads(ticket(server, "show", number, "--json").stdout)["fields"]["serial"]
    (other,) = serial["others"]
    ending = other["event"][-6:]
    assert f"…{ending}" in ticket(server, "show", number).stdout
    picked = ticket(server, "field", number, "serial", "--pick", ending)
    assert picked.returncode == 0, picked.stderr
    serial = json.loads(ticket(server, "show", number, "--json").stdout)["fields"]["serial"]
    assert (serial["value"], "others" in serial) == (other["value"], False)
    wrong = ticket(server, "field", number, "serial", "--pick", "nothing")
    assert (wrong.returncode, "could be picked" in wrong.stderr) == (NOT_DONE, True)


def test_offline_it_is_stored_and_the_claim_is_not_answered(server: ServerProcess, tmp_path: Path) -> None:
    number, _ = opened(server)
    store, token = tmp_path / "desk.db", server.token("zhou")
    assert ticket(server, "show", number, "--store", store, user="zhou").returncode == 0
    offline: tuple[str | Path, ...] = ("--url", NOWHERE, "--store", store, "--wait", "0.5")
    claimed = run("ticket", "claim", number, *offline, token=token)
    assert (claimed.returncode, "1 edit not yet accepted" in claimed.stderr) == (NOT_ACCEPTED, True)
    shown = run("ticket", "show", number, "--lang", "en", *offline, token=token)
    assert "zhou claims it; the server has not answered yet" in " ".join(shown.stdout.split())
    listed = run("ticket", "list", "--lang", "en", *offline, token=token)
    assert (listed.returncode, f"#{number}" in listed.stdout) == (0, True)
    new = run("ticket", "open", "--subject", "another one", *offline, token=token)
    assert new.returncode == NOT_ACCEPTED
    assert ticket(server, "note", number, "back again", "--store", store, user="zhou").returncode == 0
    state = json.loads(ticket(server, "show", number, "--json").stdout)
    assert state["assignee"] == "zhou"
    assert run("status", "--store", store).returncode == 0, "everything was accepted"


def test_tickets_are_listed(server: ServerProcess) -> None:
    number, _ = opened(server, subject="打印机卡纸")
    listed = ticket(server, "list", "--lang", "zh")
    assert (listed.returncode, f"#{number}" in listed.stdout, "打印机卡纸" in listed.stdout) == (0, True, True)
    values = json.loads(ticket(server, "list", "--json").stdout)
    assert int(number) in [one["number"] for one in values]
    assert ticket(server, "list", "--status", "cancelled", "--lang", "en").stdout.strip() == "nothing here"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["open", "--field", "serial"], ASKED_WRONGLY, "it looks like NAME=VALUE"),
        (["transfer", "1"], ASKED_WRONGLY, "give --group, --user, or both"),
        (["field", "1", "serial", "x", "--pick", "y"], ASKED_WRONGLY, "give a value or --pick, not both"),
        (["open"], NOT_DONE, "subject"),
        (["show", "987654"], NOT_DONE, "there is no ticket #987654 that you may see"),
        (["show", "no-such-ticket"], NOT_DONE, "no-such-ticket"),
        (["claim", "a/b"], ASKED_WRONGLY, "is not a document's name"),
        (["list", "--status", "nonsense"], NOT_DONE, "nonsense"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    server: ServerProcess, arguments: list[str], code: int, message: str
) -> None:
    came = ticket(server, *arguments)
    assert (came.returncode, message in came.stderr) == (code, True), came
    assert "Traceback" not in came.stderr


def test_every_command_has_help_with_an_example() -> None:
    for name in ("open", "show", "claim", "status", "note", "transfer", "field", "priority", "redact", "list"):
        result = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"})
        assert result.exit_code == 0
        assert f"Example: syncline ticket {name}" in result.output
