"""Tokens: what is accepted, what is not, and when rights end."""

import stat
import threading
from pathlib import Path

import jwt
import pytest
from syncline_protocol.documents.identity import Role
from syncline_protocol.errors import CloseCode, ProtocolViolation
from syncline_server.auth import Authority, read_secret

NOW_MS = 1_700_000_000_000
SECRET = b"s" * 32


def claims(**changes: object) -> dict[str, object]:
    """A good token's claims, changed; a claim set to None is left out."""
    good: dict[str, object] = {
        "iss": "syncline",
        "aud": "syncline",
        "sub": "mei",
        "tenant": "acme",
        "role": "agent",
        "groups": ["wifi"],
        "iat": NOW_MS / 1000,
        "exp": NOW_MS / 1000 + 60,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def refusal(token: str, authority: Authority | None = None, *, now_ms: int = NOW_MS) -> CloseCode:
    """The close code with which a token is refused."""
    with pytest.raises(ProtocolViolation) as caught:
        (authority or Authority(SECRET)).check(token, now_ms=now_ms)
    return caught.value.close_code


def test_an_issued_token_grants_what_it_was_issued_for() -> None:
    authority = Authority(SECRET)
    token = authority.issue(tenant="acme", user="mei", role="agent", groups=["wifi"], now_ms=NOW_MS, ttl_s=60)
    grant = authority.check(token, now_ms=NOW_MS)
    identity = grant.identity("phone")
    assert (identity.tenant, identity.user, identity.device, identity.role) == ("acme", "mei", "phone", Role.AGENT)
    assert (identity.groups, grant.expires_ms) == (frozenset({"wifi"}), NOW_MS + 60_000)


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "tenant", "role", "iat", "exp"])
def test_every_claim_is_required(missing: str) -> None:
    assert refusal(jwt.encode(claims(**{missing: None}), SECRET)) is CloseCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "other"},
        {"aud": "other"},
        {"role": "king"},
        {"role": "server"},
        {"sub": ""},
        {"sub": "x" * 129},
        {"sub": "mei\nboss"},
        {"tenant": 7},
        {"tenant": "ac\x7fme"},
        {"groups": "wifi"},
        {"groups": ["g"] * 101},
        {"exp": "soon"},
        {"iat": NOW_MS},
    ],
    ids=str,
)
def test_a_claim_that_is_not_as_it_should_be_is_refused(changes: dict[str, object]) -> None:
    assert refusal(jwt.encode(claims(**changes), SECRET)) is CloseCode.UNAUTHENTICATED


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", jwt.encode(claims(), b"another secret of 32 bytes......")])
def test_what_was_not_signed_by_us_is_refused(token: str) -> None:
    assert refusal(token) is CloseCode.UNAUTHENTICATED


def test_no_other_algorithm_is_accepted() -> None:
    assert refusal(jwt.encode(claims(), None, algorithm="none")) is CloseCode.UNAUTHENTICATED
    assert refusal(jwt.encode(claims(), SECRET * 2, algorithm="HS512")) is CloseCode.UNAUTHENTICATED


def test_a_token_ends_at_its_expiry_to_the_millisecond() -> None:
    token = jwt.encode(claims(), SECRET)
    assert Authority(SECRET).check(token, now_ms=NOW_MS + 59_999).user == "mei"
    assert refusal(token, now_ms=NOW_MS + 60_000) is CloseCode.TOKEN_EXPIRED


def test_a_logged_out_user_needs_a_newer_token() -> None:
    authority = Authority(SECRET)
    old = authority.issue(tenant="acme", user="mei", role="agent", now_ms=NOW_MS, ttl_s=60)
    authority.revoke("acme", "mei", "", NOW_MS)
    assert refusal(old, authority) is CloseCode.SESSION_REVOKED
    newer = authority.issue(tenant="acme", user="mei", role="agent", now_ms=NOW_MS + 1, ttl_s=60)
    assert authority.check(newer, now_ms=NOW_MS + 1).user == "mei"
    assert not authority.is_revoked("other", "mei", "", NOW_MS)


def test_a_device_is_logged_out_alone() -> None:
    authority = Authority(SECRET)
    authority.revoke("acme", "mei", "phone", NOW_MS)
    assert authority.is_revoked("acme", "mei", "phone", NOW_MS)
    assert not authority.is_revoked("acme", "mei", "desktop", NOW_MS)


def test_an_older_revocation_does_not_undo_a_newer_one() -> None:
    authority = Authority(SECRET)
    authority.revoke("acme", "mei", "", NOW_MS)
    authority.revoke("acme", "mei", "", NOW_MS - 5)
    assert authority.is_revoked("acme", "mei", "", NOW_MS)


def test_a_role_that_is_none_is_not_issued() -> None:
    with pytest.raises(ProtocolViolation, match="no such role"):
        Authority(SECRET).issue(tenant="acme", user="mei", role="king", now_ms=NOW_MS, ttl_s=60)


def test_the_secret_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    data = tmp_path / "data"
    secrets: list[bytes] = []
    threads = [threading.Thread(target=lambda: secrets.append(read_secret(data))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(secrets) == 8
    assert len({*secrets, read_secret(data)}) == 1
    assert stat.S_IMODE((data / "secret").stat().st_mode) == 0o600
    assert [path.name for path in data.iterdir()] == ["secret"]
