import dataclasses

import pytest
from syncline_protocol.documents.identity import STAFF, Identity, Role


def test_everybody_is_customer_auditor_server_or_staff() -> None:
    assert set(Role) == {Role.CUSTOMER, Role.AUDITOR, Role.SERVER} | STAFF
    assert not {Role.CUSTOMER, Role.AUDITOR, Role.SERVER} & STAFF


def test_roles_are_named_as_tokens_name_them() -> None:
    assert [role.value for role in Role] == [
        "customer", "agent", "technician", "supervisor", "admin", "auditor", "bot", "integration", "server",
    ]  # fmt: skip


def test_an_identity_does_not_change() -> None:
    identity = Identity(tenant="acme", user="alice", device="phone", role=Role.CUSTOMER)
    with pytest.raises(dataclasses.FrozenInstanceError):
        identity.role = Role.ADMIN  # type: ignore[misc]
    assert identity.groups == frozenset()
