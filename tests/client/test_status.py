"""What a person reads about a device, in English and Chinese."""

from datetime import UTC

import pytest
from syncline_client.connection import ConnectionState, Standing
from syncline_client.status import TEXTS, Status, StatusLanguage
from syncline_client.store import Row

NOON_MS = 1_795_435_200_000  # 23 November 2026, 12:00 UTC
HOUR_MS = 3_600_000
REFUSED = Row(1, "page/p", "", "", b"", 0, "forbidden", "you may only read this page")


def status(
    standing: Standing, *, settled: bool = False, waiting: int = 0, refused: int = 0, reason: str = ""
) -> Status:
    return Status(ConnectionState(standing, NOON_MS - HOUR_MS, reason), settled, waiting, (REFUSED,) * refused)


@pytest.mark.parametrize(
    ("what", "english", "chinese"),
    [
        (status(Standing.ONLINE, settled=True), "Everything synced", "已全部同步"),
        (status(Standing.ONLINE), "Syncing", "正在同步"),
        (status(Standing.ONLINE, waiting=1), "1 edit not yet accepted", "1 条修改尚未被服务器接受"),
        (status(Standing.ONLINE, waiting=3), "3 edits not yet accepted", "3 条修改尚未被服务器接受"),
        (
            status(Standing.ONLINE, waiting=1)._replace(unopened=1),
            "1 document waits: as many as the server allows are open and in use; 1 edit not yet accepted",
            "1 个文档等待打开：服务器允许打开的文档都在使用中；1 条修改尚未被服务器接受",
        ),
        (
            status(Standing.ONLINE)._replace(unopened=3),
            "3 documents wait: as many as the server allows are open and in use",
            "3 个文档等待打开：服务器允许打开的文档都在使用中",
        ),
        (status(Standing.CONNECTING), "Connecting", "正在连接"),
        (
            status(Standing.OFFLINE, waiting=2),
            "Offline since 11:00; 2 edits not yet accepted",
            "自 11:00 起离线；2 条修改尚未被服务器接受",
        ),
        (status(Standing.STOPPED, reason="logged out"), "Stopped: logged out", "已停止：logged out"),
        (
            status(Standing.ONLINE, settled=True, refused=1),
            "Everything synced; 1 edit refused: you may only read this page",
            "已全部同步；1 条修改被拒绝：you may only read this page",
        ),
        (
            status(Standing.ONLINE, settled=True, refused=2),
            "Everything synced; 2 edits refused, the last because: you may only read this page",
            "已全部同步；2 条修改被拒绝，最近一条的原因：you may only read this page",
        ),
    ],
)
def test_one_line_says_it(what: Status, english: str, chinese: str) -> None:
    assert what.text("en", zone=UTC, now_ms=NOON_MS) == english
    assert what.text("zh", zone=UTC, now_ms=NOON_MS) == chinese


def test_a_store_that_fails_is_not_called_offline() -> None:
    state = ConnectionState(Standing.OFFLINE, NOON_MS - HOUR_MS, "the disk is full", store_failed=True)
    failed = Status(state, False, 1, ())
    assert failed.text("en", zone=UTC, now_ms=NOON_MS) == (
        "Not synced since 11:00, because this device cannot store: the disk is full; 1 edit not yet accepted"
    )
    assert failed.text("zh", zone=UTC, now_ms=NOON_MS) == (
        "自 11:00 起未同步，本设备无法存储：the disk is full；1 条修改尚未被服务器接受"
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_old_time_has_its_date(language: StatusLanguage) -> None:
    text = status(Standing.OFFLINE).text(language, zone=UTC, now_ms=NOON_MS + 24 * HOUR_MS)
    assert "2026-11-23 11:00" in text


def test_both_languages_say_the_same_things() -> None:
    assert set(TEXTS["en"]) == set(TEXTS["zh"])
