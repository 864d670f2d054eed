"""Erased is erased (P10): after redactions, crashes and offline spells the content is in no file and in no traffic.

A customer's phone writes a secret, goes offline and corrects it there; a supervisor has it erased, and the server is
killed at a random moment of that. `SYNCLINE_TEST_ROUNDS=100` for the whole length. What the message was before it was
sent, drafts on all of its author's devices, goes with it.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from end_to_end.authors import new_conversation, read_all
from end_to_end.sizes import report, size
from support.recorded import Recorded
from support.running import running
from support.server import ServerProcess
from syncline_client.client import Device
from syncline_client.comparison import Verdict
from syncline_client.connection import Standing
from syncline_client.transport import ABNORMAL_CLOSURE, Transport, TransportClosed, connect_websocket
from syncline_server.erasure import erase
from syncline_server.storage.record_reading import read_records

ROUNDS = size("ROUNDS", 3)
ROUND_S_MAX = 0.25
SETTLE_S_MAX = 40.0
LOOK_S = 0.05
ROOT = "messages"


class Phone:
    """A device with its store in a file, a cable to pull, and all that ever came through it."""

    def __init__(self, server: ServerProcess, store: Path, user: str, role: str, *, device: str = "") -> None:
        self.store = store
        self.came: list[bytes] = []
        self._plugged = True
        self._transport: Transport | None = None
        token = server.token(user, role, ttl_s=86_400)
        self.device = Device(server.http, token=token, store=store, device=device or user, connect=self._connect)

    async def _connect(self, url: str) -> Transport:
        if not self._plugged:
            raise TransportClosed(ABNORMAL_CLOSURE, "the cable is not plugged in")
        self._transport = Recorded(await connect_websocket(url), self.came)
        return self._transport

    async def pull(self) -> None:
        """Off the network."""
        self._plugged = False
        if self._transport is not None:
            await self._transport.close(1001, "pulled")
        while self.device.status.connection.standing is Standing.ONLINE:
            await asyncio.sleep(LOOK_S)

    def plug_in(self) -> None:
        """On the network again."""
        self._plugged = True
        self.device.reconnect()

    async def settled(self) -> None:
        """Wait until everything is taken or refused, however long the backoff would be."""
        async with asyncio.timeout(SETTLE_S_MAX):
            while not self.device.connection.is_settled:
                self.device.reconnect()
                await asyncio.sleep(LOOK_S)

    async def write(self, segment: str, **record: object) -> str:
        """Write one record; its id."""
        (written,) = await self.device.write(segment, ROOT, [record])
        return str(written["id"])

    def texts(self, segment: str) -> list[str]:
        """The texts that it shows."""
        return [one["text"] for one in self.device.records(segment, ROOT) if one["type"] == "text"]

    def erased(self, segment: str) -> set[str]:
        """The records that it knows as erased."""
        return {one["id"] for one in self.device.records(segment, ROOT) if one["type"] == "redacted"}


async def redact(supervisor: Phone, segment: str, message: str) -> None:
    """Have a message erased."""
    await supervisor.write(segment, type="redaction", message=message)


@asynccontextmanager
async def phones(server: ServerProcess, folder: Path, segment: str) -> AsyncIterator[list[Phone]]:
    """The customer's, an agent's and a supervisor's, all of which follow the segment."""
    people = [("cus", "customer"), ("mei", "agent"), ("sup", "supervisor")]
    made = [Phone(server, folder / f"{user}.db", user, role) for user, role in people]
    async with made[0].device, made[1].device, made[2].device:
        for phone in made:
            await phone.device.connected()
            await phone.device.follow(segment)
            await phone.settled()
        yield made


