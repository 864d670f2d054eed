"""Who acts: the identity that a session has from its token, and the roles there are."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What somebody is to a tenant. `SERVER` is the server's own actor and is given to nobody."""

    CUSTOMER = "customer"
    AGENT = "agent"
    TECHNICIAN = "technician"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"
    AUDITOR = "auditor"
    BOT = "bot"
    INTEGRATION = "integration"
    SERVER = "server"


STAFF: Final = frozenset({Role.AGENT, Role.TECHNICIAN, Role.SUPERVISOR, Role.ADMIN, Role.BOT, Role.INTEGRATION})
"""Those who work on conversations and tickets. An auditor only reads them."""

PROGRAMS: Final = frozenset({Role.BOT, Role.INTEGRATION})
"""Those of them who are no persons."""

SERVER_USER: Final = "server"
"""The user in `by` of the server's own records. Nobody else of this name may open anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One user on one device, as the token (and for `device` the hello) says."""

    tenant: str
    user: str
    device: str
    role: Role
    groups: frozenset[str] = frozenset()
