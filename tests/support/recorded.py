"""A device's transport that keeps all that the server ever sent through it."""

from syncline_client.transport import Transport


class Recorded:
    """A transport that keeps what came."""

    def __init__(self, transport: Transport, came: list[bytes]) -> None:
        self._transport = transport
        self._came = came

    async def send(self, message: bytes) -> None:
        """See `Transport`."""
        await self._transport.send(message)

    async def receive(self) -> bytes:
        """See `Transport`."""
        message = await self._transport.receive()
        self._came.append(message)
        return message

    async def close(self, code: int, reason: str) -> None:
        """See `Transport`."""
        await self._transport.close(code, reason)
