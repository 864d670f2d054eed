"""What people ask all day, timed from question to answer over HTTP and WebSocket, one after the other."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from random import Random
from typing import Final, NamedTuple
from urllib.parse import quote

from syncline_protocol import codec, frames

from benchmarks.domain.content import ASK, RARE_CHINESE, WHAT, WHEN, WHO, order
from benchmarks.domain.http import Http
from benchmarks.domain.loading import Plan, conversation_id
from benchmarks.load.socket import ConnectionLost, connect
from benchmarks.load.syncline import NOTHING, SynclineDevice
from benchmarks.readings import cpu_time
from benchmarks.scenarios.scenario import MILLISECONDS, percentile
from benchmarks.servers.process import HOST

GOAL_MS: Final = 50.0

FREQUENT_ENGLISH: Final = ("the", "my", "you", "thanks", "help", "please")
RARE_SINGLE: Final = tuple(word[0] for word in RARE_CHINESE)


class Timing(NamedTuple):
    """How long answers took. `cpu_ms`: the server's CPU time for one, which a busy machine does not stretch; `found`:
    rows or hits of the median answer.
    """

    question: str
    times: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_ms: float
    found: int


class Asking(NamedTuple):
    """A kind of question: what it is called, and asking one, which returns how much was found."""

    title: str
    ask: Callable[[], Awaitable[int]]


async def time_all(askings: Sequence[Asking], count: int, pid: int) -> AsyncIterator[Timing]:
    """Ask the server `pid` each kind `count` times, after a few that do not count."""
    for asking in askings:
        for _ in range(5):
            await asking.ask()
        seconds: list[float] = []
        found: list[int] = []
        before = cpu_time(pid)
        for _ in range(count):
            start = time.perf_counter()
            found.append(await asking.ask())
            seconds.append(time.perf_counter() - start)
        yield Timing(
            asking.title,
            count,
            percentile(seconds, 0.5) * MILLISECONDS,
            percentile(seconds, 0.99) * MILLISECONDS,
            max(seconds) * MILLISECONDS,
            cpu_time(pid).since(before).exact / count * MILLISECONDS,
            sorted(found)[len(found) // 2],
        )


def questions(agent: Http, customer: Http, device: SynclineDevice, plan: Plan) -> list[Asking]:
    """Everything that is asked."""
    random = Random(1)

    async def inbox(http: Http, query: str = "") -> int:
        return len((await http.get(f"/v1/inbox?limit=50{query}"))["rows"])

    cursors = [""]

    async def next_page() -> int:
        cursor = cursors[-1]
        page = await agent.get(f"/v1/inbox?limit=50{cursor and f'&cursor={cursor}'}")
        cursors.append(page.get("next", ""))
        return len(page["rows"])

    async def changes() -> int:
        position = (await agent.get("/v1/inbox?limit=1"))["position"]
        return len((await agent.get(f"/v1/inbox/changes?since={position}")).get("rows", ()))

    async def search(http: Http, q: str) -> int:
        return len((await http.get(f"/v1/search?q={quote(q)}"))["hits"])

    async def opened() -> int:
        return await open_conversation(device, random.randrange(plan.conversations))

    def some_order() -> str:
        return order(random.randrange(plan.conversations))

    return [
        Asking("inbox, all, first window of 50", lambda: inbox(agent)),
        Asking("inbox, all, window after window", next_page),
        Asking("inbox, unread", lambda: inbox(agent, "&view=unread")),
        Asking("inbox, tickets open", lambda: inbox(agent, "&status=open")),
        Asking("inbox, a customer's own", lambda: inbox(customer)),
        Asking("inbox, position and what changed since", changes),
        Asking("search, a frequent English word", lambda: search(agent, random.choice(FREQUENT_ENGLISH))),
        Asking(
            "search, two frequent English words", lambda: search(agent, " ".join(random.sample(FREQUENT_ENGLISH, 2)))
        ),
        Asking("search, an order number (one hit)", lambda: search(agent, some_order())),
        Asking("search, a frequent Chinese word", lambda: search(agent, random.choice(WHO + WHAT)[-2:])),
        Asking("search, a frequent Chinese character", lambda: search(agent, random.choice("的不上机"))),
        Asking("search, a rare Chinese word", lambda: search(agent, random.choice(RARE_CHINESE))),
        Asking("search, a rare Chinese character", lambda: search(agent, random.choice(RARE_SINGLE))),
        Asking("search, two Chinese phrases", lambda: search(agent, f"{random.choice(WHAT)} {random.choice(WHEN)}")),
        Asking("search, what nobody wrote", lambda: search(agent, f"{random.choice(ASK)}喵喵喵 xyzzy")),
        Asking("search, a customer's own", lambda: search(customer, random.choice(("WiFi", "the", "手机")))),
        Asking("opening a conversation: head and newest segment", opened),
    ]


async def open_conversation(device: SynclineDevice, number: int) -> int:
    """Open a conversation's head and its segment, until all of both is here, and leave it; returns the updates."""
    names = [f"conversation/{conversation_id(number)}", f"conversation/{conversation_id(number)}/1"]
    device.requests += 1
    wanted = [frames.OpenDocument(name, NOTHING.epoch, 0, False) for name in names]
    device.socket.send(codec.encode(frames.Open(device.requests, wanted)))
    heads: dict[int, int] | None = None
    reached: dict[int, int] = {}
    while heads is None or any(reached.get(channel, 0) < head for channel, head in heads.items()):
        frame = await device.receive()
        match frame:
            case frames.Opened():
                if frame.refused:
                    raise ConnectionLost(f"{names} could not be opened: {frame.refused}")
                heads = {document.channel: document.head for document in frame.documents}
            case frames.Updates():
                reached[frame.channel] = frame.seq + len(frame.payloads) - 1
            case frames.Snapshot():
                reached[frame.channel] = frame.seq
            case _:
                pass
    for channel in heads:
        device.socket.send(codec.encode(frames.Close(channel)))
    return sum(reached.values())


async def greet(port: int, token: str) -> SynclineDevice:
    """A device that reads."""
    device = SynclineDevice(await connect(f"ws://{HOST}:{port}/v1/sync"))
    await device.greet(token, "domain-reader")
    return device
