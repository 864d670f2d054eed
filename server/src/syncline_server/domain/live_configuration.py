"""The configuration in force: read at the start, read again on SIGHUP, and never a wrong one.

It is read at the start (what is wrong then prevents it); `app.py` calls `reload_aside` on the signal. Whoever keeps
something that was worked out of a configuration says so by `on_change`.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from syncline_server.domain.configuration import Configuration
from syncline_server.domain.configuration_file import read_file, shipped
from syncline_server.domain.problems import ConfigurationError, Problem

Listener = Callable[[Configuration], None]


class LiveConfiguration:
    """Invariants:

    1. `current` was right, as a whole, when it was read.
    2. It changes between two turns of the event loop; listeners hear of each change once, after it, in its order.
    """

    def __init__(self, file: Path | None) -> None:
        """Reads `file`; None is what is shipped. Raises `ConfigurationError`."""
        self._file = file
        self._listeners: list[Listener] = []
        self._reading = asyncio.Lock()
        self.current = self._read()

    def reload(self) -> tuple[Problem, ...]:
        """Read the file again. Returns what is wrong with it: nothing, and it is in force; else the old one stays."""
        try:
            self._adopt(self._read())
        except ConfigurationError as error:
            return error.problems
        return ()

    async def reload_aside(self) -> tuple[Problem, ...]:
        """The same while devices are served: a thread reads, which with rules for extraction takes half a second."""
        async with self._reading:
            try:
                self._adopt(await asyncio.to_thread(self._read))
            except ConfigurationError as error:
                return error.problems
            return ()

    def groups_of(self, user: str) -> frozenset[str]:
        """The groups that a user is in by the configuration in force."""
        return self.current.groups_of(user)

    def on_change(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each new configuration; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _adopt(self, read: Configuration) -> None:
        self.current = read
        for listener in tuple(self._listeners):
            listener(read)

    def _read(self) -> Configuration:
        return shipped() if self._file is None else read_file(self._file)
