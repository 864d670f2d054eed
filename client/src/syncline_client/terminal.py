"""What the commands share: options that many of them have, a device for the length of a command, and how one ends.

Exit codes: 0 done, 1 not done (the text says why), 2 asked wrongly, 3 stored and not yet accepted.
"""

import asyncio
import inspect
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar, get_type_hints

import msgspec
import typer
from rich.console import Console
from syncline_protocol.errors import RefusedUpdate

from syncline_client.client import Device
from syncline_client.errors import DeviceError
from syncline_client.loading import LoadError
from syncline_client.replica import now_ms
from syncline_client.status import StatusLanguage
from syncline_client.store import StoreError
from syncline_client.wording import clean

DEFAULT_URL: Final = "http://127.0.0.1:8700"
NOT_DONE: Final = 1
ASKED_WRONGLY: Final = 2
NOT_ACCEPTED: Final = 3

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., None])

console = Console()
errors = Console(stderr=True)


class Lang(StrEnum):
    """The languages that the commands speak."""

    ZH = "zh"
    EN = "en"


Url = Annotated[str, typer.Option(envvar="SYNCLINE_URL", help="The server's address.")]
Token = Annotated[str, typer.Option(envvar="SYNCLINE_TOKEN", help="Your token: `syncline token` prints one.")]
StoreFile = Annotated[
    Path | None, typer.Option("--store", help="File that keeps documents and unsent edits. Without: nothing is kept.")
]
DeviceName = Annotated[str, typer.Option("--device", help="Name of a new device. A store remembers its own.")]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait for the server.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Spoken = Annotated[
    Lang | None, typer.Option("--lang", envvar="SYNCLINE_LANG", help="Language of labels. Default: the terminal's.")
]


@dataclass(frozen=True, slots=True)
class Access:
    """Which server, as whom, on which device."""

    url: Url = DEFAULT_URL
    token: Token = ""
    store: StoreFile = None
    device: DeviceName = ""
    wait: Wait = 10.0

    @property
    def not_accepted(self) -> int:
        """How a command ends whose edit the server has not answered: with a store it is kept for later."""
        return NOT_DONE if self.store is None else NOT_ACCEPTED


@dataclass(frozen=True, slots=True)
class View:
    """How something is shown."""

    json: Json = False
    lang: Spoken = None

    @property
    def language(self) -> StatusLanguage:
        """The language to speak."""
        return language_of(self.lang)


def language_of(lang: Lang | None) -> StatusLanguage:
    """The language to speak: what was asked for, else what the terminal's environment says."""
    if lang is not None:
        return "zh" if lang is Lang.ZH else "en"
    said = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "zh" if said.lower().startswith("zh") else "en"


def command(app: typer.Typer, example: str, *, name: str | None = None) -> Callable[[Command], Command]:
    """Make a function a command of `app`. Its parameters that are `Access` or `View` become the options in those."""

    def add(function: Command) -> Command:
        app.command(name, epilog=f"Example: {example}")(spread(function))
        return function

    return add


def spread(function: Callable[..., None]) -> Callable[..., None]:
    """`function` with the fields of its dataclass parameters as parameters of its own, by name."""
    signature = inspect.signature(function)
    hints = get_type_hints(function, include_extras=True)
    groups = {name: hints[name] for name in signature.parameters if is_dataclass(hints[name])}
    parameters = [one.replace(annotation=hints[one.name]) for one in signature.parameters.values()]
    parameters = [one for one in parameters if one.name not in groups]
    for kind in groups.values():
        inner = get_type_hints(kind, include_extras=True)
        parameters += [
            inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=inner[one.name])
            for one in fields(kind)
        ]

    def called(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{one.name: given.pop(one.name) for one in fields(kind)})
        function(**given)

    called.__name__, called.__doc__ = function.__name__, function.__doc__
    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined] # what `inspect` reads
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called


@asynccontextmanager
async def opened(access: Access) -> AsyncIterator[Device]:
    """A device for the length of a command."""
    if not access.token:
        fail("no token: give --token or SYNCLINE_TOKEN; `syncline token` prints one", code=ASKED_WRONGLY)
    async with Device(access.url, token=access.token, store=access.store, device=access.device) as device:
        yield device


@asynccontextmanager
async def connected(access: Access) -> AsyncIterator[Device]:
    """The same, once it knows whose it is: at once if its store was connected before."""
    async with opened(access) as device:
        await within(access.wait, device.connected(), device, NOT_DONE)
        yield device


async def within(seconds: float, waiting: Coroutine[Any, Any, T], device: Device, code: int) -> T:
    """Wait for the server, and say why it did not come."""
    try:
        async with asyncio.timeout(seconds):
            return await waiting
    except TimeoutError:
        reason = device.connection.state.reason or "the server has not answered"
        kept = f"; stored: {device.status.text(now_ms=now_ms())}" if code == NOT_ACCEPTED else ""
        fail(f"not done within {seconds:g} s: {reason}{kept}", code=code)


async def accepted(device: Device, access: Access, *records: str) -> None:
    """Wait until the server has taken these records; fail with its reason if it has not."""
    await within(access.wait, device.settled(), device, access.not_accepted)
    refused = [row for row in device.refused if row.record in records]
    if refused:
        fail(f"refused: {refused[0].reason}")


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a command until it is done or interrupted."""
    try:
        _run_translated(work)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _run_translated(work: Coroutine[Any, Any, None]) -> None:
    """Turn what can go wrong into a line and an exit code."""
    try:
        asyncio.run(work)
    except* (StoreError, DeviceError, LoadError) as group:
        fail(str(_first(group)))
    except* (RefusedUpdate, ValueError) as group:
        fail(str(_first(group)), code=ASKED_WRONGLY)


def _first(group: BaseExceptionGroup[Exception]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def fail(text: str, *, code: int = NOT_DONE) -> NoReturn:
    """End the command with a line that says why."""
    errors.print(f"[red]{clean(text)}[/red]", highlight=False, soft_wrap=True)
    raise typer.Exit(code)


def print_json(value: Any) -> None:
    """One JSON value on a line of its own."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()
