"""The concurrency table of the design, row by row: what two devices do apart from each other, and what comes of it.

`begin` is known to both. `left` and `right` write without knowing of each other; then they come back, either of them
first, either of their clocks ahead. `shown` is what must be seen then, of what `view` takes out of a ticket; what
depends on who came first is a function of that.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from support.records import record_id
from support.ticket_devices import Device, Server
from syncline_protocol.documents.registers import Register
from syncline_protocol.documents.ticket import Ticket

Doing = Callable[[Device], object]
Shown = dict[str, Any]

MESSAGE: Final = record_id(77)
"""A message of the customer."""


class Crossing(NamedTuple):
    """One row. `bot`: who of the two is a program (`left`, `right`, or neither)."""

    name: str
    left: Doing
    right: Doing
    shown: Shown | Callable[[str], Shown]
    begin: Sequence[Doing] = ()
    bot: str = ""


class Outcome(NamedTuple):
    """What became of it on either device, and on the server."""

    left: Device
    right: Device
    server: Server


def play(crossing: Crossing, *, first: str, ahead: str) -> Outcome:
    """Both sides act apart and come back, `first` before the other; the clock of `ahead` is a minute ahead."""
    server = Server()
    opener = Device("opal", 0)
    opener.write("opened", subject="wifi", conversation="c1", customer="carol")
    for doing in crossing.begin:
        doing(opener)
    server.meet(opener)
    devices = {
        user: Device(user, number, ahead_ms=60_000 * (user == ahead), is_program=user == crossing.bot)
        for number, user in enumerate(("left", "right"), start=1)
    }
    for device in devices.values():
        server.meet(device)
    crossing.left(devices["left"])
    if crossing.right is customer_writes:
        right: Callable[[], object] = lambda: server.hear(MESSAGE)  # noqa: E731
    else:
        crossing.right(devices["right"])
        right = lambda: server.meet(devices["right"])  # noqa: E731
    steps = [lambda: server.meet(devices["left"]), right]
    for step in steps if first == "left" else reversed(steps):
        step()
    for device in devices.values():
        server.meet(device)
    return Outcome(devices["left"], devices["right"], server)


def view(ticket: Ticket) -> Shown:
    """What can be compared whoever came first: no ids and no stamps."""
    return {
        "status": ticket.status.value,
        "status_others": sorted(str(one.value) for one in ticket.status_others),
        "flags": sorted((flag.kind.value, flag.user) for flag in ticket.flags),
        "resolutions": {one.text for one in ticket.resolutions},
        "subject": register_view(ticket.subject),
        "issue_type": register_view(ticket.issue_type),
        "priority": register_view(ticket.priority),
        "fields": {name: register_view(register) for name, register in ticket.fields.items()},
        "assignee": ticket.assignee,
        "group": ticket.group,
        "watchers": set(ticket.watchers),
        "claims": {one.by: (one.state.value, one.holder) for one in ticket.claims},
        "notes": [one.text for one in ticket.notes],
        "checklist": [(one.text, one.done) for one in ticket.checklist],
        "links": len(ticket.links),
        "merged_into": ticket.merged_into,
        "heads": len(ticket.heads),
    }


def register_view(register: Register | None) -> tuple[Any, set[Any]] | None:
    """What is shown, and what else was said."""
    return None if register is None else (register.value, {one.value for one in register.others})


# --- what people do --------------------------------------------------------------------------------------------------


def to(status: str, **fields: Any) -> Doing:
    """Set the status."""
    return lambda device: device.write("status", status=status, **fields)


def resolve(device: Device) -> None:
    """Resolve it, with a text."""
    device.write("status", status="resolved", resolution=f"done by {device.user}")


def customer_writes(_: Device) -> None:
    """Somebody else's doing: `play` lets the server hear of it."""


def write(kind: str, **fields: Any) -> Doing:
    """Write an event of this kind."""
    return lambda device: device.write(kind, **fields)


def on_first(kind: str, field: str, of: str, **fields: Any) -> Doing:
    """Write an event of this kind that names, in `field`, the first event of type `of`."""

    def act(device: Device) -> None:
        named = next(id_ for id_, one in device.events.items() if one["type"] == of)
        device.write(kind, **fields | {field: named})

    return act


def both(*doings: Doing) -> Doing:
    """One after the other."""

    def act(device: Device) -> None:
        for doing in doings:
            doing(device)

    return act


claim: Final = write("claim")
note: Final = write("note", text="antenna?")

ACTIVITIES: Final[dict[str, tuple[Doing, str]]] = {
    "a note": (note, "resolved"),
    "a field": (write("field", name="serial", value="X1"), "resolved"),
    "a priority": (write("priority", priority="high"), "resolved"),
    "a topic": (write("topic", subject="no wifi at all"), "resolved"),
    "on hold": (to("on_hold"), "on_hold"),
    "resolved anew": (resolve, "resolved"),
    "a claim": (claim, "resolved"),
    "a transfer": (write("transfer", group="network"), "resolved"),
    "a link": (write("link", ticket="t2"), "resolved"),
    "an item of the checklist": (write("checklist_item", text="reset"), "resolved"),
}
"""What a person may do while somebody closes a resolved ticket, and the status then."""

