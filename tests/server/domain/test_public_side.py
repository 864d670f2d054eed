"""What a customer is told: a step whenever something shows differently, and a message where that matters."""

from typing import Any, Final

from support.records import record_id
from support.ticket_log import TicketLog, Writer
from syncline_protocol.documents.public_records import Step
from syncline_protocol.documents.schema import parse_record
from syncline_server.domain.answers import opening_of
from syncline_server.domain.public_side import Shown, announcement, next_step
from syncline_server.domain.routing import Routed

NOTHING: Final = Shown(responsible=None, expected_by=None, overrides={})


class Side:
    """A ticket and its public side."""

    def __init__(self, **opened: Any) -> None:
        self.log = TicketLog(Routed(group="network", user=None, because={}))
        self.mei = Writer(self.log, "mei")
        self.log.arrive(self.mei.write("opened", subject="平板连不上", language="zh", conversation="c1", **opened))
        self.log.answer()
        self.steps: list[dict[str, Any]] = []

    def write(self, type_: str, **fields: Any) -> None:
        """The agent writes an event, and the server answers."""
        self.mei.sync()
        self.log.arrive(self.mei.write(type_, **fields))
        self.log.answer()

    def step(self, shown: Shown = NOTHING) -> dict[str, Any] | None:
        """The next step, if there is one; it is kept."""
        step = next_step(self.log.ticket, opening_of(self.log.events), self.steps, shown)
        if step is not None:
            self.steps.append({**step, "by": "server", "device": "server", "at": len(self.steps)})
            parse_record(Step, self.steps[-1])  # what is written has to pass admission
        return step


def test_every_change_that_shows_is_a_step_and_no_other() -> None:
    side = Side()
    first = side.step()
    assert first is not None
    assert (first["status"], first["labels"]["zh"], first["number"]) == ("new", "待受理", 7)
    assert (first["subject"], first["conversation"]) == ("平板连不上", "c1")
    assert side.step() is None
    side.write("note", text="for us alone")
    assert side.step() is None
    side.write("status", status="in_progress")
    assert (side.step() or {})["labels"] == {"zh": "处理中", "en": "In progress"}
    side.write("status", status="on_hold")
    assert side.step() is None, "what the staff waits for is not the customer's business"
    side.write("topic", subject="平板连不上家里的网络")
    assert (side.step() or {})["subject"] == "平板连不上家里的网络"
    assert (side.step(NOTHING._replace(responsible="王工")) or {})["responsible"] == "王工"
    assert (side.step(NOTHING._replace(responsible="王工", expected_by=1)) or {})["expected_by"] == 1
    gone = side.step()
    assert gone is not None
    assert "responsible" not in gone
    assert "expected_by" not in gone


def test_a_ticket_without_a_number_shows_nothing_yet() -> None:
    log = TicketLog(Routed(group="network", user=None, because={}))
    log.arrive(Writer(log, "mei").write("opened", subject="wifi"))
    assert next_step(log.ticket, log.events[0]["id"], [], NOTHING) is None


def test_the_same_status_can_be_reached_again() -> None:
    side = Side()
    ids = []
    for status in ("in_progress", "awaiting_customer", "in_progress", "awaiting_customer"):
        side.write("status", status=status)
        ids.append((side.step() or {})["id"])
    assert len(set(ids)) == 4


def test_a_step_is_the_same_however_often_it_is_computed() -> None:
    side = Side()
    opening = opening_of(side.log.events)
    assert next_step(side.log.ticket, opening, [], NOTHING) == next_step(side.log.ticket, opening, [], NOTHING)


def test_an_erased_subject_is_no_longer_shown() -> None:
    side = Side()
    side.step()
    side.log.arrive(side.mei.write("redaction", event=opening_of(side.log.events)))
    step = side.step()
    assert step is not None
    assert step["subject"] == "工单 #7"


def test_the_conversation_is_told_of_status_and_person_in_its_language() -> None:
    step = {
        "id": record_id(1), "type": "step", "number": 7, "status": "accepted",
        "labels": {"zh": "已受理", "en": "Accepted"},
        "responsible": "王工", "subject": "wifi",
    }  # fmt: skip
    said = announcement("t1", step, None, "zh-Hans")
    assert said is not None
    assert said["text"] == "工单 #7：已受理，负责人：王工"
    assert said["data"] == {"ticket": "t1", "number": 7, "status": "accepted", "responsible": "王工"}
    english = announcement("t1", step, None, "en")
    assert english is not None
    assert english["text"] == "Ticket #7: Accepted, 王工 is on it"
    assert english["id"] == said["id"]
    assert announcement("t1", {**step, "subject": "else", "id": record_id(2)}, step, "zh") is None
