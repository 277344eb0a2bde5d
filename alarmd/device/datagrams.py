"""UDP sockets on asyncio-dgram: one that is connected to a server, which a server that is away cannot break, and one
that speaks with anybody."""

import asyncio
import socket
from asyncio.trsock import TransportSocket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar, cast

from asyncio_dgram.aio import DatagramClient, DatagramServer, DatagramStream, Protocol, TransportClosed, connect

from lfcp.candidates import Address, address_of

LOOK_EVERY = 5.0  # s; after an ICMP error asyncio-dgram's recv() says nothing until it is called again
MAX_WAITING = 256  # datagrams that came and were not taken yet; more are lost, as in any network

T = TypeVar("T")
_Received = tuple[bytes | None, Any]  # with its source


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
        self.errors += _forget_errors(self._stream)
        with suppress(OSError):
            await self._stream.send(datagram)

    async def receive(self, seconds: float = LOOK_EVERY) -> bytes | None:
        """The next datagram; None when the time is over or the network said no."""
        self.errors += _forget_errors(self._stream)
        try:
            async with asyncio.timeout(seconds):  # wait_for() would lose a cancellation that meets a datagram
                data, _ = await self._stream.recv()
        except (TimeoutError, OSError):
            return None
        return bytes(data)

    def close(self) -> None:
        self._stream.close()


class UnconnectedSocket:
    """At a port of its own, for both families of addresses where the machine has both. Belongs to the loop that opened
    it. errors: how often the network said no."""

    def __init__(self, stream: DatagramServer) -> None:
        self._stream = stream
        self.errors = 0

    @classmethod
    async def open(cls) -> "UnconnectedSocket":
        """Raises OSError: no sockets are left."""
        sock = _at_any_port()
        waiting: _Bounded[_Received] = _Bounded(MAX_WAITING)
        errors: _Bounded[Exception] = _Bounded(MAX_WAITING)
        drained = asyncio.Event()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: Protocol(waiting, errors, drained), sock=sock)
        return cls(DatagramServer(cast(Any, transport), waiting, errors, drained))

    @property
    def port(self) -> int:
        return int(self._stream.sockname[1])

    async def send(self, address: Address, datagram: bytes, ttl: int | None = None) -> bool:
        """ttl: time to live of this one datagram. False: the network says that it cannot leave. Else it may be lost."""
        self.errors += _forget_errors(self._stream)
        now = await send_from(self._stream, address, datagram, ttl)
        self.errors += now
        return not now

    async def receive(self) -> tuple[Address, bytes]:
        """The next datagram, and where it came from: IPv4 within IPv6 as IPv4. Waits for ever on a closed socket."""
        while True:
            self.errors += _forget_errors(self._stream)
            try:
                data, source = await self._stream.recv()
            except TransportClosed:  # by the task that receives, which is being cancelled
                await asyncio.get_running_loop().create_future()
                raise
            assert isinstance(source, tuple)
            host, port = str(source[0]), int(source[1])
            if port:  # nobody can be answered at port 0
                return address_of(host, port) or Address(host, port), bytes(data)

    def close(self) -> None:
        self._stream.close()


async def send_from(stream: DatagramServer, address: Address, datagram: bytes, ttl: int | None = None) -> int:
    """ttl: of this one datagram. It leaves, or it is lost: UDP promises nothing. How often the network said no."""
    _forget_errors(stream)
    try:
        with _time_to_live(stream.socket, address, ttl):
            await stream.send(datagram, _reachable(stream.socket, address))
    except OSError:  # a socket for IPv4 alone has no time to live of IPv6
        return 1 + _forget_errors(stream)
    return _forget_errors(stream)


def _forget_errors(stream: DatagramStream) -> int:
    """How many there were. An old one would keep asyncio-dgram from sending and receiving."""
    count = 0
    while True:
        try:
            _ = stream.exception
        except OSError:
            count += 1
        else:
            return count


class _Bounded(asyncio.Queue[T]):
    """What asyncio-dgram puts into a full one is lost."""

    def put_nowait(self, item: T) -> None:
        if not self.full():
            super().put_nowait(item)


def _at_any_port() -> socket.socket:
    if socket.has_dualstack_ipv6():
        with suppress(OSError):  # compiled in, and switched off in this network
            return _bound(socket.AF_INET6, "::")
    return _bound(socket.AF_INET, "")


def _bound(family: socket.AddressFamily, host: str) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind((host, 0))
    except OSError:
        made.close()
        raise
    return made


def _reachable(sender: TransportSocket, address: Address) -> tuple[str, int]:
    """As a socket for both families takes it (RFC 3493 §3.7)."""
    mapped = sender.family == socket.AF_INET6 and ":" not in address.host
    return f"::ffff:{address.host}" if mapped else address.host, address.port


@contextmanager
def _time_to_live(sender: TransportSocket, address: Address, ttl: int | None) -> Iterator[None]:
    if ttl is None:
        yield
        return
    four = ":" not in address.host
    option = (socket.IPPROTO_IP, socket.IP_TTL) if four else (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)
    usual = sender.getsockopt(*option)
    sender.setsockopt(*option, ttl)
    try:
        yield  # the kernel takes the datagram meanwhile, or asyncio keeps it and it leaves as any other
    finally:
        sender.setsockopt(*option, usual)
