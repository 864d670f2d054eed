"""`syncline chat`, `watch`, `say`, `load`, `status`, `doctor`: a device at the command line.

Those about tickets, lists and figures are in `cli_tickets.py`, `cli_inbox.py` and `cli_reports.py`, what all of them
share in `terminal.py`.

The server's `syncline` mounts these by the entry-point group `syncline.commands`.
"""

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from syncline_protocol.documents.schema import ROOTS
from syncline_protocol.names import Language, parse_name

from syncline_client import cli_inbox, cli_reports, cli_tickets
from syncline_client.changes import Change, ChangeKind
from syncline_client.chat import Chat
from syncline_client.client import Device
from syncline_client.comparison import Verdict
from syncline_client.dialogues import DialogueError, read_dialogues
from syncline_client.loading import Loaded, LoadError, TokenFor, load_dialogues
from syncline_client.replica import now_ms
from syncline_client.store import StoreError
from syncline_client.store_sqlite import SqliteStore
from syncline_client.terminal import (
    ASKED_WRONGLY,
    DEFAULT_URL,
    NOT_DONE,
    Access,
    Spoken,
    Token,
    Url,
    Wait,
    accepted,
    command,
    connected,
    console,
    errors,
    fail,
    language_of,
    opened,
    print_json,
    run,
    within,
)
from syncline_client.tokens import Issuer, NoSecret, read_secret

LOAD_TTL_S: Final = 3_600

app = typer.Typer(help="A device at the command line.", no_args_is_help=True)
app.add_typer(cli_tickets.app, name="ticket")
app.add_typer(cli_inbox.app)
app.add_typer(cli_reports.app)


@command(app, 'syncline say order-17 "The parcel is here."')
def say(
    conversation: Annotated[str, typer.Argument(help="Its id.")],
    text: Annotated[str, typer.Argument(help="What to say.")],
    *,
    access: Access,
) -> None:
    """Say something in a conversation, and wait until the server has it.

    Without a server it is stored, if there is a --store, and sent the next time that a device runs on that store.
    """

    async def work() -> None:
        async with connected(access) as device:
            handle = await device.conversation(conversation)
            message = await handle.say(text)
            await accepted(device, access, message)
            console.print(message, highlight=False)

    run(work())


@command(app, "syncline chat order-17 --store phone.db")
def chat(
    conversation: Annotated[str, typer.Argument(help="Its id.")],
    *,
    lang: Spoken = None,
    access: Access,
) -> None:
    """Take part in a conversation: what is said appears, what you type is said.

    Works offline with a --store that has been connected before: what you write waits and is sent later. In the chat,
    /help lists what else can be typed.
    """

    async def work() -> None:
        async with connected(access) as device:
            handle = await device.conversation(conversation)
            await Chat(device, handle, console, language=language_of(lang)).run()

    run(work())


@command(app, "syncline watch conversation/order-17/1 page/handbook")
def watch(
    documents: Annotated[list[str], typer.Argument(help="Names of documents.")],
    *,
    access: Access,
) -> None:
    """Print what happens in documents, one JSON object a line, until interrupted."""

    async def work() -> None:
        async with opened(access) as device:
            changes = device.changes(*documents)
            for name in documents:
                await device.follow(name)
            await within(access.wait, device.connected(), device, NOT_DONE)
            async for change in changes:
                _print_change(device, change)

    run(work())


def _print_change(device: Device, change: Change) -> None:
    line: dict[str, Any] = {"document": change.document, "kind": change.kind.value}
    wanted = set(change.records)
    if change.kind is ChangeKind.CLOSED:
        line["reason"] = device.connection.reason_of(change.document)
    if change.kind in (ChangeKind.RELOADED, ChangeKind.RECEIVED, ChangeKind.WRITTEN, ChangeKind.ACCEPTED):
        name = parse_name(change.document)
        records = [record for root in ROOTS[name.kind] for record in device.records(change.document, root)]
        if name.language is Language.RECORDS:
            line["records"] = [one for one in records if change.kind is ChangeKind.RELOADED or one["id"] in wanted]
    print_json(line)


