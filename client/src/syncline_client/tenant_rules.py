"""The tenant's rules for extraction on a device: the server's when there was a connection, those that are shipped else.

Beside the handles. They are kept in the device's store with the server's tag for them, so that asking again costs
nothing while they are the same, and so that a ticket is opened by the same rules without a connection.
"""

import asyncio
import time
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
import syncline_protocol.extraction
from syncline_protocol.documents.identity import Role
from syncline_protocol.extraction import Rules

from syncline_client.connection import Connection, Standing
from syncline_client.errors import DeviceError
from syncline_client.kept import CONFIGURATION, keep, read_kept
from syncline_client.replica import Replica, logger
from syncline_client.rest import Rest
from syncline_client.store import StoreError

PATH: Final = "/v1/configuration"

FRESH_S: Final = 600.0
"""How old the rules may be before the server is asked for newer ones: they change a few times a year."""

RETRY_S: Final = 10.0
"""The same when the server did not answer the last time."""


class Kept(msgspec.Struct):
    """The server's answer as it is kept, with its tag."""

    tag: str
    tables: dict[str, Any]


class TenantRules:
    """See the module's text. One for each device; `run` asks the server by and by, once `wanted` was called."""

    def __init__(self, replica: Replica, connection: Connection, rest: Rest) -> None:
        self._replica = replica
        self._connection = connection
        self._rest = rest
        self._wanted = asyncio.Event()
        self._asked_s = float("-inf")
        self._known: tuple[bytes, Rules] | None = None

    def wanted(self) -> None:
        """Somebody may open a ticket soon: have the newest rules ready, if this user may open any."""
        if self._replica.role not in ("", Role.CUSTOMER):
            self._wanted.set()

    async def rules(self) -> Rules:
        """The rules to go by now. Raises `StoreError`."""
        payload = await read_kept(self._replica.store, CONFIGURATION)
        if self._known is None or self._known[0] != payload:
            self._known = (payload, self._read(payload))
        return self._known[1]

    def _read(self, payload: bytes) -> Rules:
        if payload:
            try:
                return Rules.read(msgspec.json.decode(payload, type=Kept).tables, shipped=shipped_rules())
            except ValueError as error:  # a newer server's: better by the shipped rules than not at all
                logger.warning("the tenant's rules cannot be read, going by those that are shipped: %s", error)
        return Rules.read({}, shipped=shipped_rules())

    async def run(self) -> None:
        """Ask for newer rules when somebody wants them and there is a connection."""
        while True:
            await self._wanted.wait()
            while self._connection.state.standing is not Standing.ONLINE:
                await self._connection.changed()
            await self.refresh()
            self._wanted.clear()

    async def refresh(self) -> None:
        """Ask the server, unless that was done a moment ago. What goes wrong changes nothing, and is logged."""
        if time.monotonic() < self._asked_s + FRESH_S:
            return
        self._asked_s = time.monotonic()
        try:
            await self._ask()
        except (DeviceError, StoreError) as error:
            logger.info("no rules from the server: %s", error)
            self._asked_s += RETRY_S - FRESH_S

    async def _ask(self) -> None:
        payload = await read_kept(self._replica.store, CONFIGURATION)
        tag = msgspec.json.decode(payload, type=Kept).tag if payload else ""
        answer = await self._rest.fetch(PATH, tag=tag)
        if answer.body:
            kept = msgspec.json.encode({"tag": answer.tag, "tables": msgspec.Raw(answer.body)})
            await keep(self._replica.store, CONFIGURATION, kept)


@cache
def shipped_rules() -> Mapping[str, Any]:
    """The rules that come with this program, as tables."""
    text = files(syncline_protocol.extraction).joinpath("default_rules.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
