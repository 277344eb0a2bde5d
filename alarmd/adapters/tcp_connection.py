"""One TCP peer that talks in lines, kept within bounds: how long it may take, how much it may leave unread.

What a line means is the business of whoever owns the connection; this is what the LFCP listener and the operator's
port have in common. A line may announce a body: so many bytes behind it that are no lines.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast
from typing import Protocol as TypingProtocol

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from alarmd.adapters.addresses import path_of
from alarmd.core.paths import Path
from lfcp import LineBuffer, ProtocolError
from lfcp.constants import BODY_IDLE_MS, BODY_TIME_MS

CLOSE_PATIENCE = 5.0  # s for a peer to take what it was sent before the connection is cut
MAX_UNREAD = 64 * 1024  # bytes sent that a peer may leave unread; one that leaves more is cut off


class TcpLimits(NamedTuple):
    """line_timeout: s in which a line has to be complete, the first one counted from the start. idle_timeout: s
    between lines. buffer: bytes of a line. body_idle: s between two bytes of a body. body_time: s for a whole one."""

    connections: int
    connections_per_address: int
    line_timeout: float
    idle_timeout: float
    buffer: int
    body_idle: float = BODY_IDLE_MS / 1000
    body_time: float = BODY_TIME_MS / 1000


class TcpTransport(TypingProtocol):
    """As much of Twisted's TCP connection as is used here; Twisted does not type it."""

    bufferSize: int  # noqa: N815  Twisted's name; bytes that wait before pauseProducing is called

    def write(self, data: bytes) -> None: ...
    def loseConnection(self) -> None: ...  # noqa: N802
    def abortConnection(self) -> None: ...  # noqa: N802
    def registerProducer(self, producer: object, streaming: bool) -> None: ...  # noqa: N802
    def unregisterProducer(self) -> None: ...  # noqa: N802
    def setTcpNoDelay(self, enabled: bool) -> None: ...  # noqa: N802
    def setTcpKeepAlive(self, enabled: bool) -> None: ...  # noqa: N802


class Body(TypingProtocol):
    """Whoever takes the bytes behind a line."""

    def take(self, data: bytes) -> None: ...

    def cut(self) -> None:
        """The connection ended before all of them came."""
        ...


class Owner(TypingProtocol):
    """What a connection asks of the server that it belongs to."""

    limits: TcpLimits

    def body_length(self, line: bytes) -> int:
        """How many bytes behind this line are no lines."""
        ...

    def opened(self, connection: "LineConnection") -> bool:
        """Whether it may stay; if not, closed() is not called for it."""
        ...

    def lines(self, connection: "LineConnection", lines: Sequence[bytes]) -> None: ...

    def ended(self, connection: "LineConnection") -> None:
        """The peer will say nothing more, but may still listen: close when everything is answered."""
        ...

    def closed(self, connection: "LineConnection") -> None: ...

    def dropped(self, reason: str) -> None: ...


