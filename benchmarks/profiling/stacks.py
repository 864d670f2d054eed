"""Sampled stacks, and which part of the server each belongs to. No I/O here.

A stack is `thread;outer (file:line);…;inner (file:line)`, as py-spy writes it ("raw"). It is counted for the part of
the server that its innermost known frame belongs to: what the interpreter and the libraries below do for a part is
that part's.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

FRAME: Final = re.compile(r"(?P<function>.+) \((?P<file>[^()]+?)(?::\d+)?\)$")

PARTS: Final[Sequence[tuple[str, str]]] = (
    ("projections and automation", r"syncline_server/(projections|automation|domain)/"),
    ("store: its thread", r"aiosqlite/"),
    ("store", r"syncline_server/storage/"),
    ("admission: scan", r"syncline_protocol/update/"),
    ("admission: index, rules, digest", r"syncline_protocol/documents/|syncline_server/admission\.py"),
    ("session", r"syncline_server/(session|yjs|intake|rates|opening)\.py|syncline_protocol/codec\.py"),
    ("log", r"syncline_server/(log|document)\.py"),
    ("relay and acks", r"syncline_server/(relay|wire|outbox|presence)\.py"),
    ("compaction", r"syncline_server/engine\.py"),
    ("socket", r"syncline_server/socket\.py|/websockets/|uvicorn/protocols/"),
    ("event loop", r"uvloop/|asyncio/|uvicorn/|selectors\.py"),
)
"""In the order in which they are asked; the first that fits a file has it."""

REST: Final = "rest"
_PATTERNS: Final = [(part, re.compile(pattern)) for part, pattern in PARTS]
_ANY_OF_OURS: Final = [
    (part, pattern) for part, pattern in _PATTERNS if part not in ("event loop", "store: its thread")
]


class Profile(NamedTuple):
    """Samples by part, and by function: the innermost frame of its own, and anywhere on the stack."""

    total: int
    parts: Counter[str]
    own: Counter[str]
    within: Counter[str]

    def share(self, counts: Counter[str], name: str) -> float:
        """Of all samples."""
        return counts[name] / self.total if self.total else 0.0


def read(lines: Iterable[str]) -> Profile:
    """The profile of raw stacks. Lines that are none are passed over."""
    parts: Counter[str] = Counter()
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    total = 0
    for line in lines:
        stack, _, count = line.strip().rpartition(" ")
        if not stack or not count.isdigit():
            continue
        samples = int(count)
        frames = [match for frame in stack.split(";") if (match := FRAME.match(frame)) is not None]
        total += samples
        parts[part_of([match["file"] for match in frames])] += samples
        names = [f"{match['function']} ({_short(match['file'])})" for match in frames]
        own[names[-1] if names else REST] += samples
        for name in set(names):
            within[name] += samples
    return Profile(total, parts, own, within)


def part_of(files: Sequence[str]) -> str:
    """The part that the innermost of these files belongs to: one of ours if there is one, else whose thread it is."""
    for known in (_ANY_OF_OURS, _PATTERNS):
        for file in reversed(files):
            for part, pattern in known:
                if pattern.search(file):
                    return part
    return REST


def _short(file: str) -> str:
    return "/".join(file.split("/")[-2:])
