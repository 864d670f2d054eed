"""Tokens for whoever holds the server's secret: a loader that speaks for many people, a test.

A device of one person is given its token. The claims are those of `docs/protocol.md` section 12.
"""

from pathlib import Path
from typing import Final

import jwt

ISSUER: Final = "syncline"
ALGORITHM: Final = "HS256"


class NoSecret(Exception):
    """There is no server's secret where it was looked for."""


def read_secret(data: Path) -> bytes:
    """The secret in a server's data folder. Raises `NoSecret`."""
    try:
        return (data / "secret").read_bytes()
    except OSError as error:
        raise NoSecret(f"no secret in {data} ({error.strerror}): give the folder of `syncline serve --data`") from error


class Issuer:
    """Issues tokens that the server with this secret accepts, valid for `ttl_s` seconds from `now_ms` on."""

    def __init__(self, secret: bytes, *, tenant: str, now_ms: int, ttl_s: int) -> None:
        self._secret = secret
        self._claims = {
            "iss": ISSUER,
            "aud": ISSUER,
            "tenant": tenant,
            "iat": now_ms / 1000,
            "exp": now_ms / 1000 + ttl_s,
        }

    def token(self, user: str, role: str) -> str:
        """A token for `user`."""
        return jwt.encode(self._claims | {"sub": user, "role": role}, self._secret, algorithm=ALGORITHM)
