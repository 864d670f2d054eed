"""Random sets of records, each made by a `Random` alone: few people, words and stamps, so that much of it meets.

They are what admission would let through, and worse where a reducer must bear it: events that name later ones, absent
ones or themselves; types of later versions.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from support.records import record_id
from syncline_protocol.documents.erasure import erased

Value = dict[str, Any]

PEOPLE: Final = ("alice", "bo", "cy", "dan")
GROUPS: Final = ("net", "hardware")
STATUSES: Final = (
    "accepted",
    "in_progress",
    "awaiting_customer",
    "on_hold",
    "awaiting_internal",
    "resolved",
    "closed",
    "cancelled",
)
BLOB: Final = {"sha256": "9f" * 32, "name": "截图 1.png", "media_type": "image/png", "size": 7, "width": 9, "frames": 3}


def maybe(random: Random, **fields: Any) -> Value:
    """Each of these fields, or not."""
    return {name: value for name, value in fields.items() if random.random() < 0.5}


def written(random: Random, number: int, kind: str, /, *, by: Sequence[str] = PEOPLE, **fields: Any) -> Value:
    """A record of one of these people, at one of few stamps."""
    author = random.choice(by)
    at = random.randrange(8)
    return {"id": record_id(number), "by": author, "device": f"{author}-1", "at": at, "type": kind, **fields}


def shuffled(random: Random, values: Sequence[Any]) -> list[Any]:
    """The same in another order, some of them more than once."""
    repeated = [random.choice(values) for _ in range(random.randrange(5))] if values else []
    return random.sample([*values, *repeated], len(values) + len(repeated))


# --- tickets ---------------------------------------------------------------------------------------------------------


def _source(random: Random) -> Value:
    return maybe(
        random, source={"message": record_id(900), "start": 0, "end": random.randrange(9), "page": 1}, confidence=80
    )


def _given(random: Random) -> Value:
    named = maybe(random, user=random.choice(PEOPLE), group=random.choice(GROUPS))
    return named or {"group": "net"}


EVENTS: Final[dict[str, Callable[[Random, str], Value]]] = {
    "opened": lambda random, _: {
        "subject": random.choice("ab"),
        **maybe(random, conversation="c1", customer="carol", language="zh", via="rule"),
    },
    "topic": lambda random, _: {
        "subject": random.choice("cd"),
        **maybe(random, issue_type=random.choice(["wifi", "screen"])),
        **_source(random),
    },
    "field": lambda random, _: {
        "name": random.choice(["serial", "model"]),
        "value": random.choice(["x", "y", 7, True, None]),
        **_source(random),
    },
    "priority": lambda random, _: {"priority": random.choice(["low", "normal", "high", "urgent"])},
    "status": lambda random, _: {
        "status": random.choice(STATUSES),
        **maybe(random, reason="because", resolution=random.choice(["rebooted", "换了天线"])),
    },
    "claim": lambda _random, _: {},
    "assignment": lambda random, named: {
        "cause": named,
        **maybe(random, user=random.choice(PEOPLE), group=random.choice(GROUPS), status="accepted"),
        **maybe(random, because=random.choice([{}, {"load": 3}])),
    },
    "claim_lost": lambda random, named: {"cause": named, **maybe(random, holder=random.choice(PEOPLE))},
    "transfer": lambda random, _: {**_given(random), **maybe(random, reason="theirs")},
    "note": lambda random, _: {"text": random.choice(["hm", "好"])},
    "link": lambda random, named: {
        "conversation": "c1",
        **maybe(random, message=named, blob=BLOB, ticket="t2", relation="duplicate"),
    },
    "unlink": lambda _random, named: {"link": named},
    "checklist_item": lambda random, _: {"text": random.choice(["reset", "ask"])},
    "checklist_mark": lambda random, named: {"item": named, "done": random.random() < 0.6},
    "merge": lambda random, _: {"into": random.choice(["t2", "t3"])},
    "unmerge": lambda _random, named: {"merge": named},
    "satisfaction": lambda random, named: {
        "cause": named,
        "score": random.randint(1, 5),
        **maybe(random, text="thanks"),
    },
    "number": lambda random, named: {"cause": named, "number": random.randrange(3)},
    "reopened": lambda random, named: {"ended": named, "message": record_id(901), "unseen": random.random() < 0.7},
    "redaction": lambda random, named: {"event": named, **maybe(random, reason="pii")},
    "handoff": lambda random, _: maybe(random, status="resolved", to={"team": ["x"]}),
}
SERVERS: Final = frozenset({"assignment", "claim_lost", "satisfaction", "number", "reopened"})
NAMES: Final[dict[str, frozenset[str]]] = {
    "assignment": frozenset({"claim", "transfer", "opened"}),
    "claim_lost": frozenset({"claim"}),
    "unlink": frozenset({"link"}),
    "checklist_mark": frozenset({"checklist_item"}),
    "unmerge": frozenset({"merge"}),
    "reopened": frozenset({"status"}),
}
"""What an event of a type names, nearly always."""


def ticket_events(random: Random, *, count_max: int = 18) -> list[Value]:
    """Events of a ticket, which begins with `opened` nearly always."""
    count = random.randrange(count_max)
    wild = random.random() < 0.3
    kinds = random.choices([*EVENTS], k=count)
    if random.random() < 0.5:  # a narrow ticket, in which much of one kind meets
        kinds = random.choices(random.sample([*EVENTS], 3), k=count)
    if kinds and random.random() < 0.95:
        kinds[0] = "opened"
    return [_event(random, kinds, number, wild=wild) for number in range(count)]


def _event(random: Random, kinds: Sequence[str], number: int, *, wild: bool) -> Value:
    kind = kinds[number]
    fitting = [one for one, other in enumerate(kinds) if other in NAMES.get(kind, kinds)]
    named = random.choice(fitting) if fitting and random.random() < 0.9 else random.randrange(-1, len(kinds))
    author = ("server",) if kind in SERVERS and random.random() < 0.95 else PEOPLE
    event = written(random, number, kind, by=author, **EVENTS[kind](random, record_id(named + 1000 * (named < 0))))
    width = random.choice([1, 1, 2, 3])
    if wild:
        after = [random.randrange(-1, len(kinds)) + 1 for _ in range(width)]  # one beyond the last: it is not there
    else:
        after = [random.randrange(max(0, number - 4), number) for _ in range(width)] if number else []
        event["at"] = 8 * number + event["at"]
    event["after"] = [record_id(one) for one in dict.fromkeys(after)]
    if event["by"] != "server" and random.random() < 0.2:
        event["auto"] = True
    return erased(event) if random.random() < 0.08 else event


def public_steps(random: Random) -> list[Value]:
    """Steps of a ticket's public document."""
    return [
        written(
            random,
            number,
            random.choice(["step"] * 5 + ["survey"]),
            by=("server",),
            cause=record_id(800 + number),
            number=42,
            status=random.choice(["new", "in_progress", "resolved"]),
            labels=random.choice([{"zh": "处理中", "en": "In progress"}, {"en": "Resolved"}]),
            **maybe(random, subject="wifi", conversation="c1", responsible="Bo", expected_by=9, mood="good"),
        )
        for number in range(random.randrange(7))
    ]


