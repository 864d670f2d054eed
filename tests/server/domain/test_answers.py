"""What the server answers to a ticket: each cause once, whatever crossed, and in whatever order it arrived."""

from itertools import permutations
from typing import Any, Final

import pytest
from support.records import record_id
from support.ticket_log import TicketLog, Writer
from syncline_protocol.documents.derived import derived_id
from syncline_protocol.documents.ticket import ClaimOutcome
from syncline_protocol.documents.ticket_records import TicketStatus
from syncline_server.domain.answers import Rated, Unseen, answers, opening_of
from syncline_server.domain.routing import Routed

TO_GROUP: Final = Routed(group="network", user=None, because={"issue_type": "wifi"})
TO_WANG: Final = Routed(group="network", user="wang", because={"issue_type": "wifi"})


def opened(routed: Routed = TO_GROUP, **fields: Any) -> tuple[TicketLog, Writer, Writer]:
    """A ticket that mei opened and the server answered, and two technicians who know all of it."""
    log = TicketLog(routed)
    mei = Writer(log, "mei")
    log.arrive(mei.write("opened", subject="wifi", **fields), mei.write("topic", issue_type="wifi"))
    log.answer()
    li, wang = Writer(log, "li"), Writer(log, "wang")
    li.sync()
    wang.sync()
    return log, li, wang


def types(events: list[dict[str, Any]]) -> list[str]:
    """The types of these events."""
    return [event["type"] for event in events]


def test_opening_a_ticket_numbers_and_routes_it() -> None:
    log, _, _ = opened()
    ticket = log.ticket
    assert (ticket.number, ticket.group, ticket.assignee, ticket.status) == (7, "network", None, TicketStatus.NEW)
    assert ticket.because == {"rule": "routing", "issue_type": "wifi"}


def test_a_ticket_routed_to_a_person_is_accepted() -> None:
    log, _, _ = opened(TO_WANG)
    assert (log.ticket.assignee, log.ticket.status) == ("wang", TicketStatus.ACCEPTED)


def test_answers_are_the_same_however_often_they_are_asked_for() -> None:
    log = TicketLog(TO_GROUP)
    mei = Writer(log, "mei")
    log.arrive(mei.write("opened", subject="wifi"))
    assert answers(log.situation()) == answers(log.situation())
    log.answer()
    assert answers(log.situation()) == []


def test_answers_have_ids_of_their_causes_and_stand_behind_what_is_known() -> None:
    log = TicketLog(TO_GROUP)
    mei = Writer(log, "mei")
    first, second = mei.write("opened", subject="wifi"), mei.write("note", text="…")
    log.arrive(first, second)
    number, assignment = answers(log.situation())
    assert number["id"] == derived_id(first["id"], "number")
    assert number["after"] == [second["id"]]
    assert assignment["id"] == derived_id(first["id"], "assignment")
    assert assignment["after"] == [number["id"]]


def test_an_interrupted_answer_is_completed() -> None:
    log = TicketLog(TO_GROUP)
    log.arrive(Writer(log, "mei").write("opened", subject="wifi"))
    whole = TicketLog(TO_GROUP)
    whole.arrive(*log.events)
    written = whole.answer()
    log.arrive(written[0])  # the server was killed behind the first
    assert [event["id"] for event in log.answer()] == [event["id"] for event in written[1:]]


def test_the_first_of_many_claims_in_the_log_gets_the_ticket() -> None:
    log, li, wang = opened()
    late, early = li.write("claim"), wang.write("claim")
    log.arrive(early, late)
    assert types(log.answer()) == ["assignment", "claim_lost"]
    ticket = log.ticket
    assert (ticket.assignee, ticket.status, ticket.group) == ("wang", TicketStatus.ACCEPTED, "network")
    assert {claim.by: (claim.state, claim.holder) for claim in ticket.claims} == {
        "wang": (ClaimOutcome.GRANTED, "wang"),
        "li": (ClaimOutcome.LOST, "wang"),
    }
    assert ticket.watchers == ("li",)


def test_a_claim_of_what_somebody_has_is_lost() -> None:
    log, li, wang = opened()
    log.arrive(wang.write("claim"))
    log.answer()
    li.sync()
    log.arrive(li.write("claim"))
    (lost,) = log.answer()
    assert (lost["type"], lost["holder"]) == ("claim_lost", "wang")
    assert log.ticket.assignee == "wang"


