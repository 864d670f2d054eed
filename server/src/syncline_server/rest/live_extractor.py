"""The extractor that the configuration in force names: another one once the configuration says so."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from syncline_protocol.extraction import Extraction, Said

from syncline_server.domain import configuration
from syncline_server.domain.live_configuration import LiveConfiguration
from syncline_server.extractor import Extractor


class LiveExtractor:
    """See the module's text. An async context manager: leaving it closes the connections.

    One that is named no longer stays open until then: somebody may be waiting for its answer, and configurations change
    a few times a year.
    """

    def __init__(self, live: LiveConfiguration) -> None:
        self._live = live
        self._settings: configuration.Extractor | None = None
        self._extractor = Extractor()
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.aclose()

    async def extract(self, said: Sequence[Said]) -> Extraction:
        """What the messages, in their order, say. Never fails."""
        current = self._live.current
        if current.extractor != self._settings:
            self._settings, self._extractor = current.extractor, _made(current.extractor)
            await self._opened.enter_async_context(self._extractor)
        return await self._extractor.extract(said, current.rules)


def _made(settings: configuration.Extractor | None) -> Extractor:
    if settings is None:
        return Extractor()
    return Extractor(settings.url, token=settings.token, timeout_s=settings.timeout / 1000)
