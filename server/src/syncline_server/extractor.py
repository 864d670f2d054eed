"""Extraction on the server: by a better extractor over HTTP where one is configured, by the rules where not, or where
it fails.

On the data's way: `projections → messages of a conversation → EXTRACTOR → a suggestion for whoever opens the ticket`.
Nobody waits longer than the time-out, and nobody sees its failure: the rules answer instead, and the log says why. The
shape of request and answer, and what of an answer is believed, is `remote_shape.py` in the protocol; `docs/guide.md`
describes both for whoever writes one.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import httpx
import structlog
from syncline_protocol.extraction import Extraction, Rules, Said, extract
from syncline_protocol.extraction.remote_shape import read_answer, request_body

ANSWER_BYTES_MAX: Final = 256 * 1024
"""An answer of a hundred fields with quotes is a tenth of it."""

TIMEOUT_SECONDS_DEFAULT: Final = 2.0
"""From the question to the end of the answer. An agent who opens a ticket waits for it."""

MESSAGES_AT_ONCE_MAX: Final = 20
"""More are read in a thread: half a millisecond each, during which the loop would serve nobody."""


class TooMuch(ValueError):
    """The answer is larger than `ANSWER_BYTES_MAX`."""


class Extractor:
    """Asks `url`, if there is one. An async context manager: leaving it closes the connections."""

    def __init__(
        self, url: str | None = None, *, token: str | None = None, timeout_s: float = TIMEOUT_SECONDS_DEFAULT
    ) -> None:
        self._url = url
        self._headers = {"content-type": "application/json", "accept": "application/json"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"
        self._timeout_s = timeout_s
        # Neither proxies of the environment nor redirects: customers' words go where the operator said, and nowhere
        # else.
        self._client = httpx.AsyncClient(timeout=timeout_s, trust_env=False, follow_redirects=False) if url else None
        self._logger = structlog.get_logger()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def extract(self, said: Sequence[Said], rules: Rules) -> Extraction:
        """What the messages, in their order, say. Never fails, and takes no longer than the time-out and the rules
        need.
        """
        local = await self._by_rules(said, rules)
        if self._client is None or self._url is None or not said:
            return local
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._ask(self._client, self._url, request_body(said, rules))
            return read_answer(body, said, rules, local)
        except TimeoutError:
            self._logger.warning("extractor.timeout", url=self._url, timeout_s=self._timeout_s)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self._logger.warning("extractor.unreachable", url=self._url, error=str(error) or type(error).__name__)
        except ValueError as error:
            self._logger.warning("extractor.answer_refused", url=self._url, error=str(error))
        return local

    async def _by_rules(self, said: Sequence[Said], rules: Rules) -> Extraction:
        if len(said) <= MESSAGES_AT_ONCE_MAX:
            return extract(said, rules)
        return await asyncio.to_thread(extract, said, rules)

    async def _ask(self, client: httpx.AsyncClient, url: str, question: bytes) -> bytes:
        """The body of the answer. Raises `httpx.HTTPError` for any status but 200, and `TooMuch`."""
        async with client.stream("POST", url, content=question, headers=self._headers) as response:
            if response.status_code != httpx.codes.OK:
                raise httpx.HTTPError(f"status {response.status_code}")
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > ANSWER_BYTES_MAX:
                    raise TooMuch(f"the answer is over {ANSWER_BYTES_MAX} bytes")
            return bytes(body)
