"""Who may open what: every role and kind of document, cell by cell, inside and outside the circle around it."""

from typing import Any, Final

import pytest
from syncline_protocol.documents.access import NOBODY, Circle, access
from syncline_protocol.documents.identity import SERVER_USER, Identity, Role
from syncline_protocol.frames import Access
from syncline_protocol.names import DocumentKind, DocumentName, parse_name

NONE, READ, APPEND, WRITE = Access.NONE, Access.READ, Access.APPEND, Access.WRITE

NAMES: Final = [
    parse_name(name)
    for name in ("conversation/c1", "conversation/c1/1", "ticket/t1", "ticket/t1/public", "ticket/t1/text", "page/p1")
]

#                     head    segment ticket  public text   page   own     another's
STAFF_ROW: Final = (  READ,   APPEND, APPEND, READ,  WRITE, WRITE, APPEND, NONE)  # fmt: skip

OUTSIDE: Final[dict[Role, tuple[Access, ...]]] = {
    Role.CUSTOMER:   (NONE,   NONE,   NONE,   NONE,  NONE,  NONE,  APPEND, NONE),
    Role.AGENT:      STAFF_ROW,
    Role.TECHNICIAN: (NONE,   NONE,   NONE,   NONE,  NONE,  WRITE, APPEND, NONE),
    Role.SUPERVISOR: STAFF_ROW,
    Role.ADMIN:      STAFF_ROW,
    Role.AUDITOR:    (READ,   READ,   READ,   READ,  READ,  READ,  READ,   NONE),
    Role.BOT:        STAFF_ROW,
    Role.INTEGRATION: STAFF_ROW,
    Role.SERVER:     (APPEND, APPEND, APPEND, APPEND, NONE, NONE,  NONE,   NONE),
}  # fmt: skip
"""Of somebody who has nothing to do with it."""

INSIDE: Final = OUTSIDE | {
    Role.CUSTOMER: (READ, APPEND, NONE, READ, NONE, NONE, APPEND, NONE),
    Role.TECHNICIAN: STAFF_ROW,
}
"""Of one of the people around it."""


def identity_of(role: Role, *, user: str = "", groups: frozenset[str] = frozenset()) -> Identity:
    """Alice's phone in a role, or the server."""
    if role is Role.SERVER:
        return Identity(tenant="acme", user=user or SERVER_USER, device="server", role=role)
    return Identity(tenant="acme", user=user or "alice", device="phone", role=role, groups=groups)


def cells(table: dict[Role, tuple[Access, ...]]) -> list[Any]:
    """Each role with each document and what it may do there."""
    own = {role: parse_name(f"user/{identity_of(role).user}") for role in Role}
    return [
        pytest.param(role, name, allowed, id=f"{role.value} {name.path}")
        for role, row in table.items()
        for name, allowed in zip([*NAMES, own[role], parse_name("user/carol")], row, strict=True)
    ]


@pytest.mark.parametrize(("role", "name", "allowed"), cells(OUTSIDE))
def test_access_of_those_outside(role: Role, name: DocumentName, allowed: Access) -> None:
    assert access(identity_of(role), name, Circle(frozenset({"bo"}), frozenset({"network"}))) == allowed
    assert access(identity_of(role), name, NOBODY) == allowed


@pytest.mark.parametrize(("role", "name", "allowed"), cells(INSIDE))
def test_access_of_those_inside(role: Role, name: DocumentName, allowed: Access) -> None:
    assert access(identity_of(role), name, Circle(frozenset({"bo", identity_of(role).user}))) == allowed


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.path)
def test_a_technicians_groups_let_them_in(name: DocumentName) -> None:
    technician = identity_of(Role.TECHNICIAN, groups=frozenset({"network", "audio"}))
    inside, outside = Circle(groups=frozenset({"network"})), Circle(groups=frozenset({"billing"}))
    assert access(technician, name, inside) == INSIDE[Role.TECHNICIAN][NAMES.index(name)]
    assert access(technician, name, outside) == OUTSIDE[Role.TECHNICIAN][NAMES.index(name)]


def test_a_group_lets_no_customer_in() -> None:
    customer = identity_of(Role.CUSTOMER, groups=frozenset({"network"}))
    for name in NAMES:
        assert access(customer, name, Circle(groups=frozenset({"network"}))) is NONE


def test_a_ticket_that_nobody_has_opened_is_any_technicians_to_open_and_no_customers() -> None:
    new = Circle(is_new=True)
    assert access(identity_of(Role.TECHNICIAN), parse_name("ticket/t1"), new) is APPEND
    for name in NAMES:
        assert access(identity_of(Role.CUSTOMER), name, new) is NONE


def test_a_customer_never_opens_what_the_staff_writes() -> None:
    everything = Circle(frozenset({"alice"}), frozenset({"network"}), is_new=True)
    customer = identity_of(Role.CUSTOMER, groups=frozenset({"network"}))
    for name in ("ticket/t1", "ticket/t1/text", "page/p1"):
        assert access(customer, parse_name(name), everything) is NONE


def test_the_tables_have_every_role_and_kind() -> None:
    assert set(OUTSIDE) == set(INSIDE) == set(Role)
    assert {name.kind for name in NAMES} | {DocumentKind.USER} == set(DocumentKind)


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SERVER}))
@pytest.mark.parametrize("name", [*NAMES, parse_name(f"user/{SERVER_USER}")], ids=lambda name: name.path)
def test_nobody_is_called_as_the_server(role: Role, name: DocumentName) -> None:
    assert access(identity_of(role, user=SERVER_USER), name, Circle(frozenset({SERVER_USER}))) is NONE


def test_the_servers_role_is_no_other_users() -> None:
    assert access(identity_of(Role.SERVER, user="alice"), NAMES[0], Circle(frozenset({"alice"}))) is NONE
