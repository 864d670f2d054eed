"""The server's settings: defaults, `syncline.toml`, `SYNCLINE_…` variables, command line; the later ones weigh more."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from syncline_server.storage.connections import Durability

ENVIRONMENT_PREFIX: Final = "SYNCLINE_"
MIB: Final = 1024 * 1024

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Rate = Annotated[float, msgspec.Meta(gt=0)]


class SettingsError(Exception):
    """A setting cannot be used; the text says which and why."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a running server that an operator may choose."""

    data: Path = Path("data")
    """Folder of the database, the token secret and the lock."""
    host: str = "127.0.0.1"
    port: Port = 8700
    durability: Durability = Durability.FULL
    """`full`: an ack survives loss of power. `normal`: it survives a crash of the server, not always loss of power."""
    origins: tuple[str, ...] = ()
    """Origins of web pages that may open WebSockets, besides the server's own. Programs send no Origin and are not
    affected.
    """
    outbox_bytes: Count = 1 * MIB
    """What may wait to be written to one connection before its device is served from the log instead."""
    document_linger_seconds: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    """How long a document without subscribers stays in memory."""
    updates_per_second_device: Rate = 2_000.0
    """Sustained rate of one device; twice as many at once."""
    updates_per_second_tenant: Rate = 50_000.0
    """Sustained rate of all devices of one tenant; twice as many at once."""
    connections_max: Count = 20_000
    """Connections at once; one more is told to come back later."""
    presence_ttl_seconds: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """A presence state not renewed for so long is withdrawn."""
    shutdown_retry_after_ms: Annotated[int, msgspec.Meta(ge=0)] = 2_000
    """When stopping, devices are told to come back after this, spread over as long again."""
    projections: bool = True
    """Whether inboxes, lists, search and figures are kept up, and the server answers (numbers, claims, the customer's
    side of tickets, erasing). Without, it checks, stores and relays; on again, it catches up.
    """
    compaction: bool = True
    """Whether the server compacts logs by itself."""
    log_format: Literal["text", "json"] = "text"


def load(overrides: Mapping[str, object], *, file: Path | None = None) -> Settings:
    """Settings from `file` (TOML), the environment, and `overrides` (those not None). Raises `SettingsError`."""
    values = {} if file is None else _in_file(file)
    for name in Settings.__struct_fields__:
        text = os.environ.get(ENVIRONMENT_PREFIX + name.upper())
        if text is not None:
            values[name] = [one.strip() for one in text.split(",") if one.strip()] if name == "origins" else text
    values.update({name: value for name, value in overrides.items() if value is not None})
    try:
        return msgspec.convert(values, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingsError(f"setting refused: {error}") from error


def _in_file(file: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("server", {})
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not TOML: {error}") from error
    if not isinstance(table, dict):
        raise SettingsError(f"in {file}, `server` is not a table: write [server]")
    return table


def _path(kind: type, value: object) -> object:
    """What msgspec does not make by itself: a folder of its name."""
    if kind is Path and isinstance(value, str | Path) and str(value):
        return Path(value)
    raise ValueError(f"not a path: {value!r}")
