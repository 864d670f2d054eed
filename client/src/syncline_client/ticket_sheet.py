"""A ticket at a terminal: everything that is known of it on one page, what was kept apart included.

Between the commands and the terminal. The words of a value's source stand beside it, so that nobody has to ask again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from syncline_protocol.documents.labels import spoken
from syncline_protocol.documents.registers import Alternative, Register
from syncline_protocol.documents.ticket import ClaimOutcome, Ticket
from syncline_protocol.documents.ticket_public import PublicTicket, StepShown

from syncline_client.tables import QUIET, number, status, urgency
from syncline_client.wording import clean, field_name, moment_ms, one_line, say, when

INDENT: Final = 2

ENDING: Final = 6
"""Of an event's id, to name it by: what is random stands at the end."""

QUOTE_CHARACTERS: Final = 60
"""Of the message that a value was taken from."""


class Surroundings(NamedTuple):
    """What a page shows besides the ticket itself. `quotes`: texts of messages by id; `missing`: names of fields that
    it still needs; `unaccepted`: how many own events the server has not accepted; `issue_types`: words for those, by
    name.
    """

    language: str
    now_ms: int
    quotes: Mapping[str, str] = {}
    missing: Sequence[str] = ()
    unaccepted: int = 0
    issue_types: Mapping[str, str] = {}


def ticket_sheet(ticket: Ticket, around: Surroundings) -> RenderableType:
    """A ticket as its staff sees it."""
    language = around.language
    subject = "" if ticket.subject is None else one_line(str(ticket.subject.value))
    parts: list[RenderableType] = [f"[bold]{number(ticket.number)} {subject}[/bold]", _facts(ticket, around)]
    for heading, lines in (
        ("fields", _fields(ticket, around)),
        ("resolutions", [_dated(one.by, one.at, clean(one.text), around) for one in ticket.resolutions]),
        ("checklist", [f"{'☑' if one.done else '☐'} {_text(one.text, language)}" for one in ticket.checklist]),
        ("links", _links(ticket, around)),
        ("notes", [_dated(one.by, one.at, _text(one.text, language), around, one.id) for one in ticket.notes]),
    ):
        if lines:
            parts += [f"[{QUIET}]{say(heading, language)}[/]", *(Padding(line, (0, 0, 0, INDENT)) for line in lines)]
    parts += [f"[yellow]⚠ {line}[/yellow]" for line in _warnings(ticket, around)]
    return Group(*parts)


def _facts(ticket: Ticket, around: Surroundings) -> Table:
    language = around.language
    facts = {
        "status": _kept_apart(status(ticket.status, language), ticket.status_others, around, status),
        "priority": _priority(ticket.priority, around),
        "issue_type": _issue_type(ticket.issue_type, around),
        "assignee": one_line(ticket.assignee or say("nobody", language)),
        "group": one_line(ticket.group or ""),
        "customer": one_line(ticket.customer or ""),
        "conversation": one_line(ticket.conversation or ""),
        "opened": f"{when(ticket.opened_at, around.now_ms)} {one_line(ticket.opened_by)}",
        "merged_into": one_line(ticket.merged_into or ""),
        "watchers": one_line(", ".join(ticket.watchers)),
        "satisfaction": "" if ticket.satisfaction is None else "★" * ticket.satisfaction.score,
        "missing": ", ".join(one_line(field_name(name, language)) for name in around.missing),
    }
    return _pairs((say(name, language), value) for name, value in facts.items())


def _issue_type(register: Register | None, around: Surroundings) -> str:
    def word(name: str, _: str) -> str:
        return one_line(around.issue_types.get(name, name))

    if register is None:
        return ""
    return _kept_apart(word(str(register.value), ""), register.others, around, word)


def _priority(register: Register | None, around: Surroundings) -> str:
    if register is None:
        return ""
    return _kept_apart(urgency(str(register.value), around.language), register.others, around, urgency)


def _as_it_is(value: str, _: str) -> str:
    return one_line(value)


