"""What a device keeps beside its documents."""

from pathlib import Path

import pytest
from client.conftest import ServedPeer
from syncline_client import Device, MemoryStore, SqliteStore
from syncline_client.kept import CONFIGURATION, INBOX, ROLE, keep, read_kept
from syncline_protocol.errors import RefusedUpdate
from syncline_protocol.names import parse_name


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_what_is_kept_is_replaced_and_stays(kind: str, tmp_path: Path) -> None:
    memory = MemoryStore()

    def opened() -> MemoryStore | SqliteStore:
        return memory if kind == "memory" else SqliteStore(tmp_path / "phone.db")

    async with opened() as store:
        assert await read_kept(store, INBOX) == b""
        await keep(store, INBOX, b"first")
        await keep(store, CONFIGURATION, b"rules")
        await keep(store, INBOX, b"second")
    async with opened() as store:
        assert (await read_kept(store, INBOX), await read_kept(store, CONFIGURATION)) == (b"second", b"rules")
        assert await store.read_documents() == [], "it is no document"


@pytest.mark.parametrize("name", [ROLE, CONFIGURATION, INBOX])
def test_no_document_is_called_so(name: str) -> None:
    with pytest.raises(RefusedUpdate):
        parse_name(name)


async def test_the_role_is_known_offline_as_well(peer: ServedPeer, tmp_path: Path) -> None:
    async with Device(peer.url, token="ann", store=tmp_path / "phone.db") as device:
        assert device.replica.role == ""
        await device.connected()
        assert device.replica.role == "agent"
    async with Device("http://127.0.0.1:1", token="none", store=tmp_path / "phone.db") as offline:
        assert offline.replica.role == "agent"
