"""How a device stands, for a person: everything synced, or what is missing and since when."""

from datetime import UTC, datetime, tzinfo
from typing import Final, Literal, NamedTuple

from syncline_client.connection import ConnectionState, Standing
from syncline_client.store import Row

StatusLanguage = Literal["en", "zh"]

TEXTS: Final = {
    "en": {
        "synced": "Everything synced",
        "syncing": "Syncing",
        "connecting": "Connecting",
        "offline": "Offline since {since}",
        "store_failed": "Not synced since {since}, because this device cannot store: {reason}",
        "stopped": "Stopped: {reason}",
        "unopened": "{count} documents wait: as many as the server allows are open and in use",
        "unopened_one": "1 document waits: as many as the server allows are open and in use",
        "waiting": "{count} edits not yet accepted",
        "waiting_one": "1 edit not yet accepted",
        "refused": "{count} edits refused, the last because: {reason}",
        "refused_one": "1 edit refused: {reason}",
        "joint": "; ",
    },
    "zh": {
        "synced": "已全部同步",
        "syncing": "正在同步",
        "connecting": "正在连接",
        "offline": "自 {since} 起离线",
        "store_failed": "自 {since} 起未同步，本设备无法存储：{reason}",
        "stopped": "已停止：{reason}",
        "unopened": "{count} 个文档等待打开：服务器允许打开的文档都在使用中",
        "unopened_one": "1 个文档等待打开：服务器允许打开的文档都在使用中",
        "waiting": "{count} 条修改尚未被服务器接受",
        "waiting_one": "1 条修改尚未被服务器接受",
        "refused": "{count} 条修改被拒绝，最近一条的原因：{reason}",
        "refused_one": "1 条修改被拒绝：{reason}",
        "joint": "；",
    },
}
"""By language, then by what there is to say."""


class Status(NamedTuple):
    """`settled`: nothing is under way, as far as this device knows. `waiting`: edits not yet accepted. `unopened`:
    documents that wait to be opened because too many are open.
    """

    connection: ConnectionState
    settled: bool
    waiting: int
    refused: tuple[Row, ...]
    unopened: int = 0

    def text(self, language: StatusLanguage = "en", *, zone: tzinfo | None = None, now_ms: int) -> str:
        """One line for a person. `zone`: where the person is, by default the machine's."""
        words = TEXTS[language]
        parts = [self._connection(words, zone, now_ms)]
        if self.unopened:
            parts.append(words["unopened_one" if self.unopened == 1 else "unopened"].format(count=self.unopened))
        if self.waiting:
            parts.append(words["waiting_one" if self.waiting == 1 else "waiting"].format(count=self.waiting))
        if self.refused:
            key = "refused_one" if len(self.refused) == 1 else "refused"
            parts.append(words[key].format(count=len(self.refused), reason=self.refused[-1].reason))
        return words["joint"].join(part for part in parts if part)

    def _connection(self, words: dict[str, str], zone: tzinfo | None, now_ms: int) -> str:
        match self.connection.standing:
            case Standing.STOPPED:
                return words["stopped"].format(reason=self.connection.reason)
            case Standing.OFFLINE:
                since = moment(self.connection.since_ms, now_ms, zone)
                text = words["store_failed" if self.connection.store_failed else "offline"]
                return text.format(since=since, reason=self.connection.reason)
            case Standing.CONNECTING:
                return words["connecting"]
            case Standing.ONLINE:
                if self.settled:
                    return words["synced"]
                return "" if self.waiting or self.unopened else words["syncing"]


def moment(at_ms: int, now_ms: int, zone: tzinfo | None) -> str:
    """A time as a person says it: the hour today, with the date otherwise."""
    at, now = (datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone) for ms in (at_ms, now_ms))
    return at.strftime("%H:%M" if at.date() == now.date() else "%Y-%m-%d %H:%M")
