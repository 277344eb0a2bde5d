"""The sockets that a rendezvous opens beside the one that LFCP is spoken on, by their numbers."""

import asyncio
import socket
from asyncio.trsock import TransportSocket
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from asyncio_dgram.aio import DatagramServer, TransportClosed, from_socket

from alarmd.device.interfaces import addresses_of
from lfcp.candidates import Address, address_of

Heard = Callable[[int, Address, bytes], Awaitable[None]]


class TunnelSockets:
    """heard: is told the number, the source and the datagram."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._sockets: dict[int, DatagramServer] = {}
        self._listening: dict[int, asyncio.Task[None]] = {}

    async def open(self, number: int) -> tuple[Address, ...]:
        """At a port of its own; where it is at this machine's interfaces. Raises OSError: no sockets are left."""
        stream = await from_socket(_at_any_port())
        assert isinstance(stream, DatagramServer)
        self._sockets[number] = stream
        self._listening[number] = asyncio.create_task(self._listen(number, stream))
        return addresses_of(stream.sockname[1])

    async def send(self, number: int, address: Address, datagram: bytes, ttl: int | None = None) -> None:
        """It leaves, or it is lost."""
        stream = self._sockets.get(number)
        if stream is not None:
            await send_from(stream, address, datagram, ttl)

    def close(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            stream = self._sockets.pop(number, None)
            if stream is not None:
                self._listening.pop(number).cancel()
                stream.close()

    def close_all(self) -> None:
        self.close(tuple(self._sockets))

    async def _listen(self, number: int, stream: DatagramServer) -> None:
        while True:
            try:
                datagram, source = await stream.recv()
            except TransportClosed:
                return
            except OSError:  # ICMP says that somebody is not there, which probes find out by themselves
                continue
            address = address_of(*source[:2]) if isinstance(source, tuple) else None
            if address is not None:
                await self._heard(number, address, bytes(datagram))


async def send_from(stream: DatagramServer, address: Address, datagram: bytes, ttl: int | None = None) -> None:
    """ttl: of this one datagram. It leaves, or it is lost: UDP promises nothing."""
    with _time_to_live(stream.socket, address, ttl):
        _forget_errors(stream)
        with suppress(OSError):
            await stream.send(datagram, _reachable(stream.socket, address))


def _at_any_port() -> socket.socket:
    """For both families where the machine has both."""
    if socket.has_dualstack_ipv6():
        with suppress(OSError):  # compiled in, and switched off in this network
            return _bound(socket.AF_INET6, "::")
    return _bound(socket.AF_INET, "")


def _bound(family: socket.AddressFamily, host: str) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
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


def _forget_errors(stream: DatagramServer) -> None:
    """An old one would keep asyncio-dgram from sending."""
    while True:
        try:
            _ = stream.exception
        except OSError:
            continue
        return
