"""Two devices of two users, a peer, and whatever may go wrong between them, drawn from a seed or a script.

A world is joined by pretend wires (`link.py`), so that every frame is a step: lost, late, or overtaken by a crash of
the device. After `heal` nothing goes wrong any more, and everything must come right: `check` of the two kinds of world
says what that is.
"""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

import pycrdt
from support.link import LinkedDevice
from support.peer import Peer
from syncline_client.page_content import Document, PageContent
from syncline_client.session import DIGEST_INTERVAL_S
from syncline_client.store_memory import MemoryStore
from syncline_protocol.errors import RefusalCode, RefusedUpdate

SEGMENT: Final = "conversation/c/1"
PAGE: Final = "page/p"

ACTIONS: Final = (
    *("write", "write", "write", "commit", "commit", "to_peer", "to_device", "decide"),
    *("pump", "pump", "pump", "pump", "connect", "connect", "cut", "half_cut", "restart", "late"),
)
"""What may happen next. `pump` is a handful of frames in both directions, so that connections get somewhere."""

BACKUPS: Final = (*ACTIONS, *ACTIONS, "back_up", "restore_backup")
"""The same with devices whose store is replaced by an older one now and then."""

RESTORES: Final = (*ACTIONS, *ACTIONS, "restore_server")
"""The same with a server whose store is replaced by an older one now and then."""


async def settle(*devices: LinkedDevice) -> None:
    """Let everything that is under way arrive, and what that brings about."""
    for _ in range(4):
        for device in devices:
            device.peer.commit_all()
            await device.run(later_s=DIGEST_INTERVAL_S)