@implementer(IHalfCloseableProtocol, IPushProducer)
class LineConnection(Protocol):
    """deaf: nothing more is taken from this peer. body: who takes the bytes that the last line announced, set while the
    owner is told of that line; None: they are dropped."""

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop, peer: Sequence[Any]) -> None:
        self._owner = owner
        self._loop = loop
        self._buffer = LineBuffer(owner.limits.buffer, owner.body_length)
        self._timer: asyncio.TimerHandle | None = None
        self._line_began: float | None = loop.time()
        self._last_line = loop.time()
        self._unfinished = False
        self._body_began: float | None = None
        self._last_bytes = loop.time()
        self._open = False
        self.deaf = False
        self.body: Body | None = None
        self.path: Path = path_of("tcp", peer, 0)  # its number is the owner's to give

    @property
    def _tcp(self) -> TcpTransport:
        return cast(TcpTransport, self.transport)

    def connectionMade(self) -> None:  # noqa: N802  Twisted's name
        if not self._owner.opened(self):
            self.abort()
            return
        self._open = True
        self._tcp.setTcpNoDelay(True)
        self._tcp.setTcpKeepAlive(True)
        self._tcp.bufferSize = MAX_UNREAD
        self._tcp.registerProducer(self, True)
        self._watch()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802  Twisted's name
        while not self.deaf:
            if self._buffer.awaited:
                self._read_body(data)
            else:
                self._read_lines(data)
            if not self._buffer.pending:
                return
            data = b""

    def _read_lines(self, data: bytes) -> None:
        try:
            lines = self._buffer.feed(data)
        except ProtocolError as error:
            self._owner.dropped(error.reason)
            self.close()
            return
        if lines:
            self._last_line = self._loop.time()
        self._keep_time(begins=bool(lines) or self._line_began is None, unfinished=self._buffer.begun)
        if self._buffer.awaited:
            self._body_began = self._last_bytes = self._loop.time()
            self._watch()
        if lines:
            self._owner.lines(self, lines)

    def _read_body(self, data: bytes) -> None:
        taken = self._buffer.body(data)
        self._last_bytes = self._loop.time()
        body = self.body
        if not self._buffer.awaited:
            self.body = self._body_began = None
            self._last_line = self._loop.time()
            self._watch()
        if body is not None:
            body.take(taken)

    def readConnectionLost(self) -> None:  # noqa: N802  Twisted's name
        """The peer closed its side: what it left without a line end is its last line."""
        if self._unfinished:
            self.dataReceived(b"\n")
        if not self.deaf:
            self._hear_no_more()
            self._owner.ended(self)

    def writeConnectionLost(self) -> None:  # noqa: N802  Twisted's name
        self._tcp.abortConnection()

    def connectionLost(self, _reason: Failure = connectionDone) -> None:  # noqa: N802  Twisted's name
        self._hear_no_more()
        if self._timer is not None:
            self._timer.cancel()
        if self._open:
            self._open = False
            self._owner.closed(self)

    def pauseProducing(self) -> None:  # noqa: N802  Twisted's name
        """Twisted says: more than MAX_UNREAD bytes wait for this peer."""
        self._owner.dropped("slow_peer")
        self.abort()

    def resumeProducing(self) -> None:  # noqa: N802  Twisted's name
        """It reads again; too late, see pauseProducing."""

    def stopProducing(self) -> None:  # noqa: N802  Twisted's name
        """The connection is gone, connectionLost sees to it."""

    def write(self, data: bytes) -> None:
        if self._open:
            self._tcp.write(data)

    def close(self) -> None:
        """Close after what was written has been taken, or after CLOSE_PATIENCE."""
        self._hear_no_more()
        if self._open:
            self._tcp.unregisterProducer()
            self._tcp.loseConnection()
            self._set_timer(CLOSE_PATIENCE, self.abort)

    def abort(self) -> None:
        self._hear_no_more()
        self._tcp.abortConnection()

    def _hear_no_more(self) -> None:
        self.deaf = True
        body, self.body = self.body, None
        if body is not None:
            body.cut()

    def _keep_time(self, *, begins: bool, unfinished: bool) -> None:
        """A line that is not finished has its own, shorter deadline, counted from its first byte."""
        self._unfinished = unfinished
        if unfinished and begins:
            self._line_began = self._loop.time()
            self._watch()
        elif not unfinished and self._line_began is not None:
            self._line_began = None
            self._watch()

    def _watch(self) -> None:
        """Look again when the line, or the pause between lines, will have taken too long."""
        self._set_timer(max(0.0, self._patience()[0] - self._loop.time()), self._look)

    def _look(self) -> None:
        deadline, reason = self._patience()
        if self._loop.time() < deadline:
            self._watch()
            return
        self._owner.dropped(reason)
        self.close()

    def _patience(self) -> tuple[float, str]:
        """Until when, and what is wrong then."""
        limits = self._owner.limits
        if self._body_began is not None:
            idle, late = self._last_bytes + limits.body_idle, self._body_began + limits.body_time
            return (idle, "body_idle") if idle < late else (late, "body_timeout")
        if self._line_began is not None:
            return self._line_began + limits.line_timeout, "line_timeout"
        return self._last_line + limits.idle_timeout, "idle"

    def _set_timer(self, delay: float, action: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(delay, action)