CROSSINGS: Final = (
    Crossing(
        "resolve ‖ customer message",
        resolve,
        customer_writes,
        {
            "status": "in_progress",
            "flags": [("unseen_message", "left")],
            "resolutions": {"done by left"},
            "status_others": [],
        },
        [to("in_progress")],
    ),
    Crossing(
        "resolve ‖ resolve",
        resolve,
        resolve,
        {
            "status": "resolved",
            "resolutions": {"done by left", "done by right"},
            "status_others": ["resolved"],
            "flags": [],
        },
        [to("in_progress")],
    ),
    Crossing(
        "resolve ‖ awaiting customer",
        resolve,
        to("awaiting_customer"),
        {
            "status": "awaiting_customer",
            "flags": [("open_question", "left")],
            "status_others": ["resolved"],
            "resolutions": {"done by left"},
        },
        [to("in_progress")],
    ),
    Crossing(
        "resolve ‖ note",
        resolve,
        note,
        {"status": "resolved", "notes": ["antenna?"], "status_others": [], "flags": [], "heads": 2},
    ),
    Crossing(
        "resolve ‖ field edit",
        resolve,
        write("field", name="serial", value="X1"),
        {"status": "resolved", "fields": {"serial": ("X1", set())}, "status_others": [], "flags": []},
    ),
    Crossing(
        "in progress ‖ on hold",
        to("in_progress"),
        to("on_hold"),
        {"status": "on_hold", "status_others": ["in_progress"], "flags": []},
        [to("accepted")],
    ),
    *(
        Crossing(
            f"{verb} ‖ {name}",
            to(status),
            doing,
            {"status": shown, "flags": [(f"{verb}_overruled", "left")], "status_others": []},
            [resolve],
        )
        for verb, status in (("close", "closed"), ("cancel", "cancelled"))
        for name, (doing, shown) in ACTIVITIES.items()
    ),
    Crossing(
        "reopen ‖ close",
        to("in_progress"),
        to("closed"),
        {"status": "in_progress", "flags": [("close_overruled", "right")], "status_others": []},
        [resolve],
    ),
    Crossing(
        "reopen ‖ cancel",
        to("awaiting_customer"),
        to("cancelled"),
        {"status": "awaiting_customer", "flags": [("cancel_overruled", "right")], "status_others": []},
        [resolve],
    ),
    Crossing(
        "reopen ‖ resolve",
        both(to("in_progress"), to("accepted")),
        resolve,
        {"status": "accepted", "status_others": ["resolved"], "flags": []},
        [resolve],
    ),
    Crossing(
        "close ‖ close", to("closed"), to("closed"), {"status": "closed", "status_others": ["closed"], "flags": []}
    ),
    Crossing(
        "claim ‖ claim",
        both(claim, note),
        both(claim, note),
        lambda first: {
            "assignee": first,
            "claims": {"left": ("granted", "left"), "right": ("lost", "left")}
            if first == "left"
            else {"right": ("granted", "right"), "left": ("lost", "right")},
            "watchers": {"right"} if first == "left" else {"left"},
            "notes": ["antenna?", "antenna?"],
        },
    ),
    Crossing(
        "transfer ‖ claim",
        write("transfer", group="network"),
        both(claim, note),
        {"group": "network", "assignee": None, "watchers": {"right"}, "notes": ["antenna?"]},
        [write("transfer", group="hardware")],
    ),
    Crossing(
        "priority ‖ priority",
        write("priority", priority="low"),
        write("priority", priority="urgent"),
        {"priority": ("urgent", {"low"})},
        [write("priority", priority="normal")],
    ),
    Crossing(
        "a person's status ‖ a program's",
        resolve,
        to("awaiting_customer"),
        {"status": "resolved", "status_others": ["awaiting_customer"], "flags": []},
        bot="right",
    ),
    Crossing(
        "a person's field ‖ a program's",
        write("field", name="serial", value="by hand"),
        write("field", name="serial", value="guessed"),
        {"fields": {"serial": ("by hand", {"guessed"})}},
        bot="right",
    ),
    Crossing(
        "a person's topic ‖ a program's",
        write("topic", subject="by hand", issue_type="wifi"),
        write("topic", subject="guessed", issue_type="screen"),
        {"subject": ("by hand", {"guessed"}), "issue_type": ("wifi", {"screen"})},
        bot="right",
    ),
    Crossing(
        "a person's priority ‖ a program's",
        write("priority", priority="low"),
        write("priority", priority="urgent"),
        {"priority": ("low", {"urgent"})},
        bot="right",
    ),
    Crossing(
        "a person's claim ‖ a program's transfer",
        claim,
        write("transfer", group="network"),
        {"assignee": "left", "claims": {"left": ("granted", "left")}},
        bot="right",
    ),
    Crossing(
        "redaction ‖ a field set again",
        on_first("redaction", "event", "field"),
        write("field", name="serial", value="X2"),
        {"fields": {"serial": ("X2", set())}},
        [write("field", name="serial", value="4711 0815")],
    ),
    Crossing(
        "redaction ‖ a note",
        on_first("redaction", "event", "note"),
        note,
        {"notes": [None, "antenna?"]},
        [write("note", text="card 4711")],
    ),
    Crossing(
        "redaction of a resolution ‖ close",
        on_first("redaction", "event", "status"),
        to("closed"),
        {"status": "closed", "resolutions": set(), "flags": []},
        [resolve],
    ),
    Crossing(
        "redaction ‖ a mark on what it erases",
        on_first("redaction", "event", "checklist_item"),
        on_first("checklist_mark", "item", "checklist_item", done=True),
        {"checklist": [(None, True)]},
        [write("checklist_item", text="ask 4711")],
    ),
    Crossing(
        "merge ‖ edits",
        write("merge", into="t2"),
        both(note, to("on_hold"), write("priority", priority="high")),
        {
            "status": "merged",
            "merged_into": "t2",
            "notes": ["antenna?"],
            "status_others": ["on_hold"],
            "priority": ("high", set()),
        },
    ),
    Crossing(
        "link ‖ unlink",
        write("link", ticket="t2"),
        on_first("unlink", "link", "link"),
        {"links": 1},
        [write("link", ticket="t2")],
    ),
)
