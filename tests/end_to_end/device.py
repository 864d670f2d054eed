"""A device at the level of frames that keeps what a real one keeps through crashes: lease, epochs, cursors, outbox.

It trusts nothing: holes in sequence numbers, lost positions and refusals of honest updates end up in its journal.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, suppress
from itertools import count
from typing import Final

from end_to_end.journal import Journal
from support.wire import WireDevice, wire_device
from syncline_protocol import frames
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

IN_FLIGHT_MAX: Final = 64
RETRY_S: Final = 0.05
REFUSED_WAIT_S: Final = 1.0
ABNORMAL: Final = 1006

Take = Callable[[str, bytes], None]
"""Told every update and snapshot of a document, in the order received, own ones of earlier connections included."""


class Copy:
    """What the device has of one document, and what it still has to send."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.epoch = 0
        self.cursor = 0
        self.ahead: set[int] = set()
        self.outbox: deque[bytes] = deque()
        self.sent = 0
        """How many of the outbox are in flight on this connection."""
        self.rewinding = False
        """An update was refused: nothing more is sent before all in flight is answered and a while has passed."""

    def see(self, seq: int) -> bool:
        """Whether position `seq` is new; the cursor moves as far as there is no hole."""
        if seq <= self.cursor or seq in self.ahead:
            return False
        self.ahead.add(seq)
        while self.cursor + 1 in self.ahead:
            self.cursor += 1
            self.ahead.remove(self.cursor)
        return True

    def jump(self, seq: int) -> None:
        """A snapshot brought everything up to `seq`."""
        self.cursor = max(self.cursor, seq)
        self.ahead = {one for one in self.ahead if one > self.cursor}
        while self.cursor + 1 in self.ahead:
            self.cursor += 1
            self.ahead.remove(self.cursor)


