"""`syncline report`, as a person runs it, against the real server; and figures in words."""

import json

import pytest
from client.conftest import new_conversation
from client.test_cli import Ran, run
from support.server import ServerProcess
from syncline_client.cli_reports import length, percent, shown


def by(server: ServerProcess, *arguments: str, role: str = "supervisor", user: str = "boss") -> Ran:
    return run("report", *arguments, "--url", server.url, token=server.token(user, role))


def test_figures_are_shown(server: ServerProcess) -> None:
    conversation = new_conversation(server, subject="屏幕不亮")
    opened = run("ticket", "open", conversation, "--url", server.url, token=server.token("mei"))
    assert opened.returncode == 0, opened.stderr
    figures = json.loads(by(server, "--json").stdout)
    assert figures["figures"]["opened"] >= 1
    for language, name in (("zh", "新建工单数"), ("en", "Opened")):
        found = by(server, "--by", "group", "--lang", language)
        assert found.returncode == 0, found.stderr
        line = next(line for line in found.stdout.splitlines() if line.startswith(name))
        assert line.split()[-1] == str(figures["figures"]["opened"])
        assert "group" in found.stdout
    earlier = by(server, "--from", "2020-01-01T00:00:00+08:00", "--to", "2020-02-01T00:00:00+08:00", "--json")
    assert json.loads(earlier.stdout)["figures"]["opened"] == 0


def test_what_is_asked_wrongly_or_by_somebody_else_is_said(server: ServerProcess) -> None:
    refused = by(server, role="agent", user="mei")
    assert refused.returncode == 1
    assert "supervisors" in refused.stderr
    wrong = by(server, "--from", "yesterday")
    assert wrong.returncode == 1
    assert "from" in wrong.stderr


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (250, "0.25s"),
        (59_999, "59s"),
        (61_000, "1m 1s"),
        (3_600_000, "1h"),
        (5_430_000, "1h 30m"),
        (90_000_000, "1d 1h"),
        (86_460_000, "1d"),
    ],
)
def test_lengths(ms: int, text: str) -> None:
    assert length(ms) == text


def test_shares() -> None:
    assert (percent(None), percent(0.0), percent(0.6667), percent(1.0)) == ("–", "0 %", "66.7 %", "100 %")


def test_figures_in_words() -> None:
    spread = {"median_ms": 60_000, "p90_ms": 120_000, "mean_ms": 90_000}
    promised = {"count": 2, "calendar": spread, "business": spread, "promise": {"kept": 1, "broken": 1, "share": 0.5}}
    assert shown("resolution", promised, "en") == (
        "median 1m, nine of ten within 2m, mean 1m 30s (median in working hours 1m), 50 % in time"
    )
    assert shown("work", spread, "zh") == "中位数 1m，九成在 2m 内，平均 1m 30s"
    nothing = {"count": 0, "calendar": None, "business": None, "promise": {"kept": 0, "broken": 0, "share": None}}
    assert [shown("resolution", nothing, "en"), shown("work", None, "en"), shown("reopen_rate", 0.25, "en")] == [
        "–",
        "–",
        "25 %",
    ]
    scores = {"count": 4, "share": 0.8, "mean": 3.75, "scores": {"5": 4}}
    assert shown("satisfaction", scores, "en") == "mean 3.75 of 4 scores (80 %)"
    assert shown("of a later version", 7, "en") == "7"
