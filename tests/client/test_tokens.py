"""Tokens made of a server's secret are those that the server accepts."""

import time
from pathlib import Path

import pytest
from support.server import ServerProcess
from syncline_client.tokens import Issuer, NoSecret, read_secret
from syncline_server.auth import Authority
from syncline_server.auth import read_secret as read_or_make_secret


def test_the_server_accepts_them(tmp_path: Path) -> None:
    authority = Authority(read_or_make_secret(tmp_path))
    now_ms = time.time_ns() // 1_000_000
    issuer = Issuer(read_secret(tmp_path), tenant="acme", now_ms=now_ms, ttl_s=60)
    grant = authority.check(issuer.token("ann", "customer"), now_ms=now_ms)
    assert (grant.user, grant.tenant, grant.role.value) == ("ann", "acme", "customer")
    assert grant.expires_ms == now_ms + 60_000


def test_a_folder_without_secret_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoSecret, match=r"no secret in .*: give the folder of `syncline serve --data`"):
        read_secret(tmp_path)


def test_a_running_servers_secret_is_found(server: ServerProcess) -> None:
    assert len(read_secret(server.data)) >= 32
