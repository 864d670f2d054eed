"""Client ids: who may write under which.

In Yjs anybody can write under any client id, and one forged struct makes the next edit of its victim vanish. So each id
has one holder: a device leases one from the server (above 2^32), a stock Yjs client's own (below) is bound to the first
user.
"""

import asyncio
import secrets
from typing import Final
from weakref import WeakValueDictionary

from syncline_protocol.documents.identity import Identity
from syncline_protocol.errors import CloseCode, ProtocolViolation
from syncline_protocol.limits import LEASE_CLIENT_ID_MAX, LEASE_CLIENT_ID_MIN

from syncline_server.storage.interface import LeaseHolder, Store, StoreError

CANDIDATES: Final = 4
"""Ids drawn at once; that all are taken is a matter of one in 10^30 at a million leases."""


class Leases:
    """Leases client ids to devices, durable before they are told."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._leasing: WeakValueDictionary[LeaseHolder, asyncio.Lock] = WeakValueDictionary()
        """One lease of a device at a time: of two that ask for its first one, the second gets the same."""

    async def current(self, identity: Identity, held: int) -> int:
        """`held` if it is leased to this device, else the id it has, else a new one."""
        holder = LeaseHolder(identity.tenant, identity.user, identity.device)
        try:
            if held and await self._store.read_holder(held) == holder:
                return held
            async with self._leasing.setdefault(holder, asyncio.Lock()):
                return await self._store.read_lease(holder) or await self._lease(holder)
        except StoreError as error:
            raise _closed(error) from error

    async def new(self, identity: Identity) -> int:
        """A new id for this device."""
        try:
            return await self._lease(LeaseHolder(identity.tenant, identity.user, identity.device))
        except StoreError as error:
            raise _closed(error) from error

    async def bind(self, identity: Identity, client: int) -> bool:
        """Bind an id that a stock Yjs client drew to its user; whether it is the user's now."""
        if client >= LEASE_CLIENT_ID_MIN:
            return False
        holder = LeaseHolder(identity.tenant, identity.user, "")
        try:
            return await self._store.bind(client, holder) == holder
        except StoreError as error:
            raise _closed(error) from error

    async def _lease(self, holder: LeaseHolder) -> int:
        span = LEASE_CLIENT_ID_MAX - LEASE_CLIENT_ID_MIN
        candidates = [LEASE_CLIENT_ID_MIN + secrets.randbelow(span) for _ in range(CANDIDATES)]
        return await self._store.lease(holder, candidates=candidates)


def _closed(error: StoreError) -> ProtocolViolation:
    return ProtocolViolation(CloseCode.STORAGE_UNAVAILABLE, f"the server cannot reach its store: {error}")
