"""Lists at a terminal of a phone's width and of a desk's: nothing is wider, and Chinese counts double."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType
from syncline_client.tables import hit_table, inbox_table, ticket_table
from syncline_protocol.clock import at_from_ms
from syncline_protocol.listings import Hit, InboxRow, InboxTicket, LastMessage, TicketRow

PHONE, DESK = 44, 110
NOW_MS = 1_790_000_000_000
TICKET = InboxTicket(
    id="t",
    number=17,
    subject="平板连不上网，重启以后还是不行",
    status="in_progress",
    priority="urgent",
    assignee="tom",
    group="network",
)
ROWS = (
    InboxRow(
        conversation="c-1",
        at=at_from_ms(NOW_MS),
        subject="平板连不上网，重启路由器以后还是不行，换了一根网线也没有用",
        customer="li",
        unread=3,
        last=LastMessage(id="m", at=1, by="li", type="text", text="我的平板连不上WiFi了，一直显示正在连接，怎么办呢？"),
        tickets=(TICKET,),
    ),
    InboxRow(
        conversation="c-2",
        at=at_from_ms(NOW_MS - 1),
        last=LastMessage(id="m", at=1, by="mei", type="text", text="[red]done[/red]"),
        tickets=(InboxTicket(id="u", status="strange", priority="odd"),),
    ),
    InboxRow(
        conversation="c-4",
        at=at_from_ms(NOW_MS - 2),
        last=LastMessage(id="m", at=1, by="server", type="system", text="Ticket #9: Accepted"),
    ),
    InboxRow(conversation="c-3", at=at_from_ms(NOW_MS - 2), last=LastMessage(id="m", at=1, by="li", type="text")),
)


def shown(table: RenderableType, width: int) -> list[str]:
    screen = io.StringIO()
    Console(file=screen, width=width, force_terminal=False).print(table, highlight=False)
    lines = screen.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= width
    return lines


def words(lines: list[str]) -> str:
    return "\n".join(" ".join(line.split()) for line in lines)


def test_an_inbox_on_a_phone_takes_a_few_lines_for_each() -> None:
    lines = shown(inbox_table(ROWS, width=PHONE, language="zh", now_ms=NOW_MS), PHONE)
    text = words(lines)
    assert "li 我的平板连不上WiFi了" in text
    assert "#17 处理中 紧急 tom" in text
    assert "mei: [red]done[/red]" in text, "what others write is no markup"
    assert "#… strange odd" in text, "what a newer server says is shown by its name"
    assert "（已撤回）" in text
    assert "\nTicket #9: Accepted" in text, "the server is nobody to be named"
    assert any("…" in line for line in lines), "what is too long ends so"


def test_an_inbox_on_a_desk_has_columns() -> None:
    lines = shown(inbox_table(ROWS, width=DESK, language="en", now_ms=NOW_MS), DESK)
    assert lines[0].split() == ["When", "Unread", "Customer", "Subject", "Ticket", "Last", "message"]
    assert "#17 In progress Urgent tom" in words(lines)
    assert [line.split()[1] for line in lines[1:2]] == ["3"]
    starts = {line.index("平板") for line in lines if "平板" in line}
    assert starts == {lines[0].index("Subject")}, "columns stand below their headings"


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_tickets_are_listed(width: int) -> None:
    fields = {name: getattr(TICKET, name) for name in TICKET.__struct_fields__}
    tickets = [TicketRow(**fields, opened_at=1, customer="li"), TicketRow(id="u-1", status="new", opened_at=1)]
    text = words(shown(ticket_table(tickets, width=width, language="zh"), width))
    assert "#17" in text
    assert "处理中" in text
    assert "u-1" in text, "without a subject its id stands for it"
    if width == PHONE:
        assert "处理中 · 紧急 · li → tom" in text
    else:
        assert "编号 状态 优先级 主题 负责人 小组 客户" in text


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_what_was_found_stands_out(width: int) -> None:
    hits = [
        Hit(
            kind="message", id="m", at=1, by="li", excerpt="我家在上海东边\x1b[2J", spans=((3, 5),), conversation="c-1"
        ),
        Hit(kind="ticket", id="t", at=1, by="mei", excerpt="上海", number=17),
    ]
    table = hit_table(hits, width=width, language="en", now_ms=NOW_MS)
    text = words(shown(table, width))
    assert "我家在上海东边�" in text
    assert "\x1b" not in text
    assert "Ticket #17" in text
    screen = io.StringIO()
    Console(file=screen, width=width, force_terminal=True, color_system="standard").print(table)
    assert "\x1b[1;33m上海" in screen.getvalue()