def _kept_apart(
    shown: str, others: Sequence[Alternative], around: Surroundings, word: Callable[[str, str], str] = _as_it_is
) -> str:
    """A value, and what else was said at the same time, with the end of the event's id by which it can be picked."""
    lines = [shown]
    for one in others:
        value = word(str(one.value), around.language)
        said = say("also_said", around.language, value=value, by=one_line(one.by), ending=one.event[-ENDING:])
        lines.append(f"[yellow]≠ {said}[/yellow]")
    return "\n".join(lines)


def _fields(ticket: Ticket, around: Surroundings) -> list[str]:
    lines = []
    for name, register in ticket.fields.items():
        if register.value is None and not register.others:
            continue
        value = "" if register.value is None else one_line(str(register.value))
        shown = f"{one_line(field_name(name, around.language))}  {value}{_source(register, around)}"
        lines.append(_kept_apart(shown, register.others, around))
    return lines


def _source(register: Register, around: Surroundings) -> str:
    if register.source is None:
        return ""
    quote = " ".join(around.quotes.get(register.source.message, "").split())
    if quote == str(register.value):
        quote = ""  # it is what was said
    shown = quote if len(quote) <= QUOTE_CHARACTERS else quote[:QUOTE_CHARACTERS] + "…"
    sure = "" if register.confidence is None else f" {register.confidence}%"
    return f" [{QUIET}]“{clean(shown)}”{sure}[/]" if shown else f" [{QUIET}]{sure.strip()}[/]"


def _links(ticket: Ticket, around: Surroundings) -> list[str]:
    lines = []
    for link in ticket.links:
        named = link.ticket or (link.blob.name if link.blob is not None else None)
        quote = around.quotes.get(link.message or "", "")
        what = named or (f"“{quote}”" if quote else link.message or link.conversation or "")
        lines.append(one_line(f"{link.relation} {what}" if link.relation else what))
    return lines


def _warnings(ticket: Ticket, around: Surroundings) -> list[str]:
    language = around.language
    warnings = []
    for claim in ticket.claims:
        if claim.state is ClaimOutcome.PROVISIONAL:
            warnings.append(say("claim_provisional", language, user=claim.by))
        elif claim.state is ClaimOutcome.LOST and claim.by in ticket.watchers:
            warnings.append(say("claim_lost", language, user=claim.by, holder=claim.holder))
    warnings += [say(f"flag_{flag.kind.value}", language, user=flag.user) for flag in ticket.flags]
    if around.unaccepted:
        warnings.append(say("unaccepted", language, count=around.unaccepted))
    return [one_line(one) for one in warnings]


def _dated(by: str, at: int, text: str, around: Surroundings, event: str = "") -> str:
    """What somebody wrote, and the end of the event's id by which it can be erased."""
    ending = f" …{event[-ENDING:]}" if event else ""
    return f"[{QUIET}]{when(at, around.now_ms)} {one_line(by)}{ending}[/]\n{text}"


def _text(text: str | None, language: str) -> str:
    return f"[{QUIET}]{say('erased', language)}[/]" if text is None else clean(text)


def public_sheet(ticket: PublicTicket, around: Surroundings) -> RenderableType:
    """A ticket as its customer sees it."""
    language = around.language
    facts = {
        "status": one_line(spoken(ticket.labels, language)),
        "assignee": one_line(ticket.responsible or ""),
        "expected_by": "" if ticket.expected_by is None else moment_ms(ticket.expected_by, around.now_ms),
    }
    steps = [
        Padding(f"[{QUIET}]{when(one.at, around.now_ms)}[/] {one_line(_step(one, language))}", (0, 0, 0, INDENT))
        for one in ticket.timeline
    ]
    return Group(
        f"[bold]#{ticket.number} {one_line(ticket.subject or '')}[/bold]",
        _pairs((say(name, language), value) for name, value in facts.items()),
        f"[{QUIET}]{say('timeline', language)}[/]",
        *steps,
    )


def _step(step: StepShown, language: str) -> str:
    text = spoken(step.labels, language)
    return text if step.responsible is None else text + say("responsible", language, name=step.responsible)


def _pairs(facts: Iterable[tuple[str, str]]) -> Table:
    """What there is to say, one thing a line, with its name before it."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style=QUIET, no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        if value:
            table.add_row(name, value)
    return table
