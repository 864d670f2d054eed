"""The server's REST interface, as far as a device needs it: for what has no document (inbox, search, configuration).

Beside the device's way: nothing that is written passes here. The server's errors (problem details, RFC 9457) become
errors with the server's own words; no answer at all is another error, because then there is something to fall back on.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import Final, NamedTuple, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

import httpx
import msgspec

from syncline_client.errors import RequestRefused, ServerOutOfReach
from syncline_client.transport import SYNC_PATH, TransportClosed

CONNECT_WAIT_S: Final = 5.0
ANSWER_WAIT_S: Final = 10.0
"""For the answer to a question that the server has all it needs for."""

Parameters = Mapping[str, str | int | None]
NONE: Final[Parameters] = MappingProxyType({})
T = TypeVar("T")


class Problem(msgspec.Struct):
    """What the server says instead of an answer."""

    title: str = ""
    detail: str = ""
    code: str = ""


class Answered(NamedTuple):
    """An answer: `body` is empty when nothing has changed since `tag`."""

    body: bytes
    tag: str


class Rest:
    """See the module's text. `ask_token` gives the device's token. Leaving it as a context manager closes it."""

    def __init__(self, url: str, ask_token: Callable[[], Awaitable[str]]) -> None:
        self._ask_token = ask_token
        self._url = http_url(url)
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def read(self, path: str, kind: type[T], parameters: Parameters = NONE, *, wait_s: float = 0.0) -> T:
        """The answer to a GET, as `kind`. `wait_s`: how long the server may hold it back. None: no such parameter.

        Raises `RequestRefused`, `ServerOutOfReach`.
        """
        answer = await self._fetch(path, parameters, tag="", wait_s=wait_s)
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ServerOutOfReach(f"{self._url}{path} answers something else than was asked: {error}") from error

    async def fetch(self, path: str, *, tag: str = "") -> Answered:
        """The bytes of the answer to a GET; none if it is still the one called `tag`. Raises as `read` does."""
        return await self._fetch(path, NONE, tag=tag, wait_s=0.0)

    async def _fetch(self, path: str, parameters: Parameters, *, tag: str, wait_s: float) -> Answered:
        headers = {"Authorization": f"Bearer {await self._token()}"} | ({"If-None-Match": tag} if tag else {})
        given = {name: value for name, value in parameters.items() if value is not None}
        timeout = httpx.Timeout(ANSWER_WAIT_S + wait_s, connect=CONNECT_WAIT_S)
        try:
            answer = await self._opened().get(path, params=given, headers=headers, timeout=timeout)
        except httpx.HTTPError as error:
            raise ServerOutOfReach(f"no server at {self._url}: {str(error) or type(error).__name__}") from error
        if answer.status_code == httpx.codes.NOT_MODIFIED:
            return Answered(b"", tag)
        if not answer.is_success:
            raise _refused(answer)
        return Answered(answer.content, answer.headers.get("etag", ""))

    async def _token(self) -> str:
        try:
            return await self._ask_token()
        except TransportClosed as closed:
            raise ServerOutOfReach(closed.reason) from closed

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(base_url=self._url)
        return self._client


def _refused(answer: httpx.Response) -> RequestRefused | ServerOutOfReach:
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = Problem()
    text = problem.detail or problem.title or f"the server answered {answer.status_code} {answer.reason_phrase}"
    if answer.is_server_error or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:  # asking again later helps
        return ServerOutOfReach(text)
    return RequestRefused(text, status=answer.status_code, code=problem.code)


def http_url(url: str) -> str:
    """The REST interface's address for a server's: `ws://host:8700/v1/sync` → `http://host:8700`."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/").removesuffix(SYNC_PATH), "", ""))
