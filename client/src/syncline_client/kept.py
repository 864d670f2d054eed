"""What a device keeps that is no document: the role its user has, the tenant's rules, the inbox as it last was.

Nothing that somebody wrote is among it: what may have to be erased is in documents. It lies in the store beside those,
each one payload under a name of its own, stored as a state is; no document is ever called so, since their names have a
kind and an id.
"""

from typing import Final

from syncline_client.store import ReplaceState, Store

ROLE: Final = ".role"
CONFIGURATION: Final = ".configuration"
INBOX: Final = ".inbox"


async def read_kept(store: Store, what: str) -> bytes:
    """What is kept under this name; empty if there is nothing. Raises `StoreError`."""
    return (await store.read_content(what)).state


async def keep(store: Store, what: str, payload: bytes) -> None:
    """Keep `payload` from now on; it may be lost with power, since the server has it. Raises `StoreError`."""
    await store.commit([ReplaceState(what, payload, 0)])
