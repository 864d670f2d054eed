"""`syncline inbox` and `syncline search`: lists that live at the server."""

from typing import Annotated

import typer
from rich.console import RenderableType

from syncline_client.inbox import Inbox
from syncline_client.replica import now_ms
from syncline_client.tables import hit_table, inbox_table
from syncline_client.terminal import NOT_DONE, Access, View, command, connected, console, fail, print_json, run
from syncline_client.wording import clean, moment_ms, say

app = typer.Typer()


@command(app, "syncline inbox --view unread --watch")
def inbox(  # noqa: PLR0913 - one parameter per option
    *,
    which: Annotated[str, typer.Option("--view", help="all, mine, unread or group")] = "all",
    group: Annotated[str | None, typer.Option(help="With --view group: this one. Else all of your own.")] = None,
    status: Annotated[
        str | None, typer.Option(help="Only with a ticket of this status; open: that has not ended.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="So many conversations.")] = 50,
    watch: Annotated[bool, typer.Option("--watch", help="Go on: show what changes, until interrupted.")] = False,
    access: Access,
    view: View,
) -> None:
    """List conversations, those with the latest messages first.

    Without a server: as they were when this --store's device was connected the last time with its inbox open.
    """

    async def work() -> None:
        async with (
            connected(access) as device,
            device.inbox(view=which, group=group, status=status, limit=limit) as shown,
        ):
            if not shown.is_live and not shown.as_of_ms:
                fail(shown.reason)
            _print(shown, view)
            if watch:
                await _watch(shown, view)

    run(work())


async def _watch(shown: Inbox, view: View) -> None:
    async for change in shown.changes():
        if not view.json:
            console.rule(style="dim")
            _print(shown, view)
        elif change.is_anew:
            _print(shown, view)
        else:
            print_json({"rows": change.rows, "removed": change.removed})


def _print(shown: Inbox, view: View) -> None:
    if view.json:
        print_json({"rows": shown.rows, "is_live": shown.is_live})
        return
    language, now = view.language, now_ms()
    if not shown.is_live:
        as_of = say("as_of", language, moment=moment_ms(shown.as_of_ms, now), reason=shown.reason)
        console.print(f"[yellow]{clean(as_of)}[/yellow]", highlight=False)
    if shown.rows:
        _print_table(inbox_table(shown.rows, width=console.width, language=language, now_ms=now))
    else:
        console.print(say("nothing", language), highlight=False)
    if shown.has_more:
        console.print(f"[dim]{say('more', language)}[/dim]", highlight=False)


@command(app, "syncline search 上海 --kind message")
def search(  # noqa: PLR0913 - one parameter per option
    query: Annotated[list[str], typer.Argument(help="What to look for: all of it has to be there.")],
    *,
    kind: Annotated[str | None, typer.Option(help="message or ticket: only these.")] = None,
    conversation: Annotated[str | None, typer.Option(help="Only in this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="So many at most.")] = 20,
    access: Access,
    view: View,
) -> None:
    """Find messages and tickets, the newest first. Exits with 1 if there are none."""

    async def work() -> None:
        async with connected(access) as device:
            page = await device.search(" ".join(query), kind=kind, conversation=conversation, limit=limit)
        if view.json:
            print_json(page)
        elif page.hits:
            _print_table(hit_table(page.hits, width=console.width, language=view.language, now_ms=now_ms()))
            if page.next is not None:
                console.print(f"[dim]{say('more', view.language)}[/dim]", highlight=False)
        if not page.hits:
            if view.json:
                raise typer.Exit(NOT_DONE)
            fail(say("nothing", view.language))

    run(work())


def _print_table(table: RenderableType) -> None:
    console.print(table, highlight=False)
