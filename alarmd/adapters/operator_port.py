"""The operator's port: commands and listings as CSV lines, over UDP and TCP on loopback, made for netcat.

Over TCP the first line that asks for nothing is the last: a web page can make a browser post text to this port, and
what stands in the body of an HTTP request must not be carried out.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from alarmd.adapters.datagram_batches import OneByOne
from alarmd.adapters.flow_cache import Address
from alarmd.adapters.line_server import LineServer
from alarmd.adapters.operator_answers import OperatorAnswers, error_of
from alarmd.adapters.tcp_connection import LineConnection, TcpLimits
from alarmd.core.operator_lines import MAX_LINE, LineError, datagrams, error_line
from alarmd.metrics import Metrics

UDP_LISTENER = "operator_udp"
TCP_LISTENER = "operator_tcp"
MAX_AT_ONCE = 64  # datagrams being answered
MAX_LINES_WAITING = 64  # of one connection
LIMITS = TcpLimits(connections=64, connections_per_address=64, line_timeout=30.0, idle_timeout=600.0, buffer=MAX_LINE)
MAX_DATAGRAM = 8192  # bytes; what netcat reads at once

_log = structlog.get_logger(__name__)


@implementer(IReadDescriptor)
class OperatorDatagrams:
    """One bound, non-blocking UDP socket; each datagram is one line."""

    def __init__(
        self, sock: socket.socket, answers: OperatorAnswers, loop: asyncio.AbstractEventLoop, metrics: Metrics
    ) -> None:
        self._socket = sock
        self._answers = answers
        self._loop = loop
        self._metrics = metrics
        self._batches = OneByOne(sock, {}, self._dropped)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, reactor: IReactorFDSet) -> None:
        reactor.addReader(self)

    def stop(self, reactor: IReactorFDSet) -> None:
        reactor.removeReader(self)

    def close_socket(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:  # noqa: N802  Twisted's name
        return UDP_LISTENER

    def doRead(self) -> None:  # noqa: N802  Twisted's name
        for line, address in self._batches.receive_batch().others:
            if len(self._tasks) >= MAX_AT_ONCE:
                self._dropped("busy")
                continue
            task = self._loop.create_task(self._answer(line, address))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802  Twisted's name
        """Twisted gives up on a descriptor whose doRead raised; nothing here does, so this is a defect: tell it."""
        if self.fileno() != -1:
            _log.error("the operator's port was taken out of the reactor", reason=str(reason.value))

    async def _answer(self, line: bytes, address: Address) -> None:
        lines, _ = await answered(self._answers, line)
        self._batches.send_batch((payload, address) for payload in datagrams(lines, MAX_DATAGRAM))

    def _dropped(self, reason: str) -> None:
        self._metrics.dropped(UDP_LISTENER, reason)


class OperatorPort:
    """Both sides of the port, UDP and TCP on the same number."""

    def __init__(
        self,
        bound: Sequence[tuple[socket.socket, socket.socket]],
        answers: OperatorAnswers,
        loop: asyncio.AbstractEventLoop,
        metrics: Metrics,
    ) -> None:
        self.addresses = [datagrams.getsockname()[:2] for datagrams, _ in bound]
        self._datagrams = [OperatorDatagrams(sock, answers, loop, metrics) for sock, _ in bound]
        lines = OperatorLines(answers, loop, lambda reason: metrics.dropped(TCP_LISTENER, reason))
        self._connections = LineServer(TCP_LISTENER, LIMITS, lines, loop, metrics)
        self._streams = [sock for _, sock in bound]

    def start(self, reactor: AsyncioSelectorReactor) -> None:
        for listener in self._datagrams:
            listener.start(reactor)
        for sock in self._streams:
            self._connections.listen(reactor, sock)

    def stop(self, reactor: AsyncioSelectorReactor) -> None:
        """Take nothing more; what is being answered is still answered."""
        for listener in self._datagrams:
            listener.stop(reactor)
        self._connections.stop_listening()

    def close(self) -> None:
        for listener in self._datagrams:
            listener.close_socket()
        self._connections.close_connections()


@dataclass(slots=True)
class _Client:
    """One TCP connection: its lines are answered in order."""

    waiting: deque[bytes] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None
    ended: bool = False  # it says nothing more


class OperatorLines:
    """The handler of the TCP side."""

    def __init__(
        self, answers: OperatorAnswers, loop: asyncio.AbstractEventLoop, dropped: Callable[[str], None]
    ) -> None:
        self._answers = answers
        self._loop = loop
        self._dropped = dropped
        self._clients: dict[LineConnection, _Client] = {}

    def opened(self, connection: LineConnection) -> None:
        self._clients[connection] = _Client()

    def lines(self, connection: LineConnection, lines: Sequence[bytes]) -> None:
        client = self._clients[connection]
        if len(client.waiting) + len(lines) > MAX_LINES_WAITING:
            self._dropped("too_many_lines")
            connection.close()
            client.waiting.clear()
            return
        client.waiting.extend(lines)
        if client.task is None:
            client.task = self._loop.create_task(self._serve(connection, client))

    def ended(self, connection: LineConnection) -> None:
        client = self._clients[connection]
        client.ended = True
        if client.task is None:
            connection.close()

    def closed(self, connection: LineConnection) -> None:
        client = self._clients.pop(connection)
        client.waiting.clear()
        if client.task is not None:
            client.task.cancel()

    async def _serve(self, connection: LineConnection, client: _Client) -> None:
        try:
            while client.waiting:
                await self._answer(connection, client, client.waiting.popleft())
        finally:
            client.task = None
        if client.ended:
            connection.close()

    async def _answer(self, connection: LineConnection, client: _Client, line: bytes) -> None:
        records, understood = await answered(self._answers, line)
        ending = "" if _is_single(line) or not understood else "\n"
        connection.write("".join(f"{record}\n" for record in records).encode() + ending.encode())
        if not understood:
            connection.close()
            client.waiting.clear()


async def answered(answers: OperatorAnswers, line: bytes) -> tuple[list[str], bool]:
    """The answer to a line, errors included, and whether the line asked for something that could be done."""
    try:
        return await answers.answer(line), True
    except LineError as error:
        return [error_of(error)], False
    except Exception:  # a defect must not leave the operator without an answer
        _log.exception("the operator's port failed")
        return [error_line("", "", "defect", "the server failed on this line; its log says more")], False


def _is_single(line: bytes) -> bool:
    """Whether the answer to a line is one record, whatever happens: a command for one device."""
    target, _, rest = line.partition(b",")
    return target[:1] not in (b"*", b"@") and rest[:4] not in (b"LIST", b"SHOW", b"EVTS")