def files_with(folder: Path, content: bytes) -> list[str]:
    """The files below the folder that hold these bytes anywhere; one that goes away meanwhile does not."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file() and content in path.read_bytes():
                found.append(path.name)
        except FileNotFoundError:
            continue
    return found


def left(folder: Path, contents: list[bytes]) -> dict[bytes, list[str]]:
    """The files that each of these is in."""
    return {content: files for content in contents if (files := files_with(folder, content))}


async def nowhere(folder: Path, contents: list[bytes]) -> None:
    """Wait until none of these bytes is in any file below the folder."""
    deadline = asyncio.get_running_loop().time() + SETTLE_S_MAX
    while found := left(folder, contents):
        assert asyncio.get_running_loop().time() < deadline, found
        await asyncio.sleep(LOOK_S)


def secrets(number: int) -> list[bytes]:
    """What is to be gone after round `number`: the message, and its correction."""
    return [f"卡号 4711-{number:04}".encode(), f"卡号 4712-{number:04}".encode()]


@pytest.mark.timeout(180 + 10 * ROUNDS)
async def test_what_was_erased_is_in_no_file_and_in_no_traffic(tmp_path: Path) -> None:
    randomness = random.Random(ROUNDS)
    kept: list[str] = []
    gone: set[str] = set()
    with ServerProcess(tmp_path / "server") as server:
        segment = await new_conversation(server, customer="cus")
        devices = tmp_path / "devices"
        async with phones(server, devices, segment) as (customer, agent, supervisor):
            for number in range(ROUNDS):
                message = await write_secret(customer, agent, segment, number, kept)
                gone.add(message)
                assert files_with(tmp_path / "server", secrets(number)[0])
                assert len(files_with(devices, secrets(number)[0])) >= 2
                await write_offline(customer, segment, message, number, kept)
                assert files_with(devices, secrets(number)[1]) != []
                await redact(supervisor, segment, message)
                await asyncio.sleep(randomness.uniform(0, ROUND_S_MAX))
                server.kill()
                await asyncio.sleep(0.01)
                server.start()
                customer.plug_in()
            everybody = (customer, agent, supervisor)
            await all_erased(everybody, segment, gone)
            contents = [content for number in range(ROUNDS) for content in secrets(number)]
            await nowhere(tmp_path, contents)
            for phone in everybody:
                check(phone, segment, kept, gone)
                assert (await phone.device.compare(segment)).verdict is Verdict.EQUAL
            await nobody_is_sent_it(server, everybody, segment, contents, kept)
        assert left(tmp_path, contents) == {}, "with the devices' stores closed"
        server.terminate()
        assert left(tmp_path, contents) == {}, "and the server's"
    report(rounds=ROUNDS, erased=len(gone), kept=len(kept))


async def write_secret(customer: Phone, agent: Phone, segment: str, number: int, kept: list[str]) -> str:
    """The secret among other messages, seen by everybody; its id."""
    for text in (f"before {number}", f"after {number}"):
        await customer.write(segment, type="text", text=text)
        await agent.write(segment, type="text", text=f"reply: {text}")
        kept += [text, f"reply: {text}"]
    message = await customer.write(segment, type="text", text=secrets(number)[0].decode() * 5)
    await customer.settled()
    await agent.settled()
    async with asyncio.timeout(SETTLE_S_MAX):
        while secrets(number)[0].decode() * 5 not in agent.texts(segment):
            await asyncio.sleep(LOOK_S)
    return message


async def write_offline(customer: Phone, segment: str, message: str, number: int, kept: list[str]) -> None:
    """Without a network: correct the secret, and write something else."""
    await customer.pull()
    await customer.write(segment, type="edit", message=message, text=secrets(number)[1].decode())
    await customer.write(segment, type="text", text=f"offline {number}")
    kept.append(f"offline {number}")


async def all_erased(everybody: tuple[Phone, ...], segment: str, gone: set[str]) -> None:
    """Wait until everybody knows what was erased, and nothing waits."""
    async with asyncio.timeout(SETTLE_S_MAX):
        while not all(gone <= phone.erased(segment) for phone in everybody):
            for phone in everybody:
                await phone.settled()
            await asyncio.sleep(LOOK_S)
    for phone in everybody:
        await phone.settled()


def check(phone: Phone, segment: str, kept: list[str], gone: set[str]) -> None:
    """Nothing else is lost or there twice, nothing waits, and nothing is shown as refused."""
    assert sorted(phone.texts(segment)) == sorted(kept)
    assert gone <= phone.erased(segment)
    assert phone.device.status.waiting == 0
    assert phone.device.refused == []
    assert phone.device.replica.mismatched == []


async def nobody_is_sent_it(
    server: ServerProcess, everybody: tuple[Phone, ...], segment: str, contents: list[bytes], kept: list[str]
) -> None:
    """Neither who comes back nor who is new here, and the conversation goes on."""
    for phone in everybody:
        phone.came.clear()
        await phone.pull()
        phone.plug_in()
    await everybody[0].write(segment, type="text", text="goes on")
    kept.append("goes on")
    for phone in everybody:
        await phone.settled()
    fresh = (await read_all(server, [segment]))[segment]
    assert b"goes on" in fresh
    traffic = b"".join(message for phone in everybody for message in phone.came)
    assert not [content for content in contents if content in traffic + fresh]


OWN = "user/cus"


def draft_secrets(number: int) -> list[bytes]:
    """What was drafted of message `number`: at first, as it was sent, and on a device without a network."""
    return [f"卡号 {card}-{number:04}".encode() for card in (4801, 4802, 4803)]


@asynccontextmanager
async def own_phones(server: ServerProcess, folder: Path, conversation: str) -> AsyncIterator[list[Phone]]:
    """Three of the customer's, which follow their own document; the supervisor's."""
    made = [
        Phone(server, folder / f"{name}.db", "cus", "customer", device=name) for name in ("phone", "tablet", "desk")
    ]
    boss = Phone(server, folder / "boss.db", "boss", "supervisor")
    async with made[0].device, made[1].device, made[2].device, boss.device:
        for phone in (*made, boss):
            await phone.device.connected()
            await phone.device.conversation(conversation)
        for phone in made:
            await phone.device.own.open()
        for phone in (*made, boss):
            await phone.settled()
        yield [*made, boss]


@pytest.mark.timeout(180 + 10 * ROUNDS)
async def test_the_drafts_of_what_was_erased_are_in_no_file_either(tmp_path: Path) -> None:
    """The server is killed somewhere between the two documents. The tablet, which has seen the drafts, is away
    meanwhile; so is the desk, which brings one of its own when all is done.
    """
    randomness = random.Random(ROUNDS)
    devices = tmp_path / "devices"
    devices.mkdir()
    with ServerProcess(tmp_path / "server") as server:
        segment = await new_conversation(server, customer="cus")
        conversation = segment.split("/")[1]
        async with own_phones(server, devices, conversation) as (phone, tablet, desk, boss):
            for number in range(ROUNDS):
                secrets = draft_secrets(number)
                await desk.pull()
                desk.device.own.note_draft(conversation, secrets[2].decode())
                await desk.device.own.flush()
                message = await send_what_was_drafted(phone, tablet, conversation, number)
                assert len(files_with(tmp_path / "server", secrets[0])) > 0
                assert len(left(devices, secrets)) == len(secrets)
                await tablet.pull()
                await redact(boss, segment, message)
                await asyncio.sleep(randomness.uniform(0, ROUND_S_MAX))
                server.kill()
                await asyncio.sleep(0.01)
                server.start()
                for one in (boss, phone):
                    one.plug_in()
                await nowhere(tmp_path / "server", secrets)
                assert files_with(devices, secrets[0]), "the tablet was not there"
                for one in (tablet, desk):
                    one.plug_in()
                await nowhere(tmp_path, secrets)
            contents = [content for number in range(ROUNDS) for content in draft_secrets(number)]
            for one in (phone, tablet, desk):
                await shows(one, conversation, f"of something else {ROUNDS - 1}")
                assert (one.device.status.waiting, one.device.refused) == (0, [])
                assert (await one.device.compare(OWN)).verdict is Verdict.EQUAL
        assert left(tmp_path, contents) == {}, "with the devices' stores closed"
        server.terminate()
        assert left(tmp_path, contents) == {}, "and the server's"


async def send_what_was_drafted(phone: Phone, tablet: Phone, conversation: str, number: int) -> str:
    """Draft it bit by bit, as the tablet shows, send it, and begin another; the message's id."""
    on_phone = await phone.device.conversation(conversation)
    for secret in draft_secrets(number)[:2]:
        await on_phone.save_draft(secret.decode())
        await phone.device.own.flush()
        await shows(tablet, conversation, secret.decode())
    message = await on_phone.say(draft_secrets(number)[1].decode())
    await phone.device.own.flush()
    await on_phone.save_draft(f"of something else {number}")
    await phone.device.own.flush()
    await phone.settled()
    await shows(tablet, conversation, f"of something else {number}")
    return message


