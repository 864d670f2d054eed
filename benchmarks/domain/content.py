"""What people write: English out of real dialogues, Chinese put together from what customers say after buying.

Every conversation is the same whenever it is made, so a second run loads the same store. Its first message names its
order, which nothing else does: a rare term. Words like `wifi` and 手机 are in a large part of all messages.
"""

from collections.abc import Sequence
from random import Random
from typing import Final

from benchmarks.load.records import SAMPLES, read_texts

WHO: Final = ("我的手机", "这台平板", "昨天买的电视", "路由器", "新耳机", "智能手表", "家里的音箱", "公司的打印机")
WHAT: Final = ("连不上WiFi", "一直黑屏", "充不进电", "声音很小", "更新以后很慢", "收不到短信", "屏幕碎了", "开不了机")
WHEN: Final = ("从今天早上开始", "已经三天了", "下载更新之后", "在上海出差的时候", "每次开会都这样", "刚刚又来一次")
ASK: Final = ("请帮我看一下", "怎么办呢", "能不能换货", "什么时候能修好", "需要寄回去吗", "谢谢您的耐心解答")

RARE_CHINESE: Final = ("琥珀", "蟋蟀", "鹦鹉", "翡翠", "蝙蝠", "骆驼", "葫芦", "琵琶")
"""Words that stand in one message of a thousand."""

RARE_EVERY: Final = 1_000


def order(conversation: int) -> str:
    """The order that a conversation is about."""
    return f"EC-{conversation:07d}"


class Content:
    """Texts of conversations by number."""

    def __init__(self, *, english: Sequence[str] | None = None) -> None:
        self._english = english or read_texts(SAMPLES)

    def texts(self, conversation: int, count: int) -> list[str]:
        """The messages of a conversation."""
        random = Random(conversation)
        is_chinese = conversation % 2 == 0
        texts = [self._chinese(random) if is_chinese else random.choice(self._english) for _ in range(count)]
        texts[0] = f"{texts[0]} ({order(conversation)})"
        return texts

    def _chinese(self, random: Random) -> str:
        parts = [random.choice(WHO), random.choice(WHAT), random.choice(WHEN), random.choice(ASK)]
        if random.randrange(RARE_EVERY) == 0:
            parts.append(f"收藏版{random.choice(RARE_CHINESE)}")
        return "，".join(parts)
