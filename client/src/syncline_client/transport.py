"""The device's end of a connection: messages in, messages out, and why it ended.

Last on the device's way: `session → connection → TRANSPORT`. A WebSocket through the `websockets` library; tests and
other ways to reach a server fit the same small interface.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol
from urllib.parse import urlsplit, urlunsplit

from syncline_protocol.limits import FRAME_BYTES_MAX
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

SYNC_PATH: Final = "/v1/sync"

CONNECT_WAIT_S: Final = 10.0
"""From the first packet to the accepted WebSocket: three lost packets' worth of patience."""

PING_INTERVAL_S: Final = 20.0
"""A dead connection is noticed after at most twice this time."""

CLOSE_WAIT_S: Final = 2.0
"""For the server to answer a close frame: nothing depends on it."""

ABNORMAL_CLOSURE: Final = 1006
"""RFC 6455 7.1.5: the connection ended without a close frame."""

SCHEMES: Final = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


class TransportClosed(Exception):
    """The connection ended, or never came about. `code` is the WebSocket's close code, 1006 if there was none."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason} ({code})" if reason else f"closed with {code}")
        self.code = code
        self.reason = reason


class Transport(Protocol):
    """One connection."""

    async def send(self, message: bytes) -> None:
        """Pass one message on, and wait while the network is slower. Raises `TransportClosed`."""

    async def receive(self) -> bytes:
        """The next message. Raises `TransportClosed`."""

    async def close(self, code: int, reason: str) -> None:
        """End the connection; one that has ended is no matter."""


Connect = Callable[[str], Awaitable[Transport]]
"""Opens a connection to a URL. Raises `TransportClosed`."""


def sync_url(url: str) -> str:
    """The WebSocket's URL for a server's address: `http://host:8700` → `ws://host:8700/v1/sync`.

    Raises `ValueError` when it is no address.
    """
    parts = urlsplit(url)
    scheme = SCHEMES.get(parts.scheme)
    if scheme is None or not parts.hostname:
        raise ValueError(
            f"{url!r} is not a server's address: it looks like http://127.0.0.1:8700 or wss://sync.example.org"
        )
    path = parts.path.rstrip("/")
    return urlunsplit((scheme, parts.netloc, path if path.endswith(SYNC_PATH) else path + SYNC_PATH, parts.query, ""))


class WebSocketTransport:
    """A WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, message: bytes) -> None:
        """See `Transport`."""
        try:
            await self._connection.send(message)
        except ConnectionClosed as error:
            raise _closed(error) from error

    async def receive(self) -> bytes:
        """See `Transport`. A text message ends the connection: the protocol has none."""
        try:
            message = await self._connection.recv(decode=False)
        except ConnectionClosed as error:
            raise _closed(error) from error
        return message

    async def close(self, code: int, reason: str) -> None:
        """See `Transport`."""
        await self._connection.close(code, reason)


async def connect_websocket(url: str) -> Transport:
    """Connect to `url` (see `sync_url`). Raises `TransportClosed` with a reason that a person understands."""
    try:
        connection = await connect(
            url,
            compression=None,  # the server takes no extensions
            max_size=FRAME_BYTES_MAX,
            open_timeout=CONNECT_WAIT_S,
            ping_interval=PING_INTERVAL_S,
            ping_timeout=PING_INTERVAL_S,
            close_timeout=CLOSE_WAIT_S,
            user_agent_header=None,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        raise TransportClosed(ABNORMAL_CLOSURE, f"{url} answered HTTP {status}: is it a Syncline server?") from error
    except (InvalidHandshake, InvalidURI) as error:
        raise TransportClosed(ABNORMAL_CLOSURE, f"{url} speaks no WebSocket: {error}") from error
    except TimeoutError as error:
        raise TransportClosed(ABNORMAL_CLOSURE, f"{url} did not answer within {CONNECT_WAIT_S:g} s") from error
    except OSError as error:
        raise TransportClosed(ABNORMAL_CLOSURE, f"no server at {url}: {error.strerror or error}") from error
    return WebSocketTransport(connection)


def _closed(error: ConnectionClosed) -> TransportClosed:
    if error.rcvd is not None:
        return TransportClosed(error.rcvd.code, error.rcvd.reason)
    return TransportClosed(ABNORMAL_CLOSURE, "the connection was lost")