def test_a_persons_claim_beats_the_routing() -> None:
    log, li, _ = opened(TO_WANG)
    log.arrive(li.write("claim"))
    log.answer()
    assert log.ticket.assignee == "li"
    assert "wang" in log.ticket.watchers


@pytest.mark.parametrize("answered_between", [True, False])
@pytest.mark.parametrize("order", list(permutations(("transfer", "claim"))))
def test_a_transfer_that_crossed_a_claim_wins(order: tuple[str, str], *, answered_between: bool) -> None:
    log, li, wang = opened()
    written = {"transfer": li.write("transfer", group="billing"), "claim": wang.write("claim")}
    log.routed = Routed(group="billing", user=None, because={})
    for name in order:
        log.arrive(written[name])
        if answered_between:
            log.answer()
    log.answer()
    ticket = log.ticket
    assert (ticket.group, ticket.assignee) == ("billing", None)
    assert "wang" in ticket.watchers


def test_a_transfer_to_a_person_gives_it_to_them() -> None:
    log, li, _ = opened()
    log.arrive(li.write("transfer", user="wang"))
    (assignment,) = log.answer()
    assert (assignment["user"], assignment["group"]) == ("wang", "network")
    assert assignment["because"] == {"rule": "transfer", "by": "li"}
    assert log.ticket.assignee == "wang"


def test_of_transfers_that_crossed_one_is_answered() -> None:
    log, li, wang = opened()
    log.arrive(li.write("transfer", user="zhao"), wang.write("transfer", user="qian"))
    assert types(log.answer()) == ["assignment"]
    assert log.ticket.assignee == "qian"


def test_a_claim_after_a_transfer_that_it_knew_is_granted() -> None:
    log, li, wang = opened()
    log.arrive(li.write("transfer", group="billing"))
    log.answer()
    wang.sync()
    log.arrive(wang.write("claim"))
    log.answer()
    assert log.ticket.assignee == "wang"


def test_another_issue_type_routes_a_ticket_that_nobody_is_on() -> None:
    log, li, wang = opened()
    log.routed = Routed(group="billing", user=None, because={"issue_type": "invoice"})
    log.arrive(li.write("topic", issue_type="invoice"))
    assert types(log.answer()) == ["assignment"]
    assert log.ticket.group == "billing"
    log.arrive(wang.write("claim"))
    log.answer()
    li.sync()
    log.arrive(li.write("topic", issue_type="wifi"))
    assert log.answer() == []


@pytest.mark.parametrize(
    ("status", "goes_on_later"),
    [("resolved", True), ("awaiting_customer", True), ("closed", False), ("cancelled", False), ("on_hold", False)],
)
def test_what_the_customer_wrote_makes_an_ended_ticket_go_on(status: str, *, goes_on_later: bool) -> None:
    for has_crossed in (True, False):
        log, li, _ = opened()
        ended = li.write("status", status=status)
        log.arrive(ended)
        log.unseen = Unseen(record_id(900), has_crossed)
        written = log.answer()
        goes_on = status != "on_hold" and (has_crossed or goes_on_later)
        assert types(written) == (["reopened"] if goes_on else [])
        assert log.ticket.status == (TicketStatus.IN_PROGRESS if goes_on else TicketStatus(status))
        if goes_on:
            assert (written[0]["message"], written[0]["unseen"]) == (record_id(900), has_crossed)
            assert written[0]["id"] == derived_id(ended["id"], "reopened")


def test_what_the_customer_says_of_it_is_put_down_once() -> None:
    log, _, _ = opened()
    log.rated = (Rated(record_id(901), 5, "很好"), Rated(record_id(902), 4, None))
    assert [(event["score"], event.get("text")) for event in log.answer()] == [(5, "很好"), (4, None)]
    assert log.answer() == []
    assert log.ticket.satisfaction is not None
    assert log.ticket.satisfaction.score == 4


def test_the_opening_is_found_when_it_was_erased() -> None:
    log, _, _ = opened()
    first = log.events[0]
    log.events[0] = {**{name: first[name] for name in ("id", "by", "device", "at", "after")}, "type": "redacted"}
    log.events[0]["of"] = "opened"
    assert opening_of(log.events) == first["id"]
    assert log.answer() == []
