"""What devices were promised, written down as it happens, to be held against the server after its crashes.

Two promises are counted: an acknowledged update is never missing (P1), and neither is one that was shown to another
device (P2). A position of a log, once told to anybody, holds the same update for ever, and no update has two.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

MARK: Final = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
"""Every update of these tests carries a UUIDv7 of its own in plain bytes: a record's id, or a word of a page's text."""


def marks(payload: bytes) -> set[bytes]:
    """The marks of the updates that `payload` (an update or a snapshot) is made of."""
    return set(MARK.findall(payload))


class Journal:
    """Everything told by the server, by document. `faults` says what contradicted it; none is the aim."""

    def __init__(self) -> None:
        self.acked: dict[str, set[bytes]] = defaultdict(set)
        self.shown: dict[str, set[bytes]] = defaultdict(set)
        self.head: dict[str, int] = defaultdict(int)
        self.faults: list[str] = []
        self.refusals: Counter[str] = Counter()
        self.acks = 0
        self.showings = 0
        self.snapshots = 0
        self._at: dict[tuple[str, int], bytes] = {}
        self._place: dict[tuple[str, bytes], int] = {}

    def opened(self, document: str, head: int, *, history_renewed: bool) -> None:
        """The server says how far it is: never less far than it once was."""
        if head < self.head[document]:
            self.faults.append(f"{document}: its head fell from {self.head[document]} to {head}")
        if history_renewed:
            self.faults.append(f"{document}: the server replaced its history")

    def ack(self, document: str, seq: int, payload: bytes) -> None:
        """The server acknowledged this update; `seq` 0 when it had it before."""
        self.acks += 1
        self.acked[document] |= marks(payload)
        if seq:
            self._note(document, seq, payload)

    def show(self, document: str, seq: int, payload: bytes) -> None:
        """The server showed this update to a device."""
        self.showings += 1
        self.shown[document] |= marks(payload)
        self._note(document, seq, payload)

    def show_snapshot(self, document: str, seq: int, payload: bytes) -> None:
        """The server showed everything up to `seq` at once."""
        self.snapshots += 1
        self.shown[document] |= marks(payload)
        self.head[document] = max(self.head[document], seq)

    def refuse(self, document: str, code: str, reason: str) -> None:
        """The server refused an update; `unavailable` and the like are counted, nothing else may happen."""
        self.refusals[code] += 1
        if code not in {"unavailable", "rate_limited"}:
            self.faults.append(f"{document}: an honest update was refused: {code}: {reason}")

    def missing(self, document: str, present: Iterable[bytes]) -> tuple[set[bytes], set[bytes]]:
        """Which acknowledged and which shown updates are not in `present`."""
        there = set(present)
        return self.acked[document] - there, self.shown[document] - there

    def _note(self, document: str, seq: int, payload: bytes) -> None:
        digest = hashlib.sha256(payload).digest()
        self.head[document] = max(self.head[document], seq)
        if self._at.setdefault((document, seq), digest) != digest:
            self.faults.append(f"{document}: two different updates were told to be at {seq}")
        if self._place.setdefault((document, digest), seq) != seq:
            self.faults.append(f"{document}: one update is at {self._place[document, digest]} and at {seq}")
