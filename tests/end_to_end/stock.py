"""A stock Yjs client in a Node process: what an editor's user has who knows nothing of Syncline."""

import asyncio
import base64
import json
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

FOLDER: Final = Path(__file__).parent / "node"
ANSWER_S_MAX: Final = 20.0
LINE_BYTES_MAX: Final = 64 * 1024 * 1024


class StockClient:
    """`y-websocket` on one document. A context manager; `events` is everything it said unasked."""

    def __init__(self, url: str, document: str, token: str, *, client: int = 0) -> None:
        self._arguments = (f"{url}/yjs", document, token, *([str(client)] if client else []))
        self.events: list[dict[str, Any]] = []
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def __aenter__(self) -> Self:
        if not (FOLDER / "node_modules").is_dir():
            raise RuntimeError(f"{FOLDER} has no node_modules: run `make setup`")
        self._process = await asyncio.create_subprocess_exec(
            "node",
            "client.mjs",
            *self._arguments,
            cwd=FOLDER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES_MAX,
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reading

    async def ask(self, what: str, **arguments: object) -> dict[str, Any]:
        """Make a request and wait for its answer."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": what, **arguments}).encode() + b"\n")
        await self._process.stdin.drain()
        async with asyncio.timeout(ANSWER_S_MAX):
            return dict(await answer)

    async def apply(self, update: bytes) -> None:
        """An edit of its editor."""
        await self.ask("apply", update=base64.b64encode(update).decode())

    async def vector(self) -> dict[int, int]:
        """What it has: next clock by client."""
        return {int(client): clock for client, clock in (await self.ask("vector"))["vector"].items()}

    async def text(self) -> str:
        """The text of its page."""
        return str((await self.ask("text"))["text"])

    async def event(self, **wanted: object) -> dict[str, Any]:
        """The first event with these fields, once it has come."""
        async with asyncio.timeout(ANSWER_S_MAX):
            while True:
                for event in self.events:
                    if wanted.items() <= event.items():
                        return event
                await asyncio.sleep(0.01)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if "id" in said:
                self._answers.pop(said["id"]).set_result(said)
            else:
                self.events.append(said)
        for answer in self._answers.values():
            answer.set_exception(RuntimeError("the stock client's process has ended"))
