"""The sockets that a rendezvous opens beside the one that LFCP is spoken on, by their numbers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from alarmd.device.datagrams import UnconnectedSocket
from alarmd.device.interfaces import addresses_of
from lfcp.candidates import Address

Heard = Callable[[int, Address, bytes], Awaitable[None]]


class TunnelSockets:
    """heard: is told the number, the source and the datagram."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._sockets: dict[int, UnconnectedSocket] = {}
        self._listening: dict[int, asyncio.Task[None]] = {}

    async def open(self, number: int) -> tuple[Address, ...]:
        """At a port of its own; where it is at this machine's interfaces. Raises OSError: no sockets are left."""
        sock = await UnconnectedSocket.open()
        self._sockets[number] = sock
        self._listening[number] = asyncio.create_task(self._listen(number, sock))
        return addresses_of(sock.port)

    async def send(self, number: int, address: Address, datagram: bytes, ttl: int | None = None) -> None:
        """It leaves, or it is lost."""
        sock = self._sockets.get(number)
        if sock is not None:
            await sock.send(address, datagram, ttl)

    def close(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            sock = self._sockets.pop(number, None)
            if sock is not None:
                self._listening.pop(number).cancel()
                sock.close()

    def close_all(self) -> None:
        self.close(tuple(self._sockets))

    async def _listen(self, number: int, sock: UnconnectedSocket) -> None:
        while True:
            source, datagram = await sock.receive()
            await self._heard(number, source, datagram)