@app.command(epilog="Example: syncline load samples/dialogues.json --data data")
def load(  # noqa: PLR0913 - one parameter per option
    file: Annotated[Path, typer.Argument(help="*.json (ours or ABCD), *.jsonl (ours), *.tsv (MultiDoGO).")],
    *,
    url: Url = DEFAULT_URL,
    data: Annotated[
        Path | None, typer.Option(help="The server's data folder: its secret makes tokens for all who speak.")
    ] = None,
    speaker: Annotated[
        list[str] | None, typer.Option("--as", help="USER=TOKEN for one who speaks; may be given several times.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="The company whose data it becomes.")] = "default",
    limit: Annotated[int | None, typer.Option(min=1, help="Load no more dialogues than this.")] = None,
) -> None:
    """Load dialogues, each message by its own author. Loading a file again adds only what is missing."""
    try:
        dialogues = read_dialogues(file)[:limit]
        tokens = _tokens(data, speaker or [], tenant)
    except (DialogueError, NoSecret) as error:
        fail(str(error), code=ASKED_WRONGLY)
    total = sum(len(dialogue.turns) for dialogue in dialogues)
    began = time.monotonic()
    came: list[Loaded] = []
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=errors
    ) as progress:
        bar = progress.add_task(file.name, total=total)

        def loaded(one: Loaded) -> None:
            came.append(one)
            progress.advance(bar, one.messages + len(one.refused))

        run(load_dialogues(dialogues, url, tokens, on_loaded=loaded))
    seconds = time.monotonic() - began
    messages, refused = sum(one.messages for one in came), [reason for one in came for reason in one.refused]
    console.print(
        f"{messages} messages in {len(came)} conversations, {seconds:.1f} s, {messages / seconds:.0f} messages/s",
        highlight=False,
    )
    if refused:
        fail(f"{len(refused)} messages were refused, the first because: {refused[0]}")


def _tokens(data: Path | None, speakers: list[str], tenant: str) -> TokenFor:
    given = dict(one.split("=", 1) for one in speakers if "=" in one)
    if data is None and not given:
        fail("give --data (the server's folder) or --as USER=TOKEN for each who speaks", code=ASKED_WRONGLY)
    issuer = None if data is None else Issuer(read_secret(data), tenant=tenant, now_ms=now_ms(), ttl_s=LOAD_TTL_S)

    def token_for(user: str, role: str) -> str:
        if user in given:
            return given[user]
        if issuer is None:
            raise LoadError(f"{user} speaks in a dialogue and has no token: give --as {user}=TOKEN, or --data")
        return issuer.token(user, role)

    return token_for


@app.command(epilog="Example: syncline status --store phone.db")
def status(
    store: Annotated[Path, typer.Option("--store", help="The device's file.")],
) -> None:
    """Show what a device's store has, and what of it the server has not accepted. Exits with 1 if there is such."""
    waiting, refused = asyncio.run(_show_store(store))
    if waiting or refused:
        raise typer.Exit(NOT_DONE)


async def _show_store(path: Path) -> tuple[int, int]:
    try:
        async with SqliteStore(path, read_only=True) as store:
            identity, documents, rows = (
                await store.read_identity(),
                await store.read_documents(),
                await store.read_rows(),
            )
    except StoreError as error:
        fail(str(error))
    table = Table(box=None, pad_edge=False)
    for column in ("document", "up to", "waiting", "refused"):
        table.add_column(column, justify="left" if column == "document" else "right")
    names = sorted({one.name for one in documents} | {row.document for row in rows})
    cursors = {one.name: one.cursor for one in documents}
    for name in names:
        counts = [sum(row.document == name and bool(row.code) is refused for row in rows) for refused in (False, True)]
        table.add_row(name, str(cursors.get(name, 0)), *(str(count or "") for count in counts))
    if identity is not None:
        console.print(f"device {identity.device} of {identity.user or 'nobody yet'}", highlight=False)
    console.print(table, highlight=False)
    for row in rows:
        if row.code:
            console.print(f"refused in {row.document}: {row.reason} ({row.code})", highlight=False)
    waiting = sum(not row.code for row in rows)
    console.print(
        "everything synced" if not rows else f"{waiting} waiting, {len(rows) - waiting} refused", highlight=False
    )
    return waiting, len(rows) - waiting


@app.command(epilog="Example: syncline doctor --store phone.db")
def doctor(
    store: Annotated[Path, typer.Option("--store", help="The device's file.")],
    *,
    url: Url = DEFAULT_URL,
    token: Token = "",
    wait: Wait = 30.0,
) -> None:
    """Compare every document of a device with the server's, by digest. What differs is loaded anew; then it exits with
    1.
    """
    if not store.exists():
        fail(f"there is no store at {store}: give the file that a device was run with (--store)")

    async def work() -> None:
        async with connected(Access(url, token, store, wait=wait)) as device:
            names = [row.name for row in device.documents()]
            verdicts = [await within(wait, device.compare(name), device, NOT_DONE) for name in names]
        for verdict in verdicts:
            colour = {Verdict.EQUAL: "green", Verdict.DIFFERED: "red", Verdict.REFUSED: "yellow"}[verdict.verdict]
            console.print(f"[{colour}]{verdict.verdict.value:8}[/] {verdict.name} at {verdict.cursor} {verdict.reason}")
        differed = sum(one.verdict is Verdict.DIFFERED for one in verdicts)
        if differed:
            fail(f"{differed} of {len(verdicts)} documents differed from the server's and were loaded anew")
        console.print(f"{len(verdicts)} documents compared: none differs", highlight=False)

    run(work())
