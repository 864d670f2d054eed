"""Lists at a terminal: a table where there is room for columns, a few lines for each row where there is not.

Between the commands and the terminal. Widths are cells: a Chinese character takes two. Nothing here asks or waits.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from syncline_protocol.documents.identity import SERVER_USER
from syncline_protocol.documents.labels import priority_label, staff_label
from syncline_protocol.listings import Hit, InboxRow, InboxTicket, TicketRow

from syncline_client.wording import one_line, plain, say, when

WIDE_CELLS: Final = 72
"""From here on there are columns; a phone's terminal has about 44."""

UNNUMBERED: Final = "#…"

UNREAD_STYLE: Final = "bold"
QUIET: Final = "dim"
FOUND_STYLE: Final = "bold yellow"


def inbox_table(rows: Sequence[InboxRow], *, width: int, language: str, now_ms: int) -> RenderableType:
    """Conversations, the most recent first."""
    if width < WIDE_CELLS:
        return _stacked((when(row.at, now_ms), _conversation_lines(row, language)) for row in rows)
    table = _columns(("when", "unread", "customer", "subject", "ticket", "last"), language, growing=("subject", "last"))
    for row in rows:
        table.add_row(
            when(row.at, now_ms),
            str(row.unread or ""),
            one_line(row.customer or ""),
            one_line(row.subject or row.conversation),
            "\n".join(_ticket(one, language) for one in row.tickets),
            _last(row, language),
            style=UNREAD_STYLE if row.unread else "",
        )
    return table


def _conversation_lines(row: InboxRow, language: str) -> list[str]:
    unread = f" [{FOUND_STYLE}]●{row.unread}[/]" if row.unread else ""
    who = one_line(row.customer or "")
    title = f"[bold]{one_line(row.subject or row.conversation)}[/bold]{unread}"
    lines = [title, f"[{QUIET}]{who}[/] {_last(row, language)}".strip()]
    return lines + [_ticket(one, language) for one in row.tickets]


def _last(row: InboxRow, language: str) -> str:
    if row.last is None:
        return ""
    if row.last.text is None:
        return f"[{QUIET}]{say('taken_back', language)}[/]"
    by = "" if row.last.by in (row.customer, SERVER_USER) else f"{row.last.by}: "
    return one_line(by + row.last.text)


def _ticket(ticket: InboxTicket, language: str) -> str:
    parts = [number(ticket.number), status(ticket.status, language), urgency(ticket.priority, language)]
    return " ".join(part for part in [*parts, one_line(ticket.assignee or "")] if part)


def ticket_table(tickets: Sequence[TicketRow], *, width: int, language: str) -> RenderableType:
    """Tickets, in the order given."""
    if width < WIDE_CELLS:
        return _stacked((number(one.number), _ticket_lines(one, language)) for one in tickets)
    headings = ("number", "status", "priority", "subject", "assignee", "group", "customer")
    table = _columns(headings, language, growing=("subject",))
    for ticket in tickets:
        table.add_row(
            number(ticket.number),
            status(ticket.status, language),
            urgency(ticket.priority, language),
            one_line(ticket.subject or ticket.id),
            one_line(ticket.assignee or ""),
            one_line(ticket.group or ""),
            one_line(ticket.customer or ""),
        )
    return table


def _ticket_lines(ticket: TicketRow, language: str) -> list[str]:
    people = " → ".join(one_line(one) for one in (ticket.customer, ticket.assignee or ticket.group) if one)
    standing = [status(ticket.status, language), urgency(ticket.priority, language), people]
    return [f"[bold]{one_line(ticket.subject or ticket.id)}[/bold]", " · ".join(one for one in standing if one)]


def hit_table(hits: Sequence[Hit], *, width: int, language: str, now_ms: int) -> RenderableType:
    """What a search found, the newest first, with the matches standing out."""
    if width < WIDE_CELLS:
        return _stacked((when(hit.at, now_ms), [_where(hit, language), _excerpt(hit)]) for hit in hits)
    table = _columns(("when", "who", "where", "found"), language, growing=("found",))
    for hit in hits:
        table.add_row(when(hit.at, now_ms), one_line(hit.by), _where(hit, language), _excerpt(hit))
    return table


def _where(hit: Hit, language: str) -> str:
    if hit.kind == "ticket":
        return f"{say('ticket', language)} {number(hit.number)}"
    return one_line(hit.conversation or "")


def _excerpt(hit: Hit) -> Text:
    text = Text(plain(hit.excerpt), no_wrap=False)
    for start, end in hit.spans:
        text.stylize(FOUND_STYLE, start, end)
    return text


# --- what all of them are made of


def number(given: int | None) -> str:
    """A ticket's number, as people call it; of one that the server has not numbered yet, that it has none."""
    return UNNUMBERED if given is None else f"#{given}"


def status(name: str, language: str) -> str:
    """A status in words; one that this version does not know by its name."""
    try:
        return staff_label(name, language)
    except ValueError:
        return one_line(name)


def urgency(name: str | None, language: str) -> str:
    """A priority in words, the urgent ones standing out; nothing for none."""
    if name is None:
        return ""
    try:
        text = priority_label(name, language)
    except ValueError:
        text = one_line(name)
    return f"[red]{text}[/red]" if name in ("urgent", "high") else text


def _columns(headings: Iterable[str], language: str, *, growing: Sequence[str]) -> Table:
    """A table without lines. Columns that grow share the room that is left, and end in … where it is too little."""
    table = Table(box=None, pad_edge=False, expand=True, header_style=QUIET)
    for heading in headings:
        grows = heading in growing
        table.add_column(
            say(heading, language),
            ratio=1 if grows else None,
            no_wrap=True,
            overflow="ellipsis",
            justify="right" if heading in ("unread", "number") else "left",
        )
    return table


def _stacked(rows: Iterable[tuple[str, Sequence[str | Text]]]) -> Table:
    """Each row as a few lines behind what it is found by."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(style=QUIET, no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for key, lines in rows:
        for place, line in enumerate(lines):
            table.add_row("" if place else key, line)
    return table
