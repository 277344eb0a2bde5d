"""A UDP socket to one server, on asyncio-dgram, that a server which is away cannot break."""

import asyncio
from contextlib import suppress

from asyncio_dgram.aio import DatagramClient, connect

LOOK_EVERY = 5.0  # s; after an ICMP error asyncio-dgram's recv() says nothing until it is called again


class Datagrams:
    """Belongs to the loop that connected it. errors: how often the network said no."""

    def __init__(self, stream: DatagramClient) -> None:
        self._stream = stream
        self.errors = 0

    @classmethod
    async def connect(cls, host: str, port: int) -> "Datagrams":
        """Raises OSError for a name that cannot be resolved, or no sockets left."""
        return cls(await connect((host, port)))

    async def send(self, datagram: bytes) -> None:
        """It leaves, or it is lost: UDP promises nothing. An old error would keep asyncio-dgram from sending."""
        self._count_errors()
        with suppress(OSError):
            await self._stream.send(datagram)

    async def receive(self, seconds: float = LOOK_EVERY) -> bytes | None:
        """The next datagram; None when the time is over or the network said no."""
        self._count_errors()
        try:
            async with asyncio.timeout(seconds):  # wait_for() would lose a cancellation that meets a datagram
                data, _ = await self._stream.recv()
        except (TimeoutError, OSError):
            return None
        return bytes(data)

    def close(self) -> None:
        self._stream.close()

    def _count_errors(self) -> None:
        while True:
            try:
                _ = self._stream.exception
            except OSError:
                self.errors += 1
            else:
                return
