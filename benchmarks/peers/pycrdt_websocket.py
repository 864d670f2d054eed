"""pycrdt-websocket on uvicorn, both at their defaults, nothing stored. Usage: python pycrdt_websocket.py PORT"""

import asyncio
import sys

import uvicorn
from pycrdt.websocket import ASGIServer, WebsocketServer


async def serve(config: uvicorn.Config) -> None:
    """Serve until told to stop."""
    websocket_server = WebsocketServer()
    config.app = ASGIServer(websocket_server)
    async with websocket_server:
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    chosen = uvicorn.Config("", host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
    with asyncio.Runner(loop_factory=chosen.get_loop_factory()) as runner:
        runner.run(serve(chosen))
