"""The domain's benchmark runs against the real server, small."""

from pathlib import Path

from typer.testing import CliRunner

from benchmarks.cli import app
from benchmarks.domain.content import Content, order
from benchmarks.domain.loading import Plan


def test_it_loads_asks_and_writes_its_page_and_asks_again(tmp_path: Path) -> None:
    words = ["domain", "--conversations", "40", "--messages", "130", "--tickets", "2", "--questions", "5"]
    words += ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "domain.md")]
    first = CliRunner().invoke(app, words, catch_exceptions=False)
    assert first.exit_code == 0, first.output
    page = (tmp_path / "domain.md").read_text(encoding="utf-8")
    assert "40 conversations with 130 messages" in page
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("|")]
    found = {row[0]: int(row[-1]) for row in rows[2:]}
    assert found["inbox, all, first window of 50"] == 40
    assert found["search, an order number (one hit)"] == 1
    assert found["search, what nobody wrote"] == 0
    assert found["opening a conversation: head and newest segment"] >= 3
    assert found["inbox, tickets open"] == 2
    again = CliRunner().invoke(app, words, catch_exceptions=False)
    assert "was loaded in an earlier run" in again.stdout


def test_a_plan_gives_every_conversation_its_share() -> None:
    plan = Plan(30, 100, 10)
    assert sum(plan.messages_of(number) for number in range(30)) == 100
    assert {plan.messages_of(number) for number in range(30)} == {3, 4}


def test_conversations_are_the_same_every_time_and_name_their_order() -> None:
    texts = Content().texts(7, 4)
    assert texts == Content().texts(7, 4)
    assert len(texts) == 4
    assert order(7) in texts[0]
    assert not any(order(7) in text for text in texts[1:])
