"""One HTTP connection, kept open: a request costs the load generator tens of microseconds, and not what a client for
all cases costs.
"""

import asyncio
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from benchmarks.servers.process import HOST

OK: Final = 200
REDIRECTED: Final = 300


class RequestFailed(Exception):
    """The server answered otherwise than it should; the text has its answer."""


class Http:
    """A connection with one token. An async context manager."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._head = f"Host: {HOST}:{port}\r\nAuthorization: Bearer {token}\r\n"
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        await self._connect()
        return self

    async def _connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(HOST, self._port)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def get(self, path: str) -> Any:
        """The answer's body. Raises `RequestFailed`."""
        return await self._ask(f"GET {path} HTTP/1.1\r\n{self._head}\r\n".encode())

    async def post(self, path: str, body: Any) -> Any:
        """The same of a request with a body."""
        encoded = msgspec.json.encode(body)
        about = f"Content-Type: application/json\r\nContent-Length: {len(encoded)}\r\n\r\n"
        return await self._ask(f"POST {path} HTTP/1.1\r\n{self._head}{about}".encode() + encoded)

    async def is_answered(self, path: str) -> bool:
        """Whether the answer is a good one: the server may not be ready."""
        try:
            await self.get(path)
        except RequestFailed:
            return False
        return True

    async def _ask(self, request: bytes) -> Any:
        if self._reader.at_eof():  # the server closes what is not used for a while
            self._writer.close()
            await self._connect()
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        )
        body = await self._reader.readexactly(length)
        if not OK <= status < REDIRECTED:
            raise RequestFailed(f"{request.split(maxsplit=2)[:2]!r}: {status} {body[:300]!r}")
        return msgspec.json.decode(body) if body else None
