"""Figures of tickets: what there is to say of a period, as values, and how single times become one of them.

What each figure means stands in `documents/ticket_times.py` of the protocol and in docs/guide.md ("Figures and what
they mean"), under the names of the fields here. Lengths are milliseconds, shares are between 0 and 1, and None stands
where there is nothing to be told.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

MEDIAN: Final = (1, 2)
P90: Final = (9, 10)

SHARE_DIGITS: Final = 4


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Several times in three: `median_ms` is the least that half of them do not exceed, `p90_ms` nine of ten."""

    median_ms: int
    p90_ms: int
    mean_ms: int


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """How often what is promised was kept. `share`: kept of all that is decided."""

    kept: int
    broken: int
    share: float | None


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """How long something took, `count` times: by the clock, and in the working hours of the ticket's group then."""

    count: int
    calendar: Spread | None
    business: Spread | None


class Promised(Timing, frozen=True, kw_only=True):
    """Something that was promised within some time."""

    promise: Promise


class ScoreFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What customers said: how many, the share of what was resolved, the mean, and how often each score."""

    count: int
    share: float | None
    mean: float | None
    scores: Mapping[str, int]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of a period, or of a part of it."""

    opened: int
    resolved: int
    reopened: int
    closed: int
    open: int
    first_response: Promised
    unanswered: int
    reply_after_reopening: Timing
    resolution: Promised
    work: Spread | None
    waiting: Spread | None
    on_hold: Spread | None
    handovers: float | None
    reopen_rate: float | None
    repeat_inquiries: int
    repeat_rate: float | None
    satisfaction: ScoreFigures


NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "opened": {"zh": "新建工单数", "en": "Opened"},
    "resolved": {"zh": "解决数", "en": "Resolved"},
    "reopened": {"zh": "重开数", "en": "Reopened"},
    "closed": {"zh": "关闭数", "en": "Closed"},
    "open": {"zh": "期末未结数", "en": "Open at the end"},
    "first_response": {"zh": "首次响应时间", "en": "First response time"},
    "unanswered": {"zh": "未响应数", "en": "Without a response"},
    "reply_after_reopening": {"zh": "重开后响应时间", "en": "Reply after reopening"},
    "resolution": {"zh": "解决时间", "en": "Resolution time"},
    "work": {"zh": "处理时长", "en": "Time at work"},
    "waiting": {"zh": "等待客户时长", "en": "Time waiting for the customer"},
    "on_hold": {"zh": "挂起时长", "en": "Time on hold"},
    "handovers": {"zh": "平均转手次数", "en": "Handovers"},
    "reopen_rate": {"zh": "重开率", "en": "Reopen rate"},
    "repeat_inquiries": {"zh": "重复咨询数", "en": "Repeat inquiries"},
    "repeat_rate": {"zh": "重复咨询率", "en": "Repeat rate"},
    "satisfaction": {"zh": "满意度", "en": "Satisfaction"},
}  # fmt: skip
"""What people call each figure, by the name of its field."""


def spread(times_ms: Sequence[int]) -> Spread | None:
    """The spread of these times, in whatever order; None of none."""
    if not times_ms:
        return None
    ranked = sorted(times_ms)
    return Spread(
        median_ms=ranked[_rank(MEDIAN, len(ranked))],
        p90_ms=ranked[_rank(P90, len(ranked))],
        mean_ms=(2 * sum(ranked) + len(ranked)) // (2 * len(ranked)),
    )


def share(part: int, whole: int) -> float | None:
    """One part of a whole; None of nothing."""
    return round(part / whole, SHARE_DIGITS) if whole else None


def _rank(of: tuple[int, int], count: int) -> int:
    """The place of the least value that this part of them does not exceed ("nearest rank"), in whole numbers."""
    part, parts = of
    return -(-count * part // parts) - 1


class Taken(NamedTuple):
    """How long one thing took."""

    calendar_ms: int
    business_ms: int


class Timed:
    """Times of one kind, while they come in."""

    __slots__ = ("broken", "business_ms", "calendar_ms", "kept")

    def __init__(self) -> None:
        self.calendar_ms: list[int] = []
        self.business_ms: list[int] = []
        self.kept = 0
        self.broken = 0

    def add(self, taken: Taken | None, *, is_kept: bool | None = None) -> None:
        """One more (None: it has not happened); `is_kept`: whether a promise was kept, where that is decided."""
        if taken is not None:
            self.calendar_ms.append(taken.calendar_ms)
            self.business_ms.append(taken.business_ms)
        if is_kept is not None:
            self.kept += is_kept
            self.broken += not is_kept

    def timing(self) -> Timing:
        """What they come to."""
        calendar, business = spread(self.calendar_ms), spread(self.business_ms)
        return Timing(count=len(self.calendar_ms), calendar=calendar, business=business)

    def promised(self) -> Promised:
        """The same, with the promise."""
        promise = Promise(kept=self.kept, broken=self.broken, share=share(self.kept, self.kept + self.broken))
        calendar, business = spread(self.calendar_ms), spread(self.business_ms)
        return Promised(count=len(self.calendar_ms), calendar=calendar, business=business, promise=promise)


class Tally:
    """Figures while tickets come in, one after the other."""

    __slots__ = (
        *("askable", "closed", "handovers", "on_hold_ms", "open", "opened", "reopened", "repeats", "replies"),
        *("resolutions", "responses", "returned", "scores", "unanswered", "waiting_ms", "work_ms"),
    )

    def __init__(self) -> None:
        self.opened = self.reopened = self.closed = self.open = 0
        self.unanswered = 0
        self.repeats = 0
        self.askable = 0
        """Opened tickets of which one could tell whether they repeat another: with a customer and an issue type."""
        self.returned = 0
        """Resolutions after which the ticket was reopened."""
        self.handovers = 0
        self.responses = Timed()
        self.replies = Timed()
        self.resolutions = Timed()
        self.work_ms: list[int] = []
        self.waiting_ms: list[int] = []
        self.on_hold_ms: list[int] = []
        self.scores: Counter[int] = Counter()

    def figures(self) -> Figures:
        """What it comes to."""
        resolved = len(self.resolutions.calendar_ms)
        scored = self.scores.total()
        said = sum(score * count for score, count in self.scores.items())
        return Figures(
            opened=self.opened,
            resolved=resolved,
            reopened=self.reopened,
            closed=self.closed,
            open=self.open,
            first_response=self.responses.promised(),
            unanswered=self.unanswered,
            reply_after_reopening=self.replies.timing(),
            resolution=self.resolutions.promised(),
            work=spread(self.work_ms),
            waiting=spread(self.waiting_ms),
            on_hold=spread(self.on_hold_ms),
            handovers=share(self.handovers, resolved),
            reopen_rate=share(self.returned, resolved),
            repeat_inquiries=self.repeats,
            repeat_rate=share(self.repeats, self.askable),
            satisfaction=ScoreFigures(
                count=scored,
                share=share(scored, resolved),
                mean=share(said, scored),
                scores={str(score): count for score, count in sorted(self.scores.items())},
            ),
        )
