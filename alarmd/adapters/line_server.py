"""A TCP server for peers that talk in lines: how many there may be, and what each of them costs at most."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IListeningPort, IReactorSocket
from twisted.internet.protocol import ServerFactory

from alarmd.adapters.tcp_connection import LineConnection, TcpLimits
from alarmd.metrics import Metrics
from lfcp.line_buffer import no_body


class LineHandler(Protocol):
    """What the lines mean. opened and closed come in pairs."""

    def opened(self, connection: LineConnection) -> None: ...

    def lines(self, connection: LineConnection, lines: Sequence[bytes]) -> None: ...

    def ended(self, connection: LineConnection) -> None:
        """The peer says nothing more: close when everything is answered."""
        ...

    def closed(self, connection: LineConnection) -> None: ...


class LineServer(ServerFactory):
    """name: the metrics' label for this listener. body_length: see Owner."""

    noisy = False

    def __init__(
        self,
        name: str,
        limits: TcpLimits,
        handler: LineHandler,
        loop: asyncio.AbstractEventLoop,
        metrics: Metrics,
        body_length: Callable[[bytes], int] = no_body,
    ) -> None:
        self.limits = limits
        self.body_length = body_length
        self._name = name
        self._handler = handler
        self._loop = loop
        self._metrics = metrics
        self._connections: set[LineConnection] = set()
        self._addresses: Counter[str] = Counter()
        self._ports: list[IListeningPort] = []

    def __len__(self) -> int:
        return len(self._connections)

    def listen(self, reactor: IReactorSocket, sock: socket.socket) -> None:
        """Serve a bound, listening socket; the reactor works with a copy, so this one is closed."""
        self._ports.append(reactor.adoptStreamPort(sock.fileno(), sock.family, self))
        sock.close()

    def stop_listening(self) -> None:
        for port in self._ports:
            port.stopListening()
        self._ports.clear()

    def close_connections(self) -> None:
        for connection in list(self._connections):
            connection.close()

    def buildProtocol(self, addr: IAddress | None) -> LineConnection:  # noqa: N802  Twisted's name
        assert isinstance(addr, IPv4Address | IPv6Address)
        scope = addr.scopeID if isinstance(addr, IPv6Address) else 0
        return LineConnection(self, self._loop, (addr.host, addr.port, 0, int(scope or 0)))

    def opened(self, connection: LineConnection) -> bool:
        host = connection.path.host
        if len(self._connections) >= self.limits.connections:
            self.dropped("too_many_connections")
            return False
        if self._addresses[host] >= self.limits.connections_per_address:
            self.dropped("too_many_connections_of_address")
            return False
        self._connections.add(connection)
        self._addresses[host] += 1
        self._metrics.connection_opened(self._name)
        self._handler.opened(connection)
        return True

    def lines(self, connection: LineConnection, lines: Sequence[bytes]) -> None:
        self._handler.lines(connection, lines)

    def ended(self, connection: LineConnection) -> None:
        self._handler.ended(connection)

    def closed(self, connection: LineConnection) -> None:
        self._connections.discard(connection)
        host = connection.path.host
        self._addresses[host] -= 1
        if not self._addresses[host]:
            del self._addresses[host]
        self._metrics.connection_closed(self._name)
        self._handler.closed(connection)

    def dropped(self, reason: str) -> None:
        self._metrics.dropped(self._name, reason)
