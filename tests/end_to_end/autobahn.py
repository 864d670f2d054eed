"""Runs the Autobahn WebSocket test suite against our WebSocket class, and lists the cases that fail.

    python tests/end_to_end/autobahn.py --python PYTHON27 --packages FOLDER [--cases 1.* 2.*]

The suite runs on Python 2.7 only: `PYTHON27 -m pip install --target FOLDER autobahntestsuite==25.10.1` puts it into
FOLDER. Two echo servers are tested: one with a session attached (binary messages; text is closed with 1003), one
without, which also answers text.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

TESTS: Final = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(TESTS))

from support.echo import MESSAGE_BYTES_MAX, EchoServer  # noqa: E402 # after the path
from support.server import free_port  # noqa: E402 # after the path
from syncline_server.socket import Socket  # noqa: E402 # after the path

CASES: Final = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*")
PASSED: Final = {"OK", "INFORMATIONAL", "NON-STRICT"}
RUN: Final = "import sys; from autobahntestsuite.wstest import run; sys.argv[0] = 'wstest'; run()"


async def echo_everything(websocket: WebSocket) -> None:
    """Text as text, bytes as bytes, without a session attached."""
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") is not None:
                await websocket.send_text(message["text"])
            else:
                await websocket.send_bytes(message["bytes"])
    except WebSocketDisconnect:
        return


def unattached(port: int) -> uvicorn.Server:
    """A server whose sockets stay as uvicorn has them."""
    return uvicorn.Server(
        uvicorn.Config(
            Starlette(routes=[WebSocketRoute("/", echo_everything)]),
            port=port,
            ws=Socket,
            ws_max_size=MESSAGE_BYTES_MAX,
            ws_per_message_deflate=False,
            log_level="critical",
            lifespan="off",
        )
    )


def fuzz(arguments: argparse.Namespace, port: int) -> dict[str, str]:
    """Run the suite; the verdict on each case."""
    with tempfile.TemporaryDirectory() as folder:
        spec = {
            "outdir": f"{folder}/reports",
            "servers": [{"agent": "syncline", "url": f"ws://127.0.0.1:{port}"}],
            "cases": arguments.cases,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        path = Path(folder, "fuzzingclient.json")
        path.write_text(json.dumps(spec), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": arguments.packages}
        subprocess.run(
            [arguments.python, "-c", RUN, "-m", "fuzzingclient", "-s", path],
            check=True,
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        report = json.loads(Path(folder, "reports", "index.json").read_text(encoding="utf-8"))["syncline"]
    return {case: worst(result["behavior"], result["behaviorClose"]) for case, result in report.items()}


def worst(behaviour: str, close: str) -> str:
    """The verdict that counts of the two."""
    return close if behaviour in PASSED else behaviour


async def test(name: str, server: uvicorn.Server, arguments: argparse.Namespace, port: int) -> None:
    """One echo server: how many cases passed, and which did not."""
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    verdicts = await asyncio.to_thread(fuzz, arguments, port)
    failed = {case: verdict for case, verdict in verdicts.items() if verdict not in PASSED}
    print(f"{name}: {len(verdicts)} cases, {len(failed)} failed: {failed}")  # noqa: T201 - what it is for
    server.should_exit = True
    await serving


async def main(arguments: argparse.Namespace) -> None:
    """Both echo servers, one after the other."""
    port = free_port()
    await test("without a session", unattached(port), arguments, port)
    port = free_port()
    attached = EchoServer().uvicorn(port, message_bytes_max=MESSAGE_BYTES_MAX)
    await test("with a session", attached, arguments, port)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="a Python 2.7")
    parser.add_argument("--packages", required=True, help="the folder that the suite was installed into")
    parser.add_argument("--cases", nargs="+", default=list(CASES))
    asyncio.run(main(parser.parse_args()))
