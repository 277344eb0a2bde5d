"""A UDP socket on loopback: at one end of a tunnel the port for local programs, at the other the way to a service."""

from collections.abc import Awaitable, Callable

import structlog
from asyncio_dgram.aio import DatagramServer, TransportClosed, bind

from alarmd.device.datagrams import send_from
from lfcp.candidates import Address
from lfcp.constants import TUNNEL_BODY

LOOPBACK = "127.0.0.1"

_log = structlog.get_logger(__name__)


class Loopback:
    """too_long: datagrams that no tunnel carries, which are dropped."""

    def __init__(self, stream: DatagramServer, service: Address | None) -> None:
        self._stream = stream
        self._service = service
        self._peer = service
        self.too_long = 0

    @classmethod
    async def listen(cls, port: int) -> "Loopback":
        """For local programs; what comes for them goes to the one that spoke last. port: 0: any. Raises OSError."""
        return cls(await bind((LOOPBACK, port)), None)

    @classmethod
    async def towards(cls, port: int) -> "Loopback":
        """For a service at this port, and nobody else. Raises OSError."""
        return cls(await bind((LOOPBACK, 0)), Address(LOOPBACK, port))

    @property
    def port(self) -> int:
        port: int = self._stream.sockname[1]
        return port

    async def run(self, said: Callable[[bytes], Awaitable[None]]) -> None:
        """said: gets what comes from here. Until close()."""
        while True:
            try:
                datagram, source = await self._stream.recv()
            except TransportClosed:
                return
            except OSError:  # nobody is there now
                continue
            assert isinstance(source, tuple)
            if self._service is not None and self._service != source:
                continue
            self._peer = Address(*source)
            if len(datagram) <= TUNNEL_BODY:
                await said(bytes(datagram))
            else:
                self._drop(len(datagram))

    async def give(self, datagram: bytes) -> None:
        """Lost if nobody has spoken yet."""
        if self._peer is not None:
            await send_from(self._stream, self._peer, datagram)

    def close(self) -> None:
        self._stream.close()

    def _drop(self, length: int) -> None:
        if not self.too_long:
            _log.warning("a datagram is too long for the tunnel", bytes=length, limit=TUNNEL_BODY)
        self.too_long += 1
