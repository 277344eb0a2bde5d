"""A device's UDP sockets: one to all its servers, so that its NAT has one mapping, and those of its ladder."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from alarmd.device.datagrams import UnconnectedSocket
from lfcp.candidates import Address, address_of
from lfcp.tunnel import is_tunnel

NOT_OPEN = "the line is not open"

Hear = Callable[[str, bytes], None]
Tunnel = Callable[[Address, bytes], Awaitable[None]]


class LfcpLine:
    """servers: host and port by label. hear: is told of each datagram that comes from a server's address, with its
    label; what comes from elsewhere is dropped. tunnel: is told of each that is a tunnel's by its first byte, and of
    its source, whoever that is. Belongs to the loop that opened it; close() ends it."""

    def __init__(self, servers: Mapping[str, tuple[str, int]], hear: Hear, tunnel: Tunnel) -> None:
        self._servers = servers
        self._hear = hear
        self._tunnel = tunnel
        self._addresses: dict[str, Address] = {}
        self._main: UnconnectedSocket | None = None
        self._probes: dict[int, UnconnectedSocket] = {}
        self._listening: dict[UnconnectedSocket, asyncio.Task[None]] = {}
        self._sources: dict[str, str | None] = {}
        self._failed: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """Raises OSError for a name that cannot be resolved, or no sockets left."""
        for label in self._servers:
            self._addresses[label] = await self._resolved(label)
        self._failed = asyncio.get_running_loop().create_future()
        self._main = self._listen_on(await UnconnectedSocket.open())
        self.has_moved()

    def close(self) -> None:
        for sock in tuple(self._listening):
            self._close(sock)

    async def run(self) -> None:
        """Until cancelled, or until `hear` or `tunnel` fails: raises that."""
        if self._failed is None:
            raise ValueError(NOT_OPEN)
        await self._failed

    @property
    def port(self) -> int:
        """Of the main socket, at this machine."""
        return self._socket.port

    @property
    def errors(self) -> int:
        """How often the network said that something cannot be sent, on the sockets that are open."""
        return sum(sock.errors for sock in self._listening)

    def server(self, label: str) -> Address:
        """Where it was found last."""
        return self._addresses[label]

    async def say(self, label: str, frame: bytes) -> None:
        await self.send(self._addresses[label], frame)

    async def send(self, address: Address, datagram: bytes, ttl: int | None = None) -> None:
        """From the main socket. ttl: of this one datagram. It leaves, or it is lost."""
        if not await self._socket.send(address, datagram, ttl):
            self._sources.clear()

    async def probe(self, number: int, label: str, frame: bytes) -> None:
        """From the socket with this number, which is opened if need be. Raises OSError: no sockets are left."""
        sock = self._probes.get(number)
        if sock is None:
            sock = self._probes[number] = self._listen_on(await UnconnectedSocket.open())
        await sock.send(self._addresses[label], frame)

    def close_probes_but(self, numbers: frozenset[int]) -> None:
        for number in self._probes.keys() - numbers:
            self._close(self._probes.pop(number))

    async def renew(self) -> None:
        """Another main socket: at another port, which a NAT maps anew. Raises OSError; then the old one stays."""
        sock = self._listen_on(await UnconnectedSocket.open())
        self._close(self._socket)
        self._main = sock

    async def look_up(self) -> None:
        """The servers' names again; one that cannot be resolved now stays where it was."""
        for label in self._servers:
            with suppress(OSError):
                self._addresses[label] = await self._resolved(label)

    def has_moved(self) -> bool:
        """Whether this machine would send from another address than at the last look, or can send again."""
        sources = {label: _source_towards(address) for label, address in self._addresses.items()}
        here = {label: source for label, source in sources.items() if source is not None}
        moved = any(self._sources.get(label) != source for label, source in here.items())
        self._sources = {**self._sources, **sources} if here else {}
        return moved

    @property
    def _socket(self) -> UnconnectedSocket:
        if self._main is None:
            raise ValueError(NOT_OPEN)
        return self._main

    async def _resolved(self, label: str) -> Address:
        host, port = self._servers[label]
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        return _address(found[0][4])

    def _listen_on(self, sock: UnconnectedSocket) -> UnconnectedSocket:
        self._listening[sock] = task = asyncio.create_task(self._listen(sock))
        task.add_done_callback(self._ended)
        return sock

    async def _listen(self, sock: UnconnectedSocket) -> None:
        while True:
            source, datagram = await sock.receive()
            if is_tunnel(datagram):
                await self._tunnel(source, datagram)
                continue
            for label, address in self._addresses.items():
                if address == source:
                    self._hear(label, datagram)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    def _close(self, sock: UnconnectedSocket) -> None:
        self._listening.pop(sock).cancel()
        sock.close()


def _address(found: tuple[object, ...]) -> Address:
    """A link-local one keeps its zone, without which nobody gets there."""
    host, port = str(found[0]), int(str(found[1]))
    return address_of(host, port) or Address(host, port)


def _source_towards(address: Address) -> str | None:
    """The address that the kernel would send from; None: it knows no way there. Nothing is sent."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect(address)
            return str(asking.getsockname()[0])
    except OSError:
        return None
