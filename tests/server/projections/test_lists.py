"""Which lists a conversation stands in, and which an inbox reads."""

import pytest
from syncline_protocol.documents.identity import Identity, Role
from syncline_server.projections.lists import name, standing, visible_lists, window
from syncline_server.projections.model import InvalidQuery, View
from syncline_server.projections.writing import Linked


def identity(role: Role, *groups: str) -> Identity:
    return Identity(tenant="acme", user="me", device="d", role=role, groups=frozenset(groups))


def test_a_conversation_stands_in_the_lists_of_all_that_it_has() -> None:
    ticket = Linked(1, "t1", "on_hold", "hardware", "tom", ("sue",))
    common = {name("all"), name("person", "ann"), name("unread", "mei")}
    own = {name("assignee", "tom"), name("team", "hardware"), name("watcher", "sue")}
    assert standing(["ann"], ["mei"], []) == common
    assert standing(["ann"], ["mei"], [ticket]) == common | own | {
        status + one for status in ("on_hold", "open") for one in common | own
    }


def test_a_ticket_that_is_over_is_not_open() -> None:
    lists = standing([], [], [Linked(1, "t1", "resolved", None, None, ())])
    assert lists == {name("all"), name("all", status="resolved")}


def test_names_of_lists_are_never_the_same() -> None:
    names = [name(kind, whose, status=status) for kind in "ab" for whose in ("", "x", "b/x") for status in ("", "open")]
    assert len(set(names)) == len(names)


def test_who_may_read_all_is_shown_all() -> None:
    assert visible_lists(identity(Role.AGENT)) is None
    assert window(identity(Role.AGENT), View.ALL, None, None) == ((name("all"),), None)
    assert window(identity(Role.AGENT), View.MINE, None, "open") == ((name("assignee", "me", status="open"),), None)


def test_a_technician_is_shown_what_they_work_on() -> None:
    own = (name("person", "me"), name("assignee", "me"), name("watcher", "me"), name("team", "hardware"))
    technician = identity(Role.TECHNICIAN, "hardware")
    assert visible_lists(technician) == own
    assert window(technician, View.ALL, None, None) == (own, None)
    assert window(technician, View.GROUP, "hardware", None).within is None
    assert window(technician, View.GROUP, "software", None) == ((name("team", "software"),), own)
    assert window(technician, View.UNREAD, None, None) == ((name("unread", "me"),), own)


def test_a_customer_is_shown_where_they_take_part() -> None:
    assert window(identity(Role.CUSTOMER), View.ALL, None, None) == ((name("person", "me"),), None)
    assert window(identity(Role.CUSTOMER, "hardware"), View.GROUP, None, None).within == (name("person", "me"),)


@pytest.mark.parametrize(
    ("role", "view", "group", "status"),
    [
        (Role.AGENT, View.ALL, "hardware", None),
        (Role.AGENT, View.ALL, None, "broken"),
        (Role.CUSTOMER, View.ALL, None, "open"),
    ],
)
def test_what_makes_no_sense_is_said(role: Role, view: View, group: str | None, status: str | None) -> None:
    with pytest.raises(InvalidQuery):
        window(identity(role), view, group, status)