async def shows(phone: Phone, conversation: str, draft: str) -> None:
    """Wait until the device shows this draft, and nothing waits."""
    async with asyncio.timeout(SETTLE_S_MAX):
        while phone.device.own.draft(conversation) != draft:
            await asyncio.sleep(LOOK_S)
    await phone.settled()


WRITERS = 4
ERASURES = size("ERASURES", 12)
PAUSE_S = 0.02


@pytest.mark.timeout(120 + ERASURES)
async def test_erasures_amid_writers_lose_nothing_and_bring_nothing_twice(tmp_path: Path) -> None:
    """Updates are in flight to the server, in its log and on their way out whenever a history is replaced."""
    randomness = random.Random(ERASURES)
    written: list[str] = []
    gone: set[str] = set()
    async with running(tmp_path / "server") as server:
        segment = await server.conversation()
        document = await server.hub.find_named("default", segment)
        devices = [Device(server.http, token=server.token(f"w{n}"), device=f"w{n}") for n in range(WRITERS)]

        async def write_on(device: Device) -> None:
            while len(gone) < ERASURES:
                (record,) = await device.write(segment, ROOT, [{"type": "text", "text": "hello"}])
                written.append(record["id"])
                await asyncio.sleep(randomness.uniform(0, PAUSE_S))

        async def erase_on() -> None:
            while len(gone) < ERASURES:
                await asyncio.sleep(randomness.uniform(0, 1))
                _, records = await read_records(server.hub.store, document.number)
                if left := sorted({key for _, key in records} - gone):
                    message = randomness.choice(left)
                    assert await erase(server.hub, document, [(ROOT, message)]) == 1
                    gone.add(message)

        async with devices[0], devices[1], devices[2], devices[3]:
            for device in devices:
                await device.connected()
                await device.follow(segment)
            await asyncio.gather(erase_on(), *map(write_on, devices))
            async with asyncio.timeout(SETTLE_S_MAX):
                for device in devices:
                    await device.settled()
            _, records = await read_records(server.hub.store, document.number)
            assert sorted(key for _, key in records) == sorted(written)
            assert {key for (_, key), value in records.items() if value["type"] == "redacted"} == gone
            for device in devices:
                assert (await device.compare(segment)).verdict is Verdict.EQUAL
                assert sorted(one["id"] for one in device.records(segment, ROOT)) == sorted(written)
                assert (device.status.waiting, device.refused) == (0, [])
    report(written=len(written), erased=len(gone))
