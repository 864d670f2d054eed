"""The reason of an assignment in words, for the staff, in Chinese or English: what `routing.py` kept as data."""

from collections.abc import Mapping
from typing import Any, Final

from syncline_protocol.clock import AT_MAX, COUNTER_BITS
from syncline_protocol.documents.labels import Labels, spoken

from syncline_server.domain.calendars import is_zone, local_time
from syncline_server.domain.configuration import Configuration, primary
from syncline_server.domain.routing import Routed

TEXTS: Final[Mapping[str, Labels]] = {
    "group_by issue_type": {
        "zh": "“{issue_type}”类问题由“{group}”组处理",
        "en": "{issue_type} goes to group {group}",
    },
    "group_by language": {
        "zh": "“{issue_type}”类{language}问题由“{group}”组处理",
        "en": "{issue_type} in {language} goes to group {group}",
    },
    "group_by transfer": {"zh": "转至“{group}”组", "en": "handed to group {group}"},
    "group_by otherwise": {
        "zh": "没有小组专门处理此类问题，由“{group}”组处理",
        "en": "no group has this kind of problem, so it goes to group {group}",
    },
    "is_understood": {"zh": "该组不使用{language}", "en": "it does not speak {language}"},
    "user_by load": {
        "zh": "当班 {on_shift} 人（共 {members} 人），其中 {user} 未完成的工单最少（{load} 个）",
        "en": "{user} has the fewest open tickets ({load}) of those on shift ({on_shift} of {members})",
    },
    "user_by nobody_on_shift": {
        "zh": "目前无人当班（共 {members} 人）",
        "en": "nobody is on shift (of {members})",
    },
    "user_by no_members": {"zh": "该组没有成员", "en": "the group has no members"},
    "next_opening": {"zh": "下次当班：{time}", "en": "next on shift: {time}"},
    "rule claim": {"zh": "由 {user} 认领", "en": "{user} claimed it"},
    "rule transfer": {"zh": "由 {by} 转给 {user}", "en": "{by} handed it to {user}"},
}
"""By what the reason says, in the order in which it is told."""

LANGUAGES: Final[Mapping[str, Labels]] = {
    "zh": {"zh": "中文", "en": "Chinese"},
    "en": {"zh": "英文", "en": "English"},
}
"""Names of languages; others are called by their tag."""

WEEKDAYS: Final = {
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

AT_MS_MAX: Final = AT_MAX >> COUNTER_BITS
"""The last time that a record can be stamped with."""


def explain(routed: Routed, language: str, *, configuration: Configuration | None = None) -> str:
    """Why a ticket is with this group and this person, in one line; empty if `because` says nothing known.

    It may come from a record that an older or newer server wrote. With `configuration`, groups and issue types are
    called by their labels.
    """
    because = routed.because
    in_words = _Words(language, configuration)
    values: dict[str, Any] = {**because, "group": in_words.group(routed.group), "user": routed.user or ""}
    values["issue_type"] = in_words.issue_type(because.get("issue_type"))
    values["language"] = in_words.language(because.get("language"))
    values["time"] = in_words.time(because.get("next_opening"), because.get("zone"))
    told = [f"{name} {because[name]}" for name in ("rule", "group_by") if name in because]
    told += ["is_understood"] if because.get("is_understood") is False else []
    told += [f"user_by {because['user_by']}"] if "user_by" in because else []
    told += ["next_opening"] if values["time"] else []
    parts = []
    for text in (spoken(TEXTS[one], language) for one in told if one in TEXTS):
        try:
            parts.append(text.format_map(values))
        except KeyError:  # a reason that lacks a value it should have is told without that part
            continue
    return ("；" if in_words.is_chinese else "; ").join(parts)


class _Words:
    """Names of things in a reader's language."""

    def __init__(self, language: str, configuration: Configuration | None) -> None:
        self.is_chinese = primary(language) == "zh"
        self._language = language
        self._configuration = configuration

    def group(self, name: str) -> str:
        known = None if self._configuration is None else self._configuration.groups.get(name)
        return spoken(known.labels, self._language) if known is not None and known.labels else name

    def issue_type(self, name: object) -> str:
        known = None if self._configuration is None else self._configuration.issue_types.get(str(name))
        return spoken(known.labels, self._language) if known is not None and known.labels else str(name)

    def language(self, tag: object) -> str:
        names = LANGUAGES.get(primary(str(tag)))
        return str(tag) if names is None else spoken(names, self._language)

    def time(self, at_ms: object, zone: object) -> str:
        """A time on the wall where it counts; empty if there is none."""
        if not isinstance(at_ms, int) or not isinstance(zone, str) or not 0 <= at_ms <= AT_MS_MAX or not is_zone(zone):
            return ""
        at = local_time(at_ms, zone)
        clock = f"{at.hour:02}:{at.minute:02}"
        if self.is_chinese:
            return f"{at.month}月{at.day}日 {WEEKDAYS['zh'][at.weekday()]} {clock}（{zone}）"
        return f"{WEEKDAYS['en'][at.weekday()]} {at.day} {MONTHS[at.month - 1]} {clock} ({zone})"
