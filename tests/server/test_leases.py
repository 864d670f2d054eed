"""Client ids: one holder each, durable before they are told, and never lent twice."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.errors import CloseCode, ProtocolViolation
from syncline_protocol.limits import LEASE_CLIENT_ID_MAX, LEASE_CLIENT_ID_MIN
from syncline_server import leases
from syncline_server.leases import Leases
from syncline_server.storage.interface import LeaseHolder, StoreUnavailable
from syncline_server.storage.sqlite import SqliteStore


def identity(user: str = "mei", device: str = "phone", tenant: str = "default") -> Identity:
    """A device."""
    return Identity(tenant=tenant, user=user, device=device, role=Role.AGENT)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A store."""
    async with SqliteStore(tmp_path / "data") as opened:
        yield opened


async def test_a_device_keeps_its_id_and_no_other_has_it(store: SqliteStore) -> None:
    lent = Leases(store)
    first = await lent.current(identity(), 0)
    assert LEASE_CLIENT_ID_MIN <= first <= LEASE_CLIENT_ID_MAX
    assert await lent.current(identity(), 0) == first
    assert await lent.current(identity(), first) == first
    others = [identity(device="desktop"), identity(user="jin"), identity(tenant="other")]
    assert len({await lent.current(other, first) for other in others} | {first}) == 4


async def test_a_lease_is_durable_before_it_is_told(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "data") as store:
        first = await Leases(store).current(identity(), 0)
    async with SqliteStore(tmp_path / "data") as store:
        assert await store.read_holder(first) == LeaseHolder("default", "mei", "phone")
        assert await Leases(store).current(identity(), 0) == first


async def test_a_device_that_asks_twice_at_once_is_lent_one_id(store: SqliteStore) -> None:
    lent = Leases(store)
    assert len(set(await asyncio.gather(*(lent.current(identity(), 0) for _ in range(20))))) == 1


async def test_an_older_id_of_its_own_may_still_be_held(store: SqliteStore) -> None:
    """A device that was lent a new id and lost the answer still writes under the old one."""
    lent = Leases(store)
    old = await lent.current(identity(), 0)
    new = await lent.new(identity())
    assert new != old
    assert await lent.current(identity(), old) == old
    assert await lent.current(identity(), 0) == new


@pytest.mark.parametrize("held", [1, LEASE_CLIENT_ID_MIN, LEASE_CLIENT_ID_MAX, 2**53 - 1])
async def test_an_id_that_nobody_lent_is_not_accepted(store: SqliteStore, held: int) -> None:
    assert await Leases(store).current(identity(), held) != held


async def test_an_id_in_use_is_not_lent_again(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the dice say: the next candidate is taken, and when none is left that is an error."""
    monkeypatch.setattr(leases, "CANDIDATES", 2)
    draws = iter([5, 6, 5, 7, 5, 7])
    monkeypatch.setattr(secrets, "randbelow", lambda _: next(draws))
    lent = Leases(store)
    assert await lent.new(identity()) == LEASE_CLIENT_ID_MIN + 5
    assert await lent.new(identity(device="desktop")) == LEASE_CLIENT_ID_MIN + 7
    with pytest.raises(ProtocolViolation) as caught:
        await lent.new(identity(device="tablet"))
    assert caught.value.close_code is CloseCode.STORAGE_UNAVAILABLE


# --- stock clients


async def test_an_id_that_a_stock_client_drew_is_its_first_users(store: SqliteStore) -> None:
    lent = Leases(store)
    assert await lent.bind(identity(), 7)
    assert await lent.bind(identity(device="yjs-2"), 7)
    assert not await lent.bind(identity(user="jin"), 7)
    assert not await lent.bind(identity(tenant="other"), 7)


async def test_no_stock_client_takes_an_id_of_the_leases(store: SqliteStore) -> None:
    lent = Leases(store)
    mine = await lent.current(identity(), 0)
    for client in (LEASE_CLIENT_ID_MIN, mine, LEASE_CLIENT_ID_MAX, 2**53 - 1):
        assert not await lent.bind(identity(), client)
        assert await store.read_holder(client) == (LeaseHolder("default", "mei", "phone") if client == mine else None)
    assert await lent.bind(identity(), LEASE_CLIENT_ID_MIN - 1)


async def test_a_bound_id_is_no_lease_of_a_device(store: SqliteStore) -> None:
    lent = Leases(store)
    await lent.bind(identity(), 7)
    assert await lent.current(identity(), 7) >= LEASE_CLIENT_ID_MIN


# --- a store that fails


@pytest.mark.parametrize("call", ["read_holder", "read_lease", "lease", "bind"])
async def test_a_store_that_fails_ends_the_session_and_lends_nothing(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("the disk is gone")

    monkeypatch.setattr(store, call, broken)
    lent = Leases(store)
    with pytest.raises(ProtocolViolation, match="the disk is gone") as caught:
        await (lent.bind(identity(), 7) if call == "bind" else lent.current(identity(), 5))
    assert caught.value.close_code is CloseCode.STORAGE_UNAVAILABLE
    monkeypatch.undo()
    assert await store.read_lease(LeaseHolder("default", "mei", "phone")) is None