# --- conversations and users -----------------------------------------------------------------------------------------

MESSAGES: Final[dict[str, Callable[[Random, str], Value]]] = {
    "text": lambda random, named: {"text": random.choice(["hi", "你好"]), **maybe(random, reply_to=named, lang="en")},
    "rich_text": lambda random, named: {"markup": "*hi*", **maybe(random, reply_to=named, lang="zh")},
    "image": lambda random, _: {"blob": BLOB, **maybe(random, caption="here")},
    "system": lambda random, _: {"event": "joined", **maybe(random, text="Bo joined", data={"user": "bo"})},
    "edit": lambda random, named: {"message": named, random.choice(["text", "markup"]): random.choice("xyz")},
    "recall": lambda _random, named: {"message": named},
    "reaction": lambda random, named: {
        "message": named,
        "emoji": random.choice(["👍", "\ufe0f", "𝄞"]),
        "on": random.random() < 0.7,
    },
    "redaction": lambda random, named: {"message": named, **maybe(random, reason="pii")},
    "satisfaction": lambda random, _: {"ticket": "t1", "score": random.randint(1, 5), **maybe(random, text="thanks")},
    "poll": lambda _random, named: {"message": named},
}


def segment_records(random: Random) -> list[Value]:
    """Records of a segment."""
    count = random.randrange(14)
    people = (*PEOPLE, "ünal", "𝄞", "\uff5e")  # beyond ASCII, where JavaScript orders otherwise
    return [
        erased(record) if random.random() < 0.1 and kind != "poll" else record
        for number in range(count)
        if (kind := random.choice([*MESSAGES, "text", "text"]))
        if (
            record := written(
                random, number, kind, by=people, **MESSAGES[kind](random, record_id(random.randrange(count + 1)))
            )
        )
    ]


HEADS: Final[dict[str, Callable[[Random], Value]]] = {
    "opened": lambda random: {
        "subject": random.choice("ab"),
        "channel": "chat",
        "language": random.choice(["en", "zh"]),
        **maybe(random, customer="carol", asked_by="bo"),
    },
    "participant_added": lambda random: {
        "user": random.choice(PEOPLE),
        "role": random.choice(["customer", "agent"]),
        **maybe(random, name="Bo"),
    },
    "participant_removed": lambda random: {"user": random.choice(PEOPLE)},
    "subject_changed": lambda random: {"subject": random.choice("cd")},
    "segment_opened": lambda random: {"segment": random.choice([1, 2, 10])},
    "closed": lambda _: {},
    "reopened": lambda _: {},
    "ticket_linked": lambda random: {"ticket": random.choice(["t1", "t2"]), "number": random.randrange(3)},
    "archived": lambda _: {},
}


def head_records(random: Random) -> list[Value]:
    """Records of a conversation's head."""
    kinds = random.choices([*HEADS], k=random.randrange(14))
    return [written(random, number, kind, by=("server",), **HEADS[kind](random)) for number, kind in enumerate(kinds)]


OWN: Final[dict[tuple[str, str], Callable[[Random], Value]]] = {
    ("read_markers", "read_marker"): lambda random: {
        "conversation": random.choice(["c1", "c2"]),
        "up_to": random.randrange(4),
        "message": record_id(random.randrange(4)),
    },
    ("drafts", "draft"): lambda random: {
        "conversation": random.choice(["c1", "c2"]),
        "text": random.choice(["", "a", "b"]),
    },
    ("settings", "setting"): lambda random: {
        "name": random.choice(["theme", "sounds"]),
        "value": random.choice([None, True, False, "dark", 3]),
    },
    ("mutes", "mute"): lambda _: {"conversation": "c1"},
}


def user_records(random: Random) -> list[tuple[str, Value]]:
    """Records of a user, each with its root."""
    places = random.choices([*OWN], k=random.randrange(12))
    return [
        (root, erased(record) if kind == "draft" and random.random() < 0.2 else record)
        for number, (root, kind) in enumerate(places)
        if (record := written(random, number, kind, **OWN[root, kind](random)))
    ]
