"""How the connection between the two servers comes about: one listens, the other dials, again and again."""

import asyncio
import socket
from collections.abc import Sequence
from typing import cast

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.interfaces import IAddress, IConnector, IListeningPort, IReactorSocket, IReactorTCP
from twisted.internet.protocol import ClientFactory, Factory
from twisted.internet.ssl import CertificateOptions
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure

from alarmd.adapters.peer.link import PeerLink
from alarmd.adapters.peer.station import Station

MAX_UNPROVED = 32  # connections that have not said hello; whoever knocks beyond finds the door shut
CONNECT_PATIENCE = 5.0  # s for the TCP connection
FIRST_PAUSE = 0.1  # s before dialling again
LAST_PAUSE = 2.0  # s; the pause doubles up to here


class Listening:
    """sockets: bound and listening."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        station: Station,
        context: CertificateOptions,
        reactor: AsyncioSelectorReactor,
    ) -> None:
        self.addresses = [sock.getsockname()[:2] for sock in sockets]
        self._sockets = sockets
        self._reactor = reactor
        self._factory = _Door(station, context, reactor)
        self._ports: list[IListeningPort] = []

    def start(self) -> None:
        """The reactor works with copies of the sockets."""
        listening = cast(IReactorSocket, self._reactor)
        for sock in self._sockets:
            port = listening.adoptStreamPort(sock.fileno(), sock.family, self._factory)  # type: ignore[arg-type]
            self._ports.append(port)
            sock.close()

    def stop(self) -> None:
        for port in self._ports:
            port.stopListening()
        self._ports.clear()


class Dialling:
    """Tries the addresses of the peer's name in turn, until it is stopped."""

    def __init__(
        self,
        peer: tuple[str, int],
        station: Station,
        context: CertificateOptions,
        reactor: AsyncioSelectorReactor,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._peer = peer
        self._station = station
        self._context = context
        self._reactor = reactor
        self._loop = loop
        self._attempts = 0

    async def run(self) -> None:
        pause = FIRST_PAUSE
        while not self._station.is_stopping:
            if await self._connect():
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_PAUSE)

    async def _connect(self) -> bool:
        """Until the connection is gone; whether the peer was met on it."""
        host, port = self._peer
        try:
            found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            self._station.say(f"{host} cannot be resolved: {error.strerror}")
            return False
        address = found[self._attempts % len(found)][4]
        self._attempts += 1
        call = _Call(self._station, self._loop)
        factory = TLSMemoryBIOFactory(self._context, True, call, self._reactor)
        tcp = cast(IReactorTCP, self._reactor)
        connector = tcp.connectTCP(str(address[0]), int(address[1]), factory, timeout=CONNECT_PATIENCE)
        try:
            return await call.ended
        except asyncio.CancelledError:
            connector.disconnect()
            raise


class _Call(ClientFactory):
    noisy = False

    def __init__(self, station: Station, loop: asyncio.AbstractEventLoop) -> None:
        self._station = station
        self._link: PeerLink | None = None
        self.ended: asyncio.Future[bool] = loop.create_future()

    def buildProtocol(self, addr: IAddress | None) -> PeerLink:  # noqa: ARG002, N802  Twisted's name
        self._link = self._station.link()
        return self._link

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:  # noqa: ARG002, N802
        self._station.say(str(reason.getErrorMessage()))
        self._end(was_met=False)

    def clientConnectionLost(self, connector: IConnector, reason: Failure) -> None:  # noqa: ARG002, N802
        self._end(was_met=self._link is not None and self._link.was_met)

    def _end(self, *, was_met: bool) -> None:
        if not self.ended.done():
            self.ended.set_result(was_met)


class _Door(TLSMemoryBIOFactory):
    noisy = False

    def __init__(self, station: Station, context: CertificateOptions, reactor: AsyncioSelectorReactor) -> None:
        super().__init__(context, False, _Links(station), reactor)
        self._station = station

    def buildProtocol(self, addr: IAddress | None) -> TLSMemoryBIOProtocol | None:  # type: ignore[override]  # noqa: N802
        """Twisted closes a connection that gets none."""
        return None if self._station.unproved >= MAX_UNPROVED else super().buildProtocol(addr)


class _Links(Factory):
    noisy = False

    def __init__(self, station: Station) -> None:
        self._station = station

    def buildProtocol(self, addr: IAddress | None) -> PeerLink:  # noqa: ARG002, N802  Twisted's name
        return self._station.link()
