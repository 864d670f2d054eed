"""The store that ends with its process."""

import pytest
from client.store_acceptance import NAME, ROW, Reopen, StoreAcceptance
from syncline_client.store import AppendUpdates, PutDocument, PutRow, StoredDocument, StoredUpdate
from syncline_client.store_memory import MemoryStore


class TestMemoryStore(StoreAcceptance):
    @pytest.fixture
    def reopen(self) -> Reopen:
        store = MemoryStore()
        return lambda: store


async def test_a_backup_goes_its_own_way() -> None:
    store = MemoryStore()
    await store.commit([PutDocument(StoredDocument(NAME)), AppendUpdates(NAME, [StoredUpdate(1, b"one")])])
    backup = store.copy()
    await store.commit([PutRow(ROW), AppendUpdates(NAME, [StoredUpdate(2, b"two")])])
    assert await backup.read_rows() == []
    assert [one.seq for one in (await backup.read_content(NAME)).updates] == [1]
    assert await backup.read_documents() == await store.read_documents()
