"""Who is there: tokens, and when they stop counting.

A token is a JWT signed with HS256 and the secret in `DATA/secret`, with `iss aud sub tenant role iat exp` required.
It names a user; the device names itself in `Hello`. Rights end with `exp`, or earlier by a revocation.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import jwt
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.errors import CloseCode, ProtocolViolation

ALGORITHM: Final = "HS256"
ISSUER: Final = "syncline"
AUDIENCE: Final = "syncline"
REQUIRED_CLAIMS: Final = ("iss", "aud", "sub", "tenant", "role", "iat", "exp")
SECRET_BYTES: Final = 32
NAME_CHARACTERS_MAX: Final = 128
GROUPS_MAX: Final = 100


GroupsOf = Callable[[str], frozenset[str]]
"""The groups of a user, besides those in the token."""

NO_GROUPS: Final[frozenset[str]] = frozenset()


CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
"""In no name: lists of names stand one a line."""


class Grant:
    """What a valid token says: who, until when, and since when."""

    __slots__ = ("expires_ms", "groups", "issued_ms", "role", "tenant", "token_groups", "user")

    def __init__(self, claims: dict[str, Any], groups_of: GroupsOf = lambda _: NO_GROUPS) -> None:
        self.tenant = _name(claims, "tenant")
        self.user = _name(claims, "sub")
        try:
            self.role = Role(claims["role"])
        except ValueError as error:
            raise ProtocolViolation(CloseCode.UNAUTHENTICATED, f"no such role: {claims['role']!r}") from error
        if self.role is Role.SERVER:
            raise ProtocolViolation(CloseCode.UNAUTHENTICATED, "the server's role is not given to anybody")
        groups = claims.get("groups", [])
        if not isinstance(groups, list) or len(groups) > GROUPS_MAX or not all(isinstance(one, str) for one in groups):
            raise ProtocolViolation(CloseCode.UNAUTHENTICATED, "the claim `groups` is not a list of names")
        self.token_groups = frozenset(groups)
        """What the token itself says: groups that the configuration adds may change while a session lasts."""
        self.groups = self.token_groups | groups_of(self.user)
        self.issued_ms = int(claims["iat"] * 1000)
        self.expires_ms = int(claims["exp"] * 1000)

    def identity(self, device: str) -> Identity:
        """The identity under which `device` acts."""
        return Identity(tenant=self.tenant, user=self.user, device=device, role=self.role, groups=self.groups)


def _name(claims: dict[str, Any], claim: str) -> str:
    value = claims[claim]
    if not isinstance(value, str) or not 0 < len(value) <= NAME_CHARACTERS_MAX or CONTROL.search(value):
        raise ProtocolViolation(CloseCode.UNAUTHENTICATED, f"the claim `{claim}` is not a name")
    return value


class Authority:
    """Issues and checks tokens; knows what was revoked."""

    def __init__(self, secret: bytes, *, groups_of: GroupsOf = lambda _: NO_GROUPS) -> None:
        self._secret = secret
        self._groups_of = groups_of
        self._revoked: dict[tuple[str, str, str], int] = {}

    def issue(  # noqa: PLR0913 - one argument per claim
        self, *, tenant: str, user: str, role: str, groups: Iterable[str] = (), now_ms: int, ttl_s: float
    ) -> str:
        """A token for `user`. Raises `ProtocolViolation` when it would not be accepted."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user,
            "tenant": tenant,
            "role": role,
            "groups": sorted(groups),
            "iat": now_ms / 1000,
            "exp": now_ms / 1000 + ttl_s,
        }
        Grant(claims)
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def check(self, token: str, *, now_ms: int) -> Grant:
        """What `token` grants. Raises `ProtocolViolation` (4401, 4411 or 4410) when nothing."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": list(REQUIRED_CLAIMS), "verify_exp": False},
            )
            grant = Grant(claims, self._groups_of)
        except (jwt.InvalidTokenError, TypeError, ValueError, OverflowError) as error:
            raise ProtocolViolation(CloseCode.UNAUTHENTICATED, f"the token is not valid: {error}") from error
        if grant.expires_ms <= now_ms:
            raise ProtocolViolation(CloseCode.TOKEN_EXPIRED, "the token has expired")
        if self.is_revoked(grant.tenant, grant.user, "", grant.issued_ms):
            raise ProtocolViolation(CloseCode.SESSION_REVOKED, "the user was logged out")
        return grant

    def revoke(self, tenant: str, user: str, device: str, at_ms: int) -> None:
        """From now on refuse tokens of `user` on `device` ('' for all) issued up to `at_ms`."""
        key = (tenant, user, device)
        self._revoked[key] = max(at_ms, self._revoked.get(key, 0))

    def is_revoked(self, tenant: str, user: str, device: str, issued_ms: int) -> bool:
        """Whether a token issued at `issued_ms` no longer counts for this device."""
        return any(issued_ms <= self._revoked.get((tenant, user, one), -1) for one in {device, ""})


def read_secret(data: Path) -> bytes:
    """The signing secret in `data`, made on first use (readable by the owner only)."""
    path = data / "secret"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        data.mkdir(parents=True, exist_ok=True)
        draft = data / f".secret-{secrets.token_hex(8)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails when another process was first: its secret counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_bytes()
