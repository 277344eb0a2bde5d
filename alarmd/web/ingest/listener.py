"""The sockets that uploads come in on, and the places that are taken before anything is read."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from alarmd.metrics import Metrics
from alarmd.web.ingest.certificates import Certificate
from alarmd.web.ingest.connection import Exchange, UploadConnection
from alarmd.web.ingest.limits import BUSY_RETRY, MAX_SHARE, Budget, Places, UploadLimits
from alarmd.web.ingest.messages import Head, UploadRefusedError, refused
from alarmd.web.ingest.sources import Proxies, plain

NAME = "ingest"  # the metrics' label
GRACE = 4.0  # s for pictures that are being stored when the server stops
PAUSE = 1.0  # s to wait when nothing can be accepted, because the process has no descriptor left for example

_BUSY = UploadRefusedError(503, "busy", "", "too many connections; try again", retry_after=BUSY_RETRY)
_log = structlog.get_logger(__name__)


class UploadListener:
    """exchange: what is made of each request."""

    def __init__(
        self, limits: UploadLimits, exchange: Callable[[Head], Exchange], metrics: Metrics, proxies: Proxies
    ) -> None:
        self.limits = limits
        self.budget = Budget(share=max(MAX_SHARE, limits.max_body))
        self.exchange = exchange
        self.source = proxies.source
        self._is_proxy = proxies.trusts
        self._metrics = metrics
        metrics.queue("http_upload_bytes", lambda: self.budget.used, self.budget.limit)
        self._loop = asyncio.get_running_loop()
        self._places = Places(limits)
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: set[UploadConnection] = set()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        names = [sock.getsockname() for sock in self._sockets]
        return [(name[0], name[1]) for name in names]

    def listen(self, listening: socket.socket, certificate: Certificate | None = None) -> None:
        """On a socket that is bound and listens, which is this object's own from now on."""
        self._sockets.append(listening)
        context = certificate.context if certificate else None
        self._accepting.append(asyncio.create_task(self._accept(listening, context), name=NAME))

    async def stop(self) -> None:
        """What is being stored is stored, and answered."""
        begun = [*self._accepting, *self._opening]
        for task in begun:
            task.cancel()
        await asyncio.gather(*begun, return_exceptions=True)
        for sock in self._sockets:
            sock.close()
        for connection in list(self._connections):
            if not connection.is_storing:
                connection.abort()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE)
        for task in list(self._tasks):
            task.cancel()
        for connection in list(self._connections):
            connection.abort()

    def work(self, task: Coroutine[Any, Any, None]) -> None:
        self._run(task, self._tasks)

    def opened(self, connection: UploadConnection) -> None:
        self._connections.add(connection)
        self._metrics.connection_opened(NAME)

    def closed(self, connection: UploadConnection) -> None:
        self._connections.discard(connection)
        self._metrics.connection_closed(NAME)
        self._places.give_back(connection)

    def cut_off(self, reason: str) -> None:
        self._metrics.dropped(NAME, reason)

    async def _accept(self, listening: socket.socket, context: ssl.SSLContext | None) -> None:
        while True:
            try:
                sock, address = await self._loop.sock_accept(listening)
            except ConnectionError:  # the peer has gone already
                continue
            except OSError as error:
                _log.error("no upload can be accepted", reason=error.strerror)
                await asyncio.sleep(PAUSE)
                continue
            try:
                self._admit(sock, plain(address[0]), context)
            except Exception:  # a defect must not end the listening
                _log.exception("a connection failed by a defect of the server")
                sock.close()

    def _admit(self, sock: socket.socket, peer: str, context: ssl.SSLContext | None) -> None:
        connection = UploadConnection(self, peer, sock, self._loop)
        full = self._places.take(connection, shared=self._is_proxy(peer))
        if not full:
            self._run(self._open(sock, connection, context), self._opening)
            return
        self.cut_off(full)
        if context is None:
            _say(sock, refused(_BUSY).encode())
        sock.close()

    async def _open(self, sock: socket.socket, connection: UploadConnection, context: ssl.SSLContext | None) -> None:
        handshake_timeout = self.limits.head_timeout if context else None
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection, sock, ssl=context, ssl_handshake_timeout=handshake_timeout
            )
        except OSError:
            if not connection.gave_way:
                self.cut_off("tls_handshake")
        finally:
            if not connection.was_made:  # else it gives its place back itself
                self._places.give_back(connection)
                sock.close()

    def _run(self, work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> None:
        task = self._loop.create_task(work, name=NAME)
        among.add(task)
        task.add_done_callback(among.discard)


def _say(sock: socket.socket, answer: bytes) -> None:
    """What fits into the empty send buffer; whoever does not listen is not waited for."""
    try:
        sock.send(answer)
    except OSError:
        return
