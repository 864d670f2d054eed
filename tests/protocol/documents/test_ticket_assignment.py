"""Who works on a ticket: answers that stand where their causes stood."""

from itertools import permutations
from typing import Any

import pytest
from support.records import record_id, record_value
from support.ticket_devices import Device, Server
from syncline_protocol.documents.history import History
from syncline_protocol.documents.ticket_assignment import ClaimOutcome, Handling, reduce_assignment

Value = dict[str, Any]


def event(number: int, kind: str, *after: int, **fields: Any) -> Value:
    return record_value(number, kind, after=[record_id(one) for one in after], **fields)


def answer(number: int, cause: int, *after: int, **fields: Any) -> Value:
    return event(number, "assignment", *after, by="server", cause=record_id(cause), **fields)


def handling(*values: Value) -> Handling:
    return reduce_assignment(History([event(0, "opened", subject="x"), *values]))


def who(result: Handling) -> tuple[str | None, str | None]:
    return result.group, result.assignee


def test_nobody_works_on_it_at_first() -> None:
    result = handling()
    assert (who(result), result.assignment, result.because) == ((None, None), None, None)
    assert (result.others, result.watchers, result.claims) == ((), (), ())


def test_routing_says_why() -> None:
    result = handling(answer(1, 0, 0, group="network", user="bo", because={"rule": "wifi"}))
    assert (who(result), result.because) == (("network", "bo"), {"rule": "wifi"})


def test_a_claim_shows_as_asked_until_it_is_answered() -> None:
    (claim,) = handling(event(1, "claim", 0, by="bo")).claims
    assert (claim.event, claim.by, claim.state, claim.holder) == (record_id(1), "bo", ClaimOutcome.PROVISIONAL, None)


def test_a_lost_claim_tells_who_has_it() -> None:
    lost = event(2, "claim_lost", 1, by="server", cause=record_id(1), holder="cy")
    (claim,) = handling(event(1, "claim", 0, by="bo"), lost).claims
    assert (claim.state, claim.holder) == (ClaimOutcome.LOST, "cy")


def test_a_granted_claim_tells_whether_it_holds() -> None:
    granted = [event(1, "claim", 0, by="bo"), answer(2, 1, 1, user="bo")]
    (claim,) = handling(*granted).claims
    assert (claim.state, claim.holder) == (ClaimOutcome.GRANTED, "bo")
    (claim,) = handling(*granted, event(3, "transfer", 2, user="cy"), answer(4, 3, 3, user="cy")).claims
    assert (claim.state, claim.holder) == (ClaimOutcome.GRANTED, "cy")


@pytest.mark.parametrize(
    ("transfer", "group", "assignee"),
    [
        ({"group": "network"}, "network", None),
        ({"user": "cy"}, "hardware", "cy"),
        ({"group": "network", "user": "cy"}, "network", "cy"),
    ],
)
@pytest.mark.parametrize("is_answered", [True, False])
def test_a_transfer_names_a_group_or_a_person(
    transfer: Value, group: str, assignee: str | None, *, is_answered: bool
) -> None:
    values = [answer(1, 0, 0, group="hardware", user="bo"), event(2, "transfer", 1, **transfer)]
    if is_answered:
        values.append(answer(3, 2, 2, **transfer))
    result = handling(*values)
    assert who(result) == (group, assignee)
    assert result.watchers == ("bo",)


def test_the_group_is_the_one_that_the_shown_candidate_took_the_place_of() -> None:
    begin = answer(1, 0, 0, group="hardware")
    crossing = [event(2, "transfer", 1, group="network"), event(3, "transfer", 1, user="cy")]
    result = handling(begin, *crossing)
    assert who(result) == ("hardware", "cy")
    assert [(one.group, one.user) for one in result.others] == [("network", None)]


@pytest.mark.parametrize("order", list(permutations(["bo", "cy", "dan"])), ids="-".join)
def test_transfers_that_cross_come_to_the_same_whoever_comes_first(order: tuple[str, ...]) -> None:
    server = Server()
    server.write("opened", subject="x")
    devices = {user: Device(user, number) for number, user in enumerate(["bo", "cy", "dan"], start=1)}
    for device in devices.values():
        server.meet(device)
        device.write("transfer", user=device.user)
    for user in order:
        server.meet(devices[user])
    ticket = server.ticket
    assert ticket.assignee == "dan"  # the latest: at one stamp the greatest id
    assert {one.user for one in ticket.assignment_others} == {"bo", "cy"}
    assert ticket.watchers == tuple(user for user in order if user != "dan")


@pytest.mark.parametrize("order", [("bo", "cy"), ("cy", "bo")], ids="-".join)
@pytest.mark.parametrize("bot", ["", "bo"])
def test_a_transfer_and_a_claim_that_cross(order: tuple[str, str], bot: str) -> None:
    """A person's transfer beats a claim; a person's claim beats a program's transfer."""
    server = Server()
    server.write("opened", subject="x")
    devices = {user: Device(user, number, is_program=user == bot) for number, user in enumerate(["bo", "cy"], start=1)}
    for device in devices.values():
        server.meet(device)
    devices["bo"].write("transfer", group="network")
    devices["cy"].write("claim")
    for user in order:
        server.meet(devices[user])
    ticket = server.ticket
    assert (ticket.assignee, ticket.watchers) == (("cy", ()) if bot else (None, ("cy",)))


def test_a_server_that_grants_a_claim_too_late_changes_nothing() -> None:
    transferred = [event(2, "transfer", 0, group="network"), answer(3, 2, 2, group="network")]
    result = handling(*transferred, event(1, "claim", 0, by="cy"), answer(4, 1, 1, 3, user="cy"))
    assert who(result) == ("network", None)
    assert [(one.user, one.by) for one in result.others] == [("cy", "server")]
    assert result.watchers == ("cy",)


def test_who_claims_knowing_of_the_transfer_has_it() -> None:
    transferred = [event(2, "transfer", 0, group="network"), answer(3, 2, 2, group="network")]
    for known in (2, 3):
        result = handling(*transferred, event(4, "claim", known, by="cy"), answer(5, 4, 3, 4, user="cy"))
        assert (who(result), result.others) == (("network", "cy"), ())


def test_of_all_else_the_server_s_last_word_holds() -> None:
    claims = [event(1, "claim", 0, by="bo"), event(2, "claim", 0, by="cy")]
    result = handling(*claims, answer(3, 2, 2, user="cy"), answer(4, 1, 1, 3, user="bo"))
    assert (result.assignee, result.others) == ("bo", ())


def test_an_answer_whose_cause_is_not_there_is_a_program_s_word() -> None:
    result = handling(answer(1, 9, 0, user="bo"), event(2, "transfer", 0, user="cy", auto=True))
    assert result.assignee == "cy"
    assert handling(answer(1, 9, 0, user="bo")).assignee == "bo"


def test_watchers_are_all_who_wanted_it_or_had_it_in_order() -> None:
    values = [
        event(1, "claim", 0, by="bo"),
        answer(2, 1, 1, user="bo"),
        event(3, "claim", 0, by="cy"),
        event(4, "claim", 2, by="bo"),
        event(5, "transfer", 4, user="dan"),
        answer(6, 5, 5, user="dan"),
    ]
    assert handling(*values).watchers == ("bo", "cy")