class World:
    """See the module's text. What is written carries a number; with a `!` it is refused for good."""

    name = SEGMENT

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.peer = Peer()
        self.peer.commits_wait = True
        self.peer.rule = self.rule
        self.stores = [MemoryStore(), MemoryStore()]
        self.devices = [self.device(0), self.device(1)]
        self.backups: list[MemoryStore | None] = [None, None]
        self.late: list[Callable[[], None]] = []
        self.written: list[str] = []
        self.marks = 0
        self.is_troubled = True

    def device(self, index: int) -> LinkedDevice:
        """A new start of a device."""
        return LinkedDevice(self.peer, self.stores[index], user="ab"[index], device="ab"[index])

    def rule(self, _name: str, payload: bytes) -> RefusedUpdate | None:
        """What the peer refuses: anything with a `!` for good, anything for now one time in ten while there is
        trouble.
        """
        if b"!>" in payload:
            return RefusedUpdate(RefusalCode.INVALID, "no shouting")
        if self.is_troubled and self.random.random() < 0.1:
            return RefusedUpdate(RefusalCode.UNAVAILABLE, "later", detail={"retry_after_ms": 1})
        return None

    async def start(self) -> None:
        """Both devices have been connected once and follow the document."""
        for device in self.devices:
            await device.replica.__aenter__()
            device.connect()
            await device.run()
            await device.replica.follow(self.name)

    async def act(self, action: str, index: int) -> None:
        """Let one thing happen to one device."""
        device = self.devices[index]
        match action:
            case "write":
                self.marks += 1
                mark = f"<{index}.{self.marks}{'!' if self.random.random() < 0.1 else ''}>"
                self.written.append(mark)
                await self.write(device, mark)
            case "to_peer":
                device.deliver_to_peer()
            case "to_device":
                await device.deliver_to_device()
            case "decide":
                device.now_s += 0.01
                device.decide()
            case "pump":
                for _ in range(self.random.randrange(12)):
                    await self.act(
                        self.random.choice(("decide", "to_peer", "to_peer", "to_device", "to_device")), index
                    )
            case "commit":
                self.peer.commit_all()
            case "late" if self.late:
                self.late.pop(0)()
            case _:
                await self._break(action, index)

    async def _break(self, action: str, index: int) -> None:
        device = self.devices[index]
        match action:
            case "cut":
                device.cut()
            case "half_cut":
                self._half_cut(device)
            case "connect" if not device.is_connected:
                device.connect()
            case "restart":
                await self._restart(index)
            case "back_up":
                self.backups[index] = self.stores[index].copy()
            case "restore_backup" if self.backups[index] is not None:
                await self._restore_backup(index)
            case "restore_server":
                self._restore_server()

    async def _restart(self, index: int) -> None:
        self.devices[index].cut()
        self.devices[index] = self.device(index)
        await self.devices[index].replica.__aenter__()

    async def _restore_backup(self, index: int) -> None:
        """The device's store becomes what it once was. What only the newer store held is gone, and nobody's fault."""
        backup = self.backups[index]
        assert backup is not None
        kept = b"".join(row.payload for row in await backup.read_rows())
        held = b"".join(row.payload for row in await self.stores[index].read_rows())
        document = self.peer.document(self.name)
        admitted = b"".join([*document.log, *(entry.payload for entry in document.pending)])
        gone = [mark for mark in self.written if mark.encode() in held and mark.encode() not in kept + admitted]
        self.written = [mark for mark in self.written if mark not in gone]
        self.stores[index] = backup.copy()
        self.late.clear()
        await self._restart(index)

    def _restore_server(self) -> None:
        """The server's store becomes an older one."""
        for device in self.devices:
            device.cut()
        self.late.clear()
        self.peer.restore(self.name, self.random.randrange(len(self.peer.document(self.name).log) + 1))

    def _half_cut(self, device: LinkedDevice) -> None:
        """The device gives the connection up; what it had sent reaches the peer some time later."""
        under_way = list(device.to_peer)
        remote = device.half_cut()
        if remote is not None:
            self.late += [partial(remote.receive, message) for message in under_way]

    async def heal(self) -> None:
        """End all trouble, connect everybody, let everything arrive."""
        self.is_troubled = False
        for deliver in self.late:
            deliver()
        for device in self.devices:
            await device.replica.follow(self.name)
            device.connect()
        await settle(*self.devices)

    async def write(self, device: LinkedDevice, mark: str) -> None:
        """Write something that holds `mark`."""
        await device.replica.write(self.name, "messages", [{"type": "text", "text": mark}])

    def check(self) -> None:
        """Nothing is lost, nothing is there twice, each device's own are in order, digests agree."""
        document = self.peer.document(self.name)
        records = document.records()
        admitted = [record["text"] for record in records]
        refused = [row for device in self.devices for row in device.replica.outbox.refused()]
        assert len({record["id"] for record in records}) == len(records), "nothing twice"
        assert sorted(admitted) == sorted(mark for mark in self.written if "!" not in mark), "nothing lost"
        assert len(admitted) + len(refused) == len(self.written), "what is refused is kept"
        for index, device in enumerate(self.devices):
            own = [text for text in admitted if text.startswith(f"<{index}.")]
            assert own == [mark for mark in self.written if mark in own], "in the order of writing"
            shown = [record["text"] for record in device.replica.records(self.name, "messages")]
            assert sorted(shown) == sorted(admitted), "everybody shows the same"
            content = device.replica.document(self.name).content
            assert content is not None
            assert content.digest == document.index.digest  # type: ignore[union-attr]
        self.check_settled()

    def check_settled(self) -> None:
        """Nobody had to be loaded anew, and everybody says that all is synced."""
        for device in self.devices:
            assert not device.replica.mismatched
            assert device.session is not None
            assert device.session.is_settled()


class PageWorld(World):
    """The same with a page: marks are typed into a text, at random places."""

    name = PAGE

    async def write(self, device: LinkedDevice, mark: str) -> None:
        """Type `mark` somewhere."""

        def type_mark(document: Document) -> None:
            text = document.get("text", type=pycrdt.Text)
            text.insert(self.random.randrange(len(str(text)) + 1), mark)

        await device.replica.edit_page(self.name, type_mark)

    def check(self) -> None:
        """All devices show the log's text; what was typed is in it or refused with what was typed after it."""
        fresh = PageContent(0, self.peer.document(self.name).log)
        text = str(fresh.doc.get("text", type=pycrdt.Text))
        refused = [row.payload for device in self.devices for row in device.replica.outbox.refused()]
        typed = b"".join(self.peer.document(self.name).log)
        for mark in self.written:
            places = (typed.count(mark.encode()), sum(payload.count(mark.encode()) for payload in refused))
            assert places in ((1, 0), (0, 1)), f"{mark} is in the log or refused, and once"
        for device in self.devices:
            content = device.replica.document(self.name).content
            assert isinstance(content, PageContent)
            assert str(content.doc.get("text", type=pycrdt.Text)) == text, "everybody shows the same"
            assert content.digest == fresh.digest
        self.check_settled()