class Device:
    """See the module's text. `wire` is the connection while there is one."""

    def __init__(self, name: str, token: str, documents: Iterable[str], journal: Journal, take: Take) -> None:
        self.name = name
        self.copies = {document: Copy(document) for document in documents}
        self.client = 0
        self.wire: WireDevice | None = None
        self.opened = asyncio.Event()
        self.heads: dict[str, int] = {}
        """How far the server was when the documents were last opened."""
        self.reconnects = 0
        self.busy: list[frames.Busy] = []
        self.ended: list[int] = []
        """Close codes of the connections so far; 1006 where there was none."""
        self._token = token
        self._journal = journal
        self._take = take
        self._numbers = count(1)
        self._in_flight: dict[int, tuple[Copy, bytes]] = {}
        self._outbox_filled = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def is_settled(self) -> bool:
        """Whether everything written here is acknowledged."""
        return not any(copy.outbox for copy in self.copies.values())

    def write(self, document: str, payload: bytes) -> None:
        """Put an update into the outbox: it goes out now, or when there is a connection."""
        self.copies[document].outbox.append(payload)
        self._outbox_filled.set()

    async def reach(self, document: str, seq: int) -> None:
        """Wait until everything up to `seq` is here."""
        while self.copies[document].cursor < seq:
            self._changed.clear()
            await self._changed.wait()

    async def settle(self) -> None:
        """Wait until everything written here is acknowledged."""
        while not self.is_settled:
            self._changed.clear()
            await self._changed.wait()

    async def keep_connected(self, url: str) -> None:
        """Connect, serve, and come back whenever the connection ends, until cancelled."""
        while True:
            try:
                await self.serve(url)
            except ConnectionClosed as closed:
                self.ended.append(closed.rcvd.code if closed.rcvd else ABNORMAL)
            except (OSError, InvalidHandshake, InvalidMessage, EOFError):
                pass  # there is no server at the moment
            self.reconnects += 1
            await asyncio.sleep(RETRY_S)

    async def serve(self, url: str) -> None:
        """One connection, until it ends."""
        async with AsyncExitStack() as stack:
            wire = await self._connect(stack, url)
            self.client = wire.welcome.client
            self.wire = wire
            await self._open(wire)
            self._changed.set()
            sending = asyncio.create_task(self._send(wire))
            try:
                while True:
                    self._receive(await self._read(wire))
            finally:
                self.wire = None
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _connect(self, stack: AsyncExitStack, url: str) -> WireDevice:
        """Carried to its end even when cancelled: a connection half made would never be closed."""
        entering = asyncio.create_task(
            stack.enter_async_context(wire_device(url, self._token, self.name, client=self.client, queue=256))
        )
        try:
            return await asyncio.shield(entering)
        except asyncio.CancelledError:
            await asyncio.gather(entering, return_exceptions=True)
            raise

    async def _read(self, wire: WireDevice) -> frames.Frame:
        while True:
            with suppress(TimeoutError):  # nothing was said for a while
                return await wire.read()

    async def _open(self, wire: WireDevice) -> None:
        wanted = [frames.OpenDocument(copy.name, copy.epoch, copy.cursor, False) for copy in self.copies.values()]
        await wire.send(frames.Open(1, wanted))
        frame = await wire.read()
        assert isinstance(frame, frames.Opened), frame
        assert not frame.refused, frame.refused
        self._in_flight.clear()
        for copy, answer in zip(self.copies.values(), frame.documents, strict=True):
            wire.channels[copy.name] = answer.channel
            self._journal.opened(copy.name, answer.head, history_renewed=bool(copy.epoch and answer.epoch))
            self.heads[copy.name] = answer.head
            copy.epoch = answer.epoch or copy.epoch
            copy.ahead.clear()
            copy.sent = 0
            copy.rewinding = False
        self._outbox_filled.set()
        self.opened.set()

    async def _send(self, wire: WireDevice) -> None:
        with suppress(ConnectionClosed):
            while True:
                await self._outbox_filled.wait()
                self._outbox_filled.clear()
                for copy in self.copies.values():
                    await self._send_waiting(wire, copy)

    async def _send_waiting(self, wire: WireDevice, copy: Copy) -> None:
        while not copy.rewinding and copy.sent < len(copy.outbox) and len(self._in_flight) < IN_FLIGHT_MAX:
            payload = copy.outbox[copy.sent]
            copy.sent += 1
            number = next(self._numbers)
            self._in_flight[number] = (copy, payload)
            await wire.send(frames.Update(wire.channels[copy.name], number, payload))

    def _receive(self, frame: frames.Frame) -> None:
        match frame:
            case frames.Updates(channel, seq, payloads):
                copy = self._copy_of(channel)
                for step, payload in enumerate(payloads):
                    self._journal.show(copy.name, seq + step, payload)
                    if copy.see(seq + step):
                        self._take(copy.name, payload)
            case frames.Snapshot(channel, seq, payload):
                copy = self._copy_of(channel)
                self._journal.show_snapshot(copy.name, seq, payload)
                copy.jump(seq)
                self._take(copy.name, payload)
            case frames.Acks(updates):
                for place in range(0, len(updates), 3):
                    self._acknowledged(updates[place + 1], updates[place + 2])
            case frames.Busy():
                self.busy.append(frame)
            case frames.Refused(_, id_, code, reason, _):
                self._refused(id_, code, reason)
        self._changed.set()

    def _copy_of(self, channel: int) -> Copy:
        assert self.wire is not None
        name = next(name for name, number in self.wire.channels.items() if number == channel)
        return self.copies[name]

    def _acknowledged(self, number: int, seq: int) -> None:
        copy, payload = self._in_flight.pop(number)
        assert copy.outbox[0] == payload, "acks come in the order of sending"
        copy.outbox.popleft()
        copy.sent -= 1
        self._journal.ack(copy.name, seq, payload)
        if seq:
            copy.see(seq)
        self._outbox_filled.set()

    def _refused(self, number: int, code: str, reason: str) -> None:
        """Send again from the refused one on, once everything in flight is answered."""
        copy, _ = self._in_flight.pop(number)
        if code != "gap":  # what was in flight behind a refused update
            self._journal.refuse(copy.name, code, reason)
        copy.rewinding = True
        if not any(other is copy for other, _ in self._in_flight.values()):
            asyncio.get_running_loop().call_later(REFUSED_WAIT_S, self._send_again, copy, self.wire)

    def _send_again(self, copy: Copy, wire: WireDevice | None) -> None:
        if wire is not None and wire is self.wire:
            copy.sent = 0
            copy.rewinding = False
            self._outbox_filled.set()
