"""The embedded store keeps the interface's promises; its own failures are in `test_connections.py`."""

from pathlib import Path

import pytest
from server.storage.acceptance import OpenStore, StoreAcceptance
from syncline_server.storage import log_tables
from syncline_server.storage.connections import Durability
from syncline_server.storage.sqlite import SqliteStore


class TestSqliteStore(StoreAcceptance):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: SqliteStore(tmp_path / "data")


class TestSqliteStoreWithNormalDurability(StoreAcceptance):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: SqliteStore(tmp_path, durability=Durability.NORMAL)


class TestSqliteStoreThatFoldsAllTheTime(StoreAcceptance):
    """With a tail that is full after a few updates, every read meets the runs, and every race with a fold happens."""

    @pytest.fixture
    def open_store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenStore:
        monkeypatch.setattr(log_tables, "TAIL_BYTES_MAX", 1_000)
        monkeypatch.setattr(log_tables, "RUNS_PER_STATEMENT", 2)
        monkeypatch.setattr(log_tables, "RUNS_PER_READ", 3)
        monkeypatch.setattr(log_tables, "DOCUMENTS_PER_READ", 2)
        monkeypatch.setattr(log_tables, "HEADS_KEPT_MAX", 2)
        return lambda: SqliteStore(tmp_path)
