"""Every socket on which devices reach the server: UDP and TCP on each address, one port number for all."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from alarmd.adapters import tcp_listener
from alarmd.adapters.flow_cache import FlowCache
from alarmd.adapters.line_server import LineServer
from alarmd.adapters.sockets import Sockets
from alarmd.adapters.tcp_connection import TcpLimits
from alarmd.adapters.tcp_listener import LfcpLines
from alarmd.adapters.turn_runner import TurnRunner
from alarmd.adapters.udp_listener import UdpListener
from alarmd.adapters.uploads import LIMITS, UploadLimits, Uploads
from alarmd.core.instant import Instant
from alarmd.frames.intake import Upload
from alarmd.frames.live import LiveHub
from alarmd.metrics import Metrics
from lfcp import body_length


class LfcpListeners:
    """bound: pairs of a UDP and a TCP socket. take_in, live: what becomes of pictures, see Uploads."""

    def __init__(
        self,
        bound: Sequence[tuple[socket.socket, socket.socket]],
        limits: TcpLimits,
        *,
        loop: asyncio.AbstractEventLoop,
        runner: TurnRunner,
        sockets: Sockets,
        flow_cache: FlowCache,
        metrics: Metrics,
        now: Callable[[], Instant],
        take_in: Callable[[Upload], Awaitable[object]],
        live: LiveHub,
        upload_limits: UploadLimits = LIMITS,
    ) -> None:
        self.addresses = [datagrams.getsockname()[:2] for datagrams, _ in bound]
        self.datagrams = [
            UdpListener(
                sock, sockets=sockets, flow_cache=flow_cache, submit=runner.submit_batch, now=now, metrics=metrics
            )
            for sock, _ in bound
        ]
        self.uploads = Uploads(
            take_in=take_in,
            live=live,
            submit=runner.submit,
            close_when_answered=runner.close_when_answered,
            loop=loop,
            now=now,
            limits=upload_limits,
        )
        lines = LfcpLines(sockets, runner.submit_batch, runner.close_when_answered, self.uploads, now)
        self.connections = LineServer(tcp_listener.LISTENER, limits, lines, loop, metrics, body_length)
        self._streams = [sock for _, sock in bound]
        runner.timer.drains.extend(listener.drain for listener in self.datagrams)

    def start(self, reactor: AsyncioSelectorReactor) -> None:
        for listener in self.datagrams:
            listener.start(reactor)
        for sock in self._streams:
            self.connections.listen(reactor, sock)

    def stop(self, reactor: AsyncioSelectorReactor) -> None:
        """Take nothing more; what is owed can still be sent."""
        for listener in self.datagrams:
            listener.stop(reactor)
        self.connections.stop_listening()

    def close(self) -> None:
        for listener in self.datagrams:
            listener.close_socket()
        self.uploads.close()
        self.connections.close_connections()
