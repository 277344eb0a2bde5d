"""One connection between the two servers of a pair: AMP over TLS that both sides prove themselves in.

Who is at the other end is known by its certificate alone: signed by the pair's own authority, which signed two and is
gone, and made out to the peer's name. Where the connection comes from says nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol, cast

from OpenSSL.crypto import X509
from OpenSSL.SSL import Error as TlsError
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import connectionDone
from twisted.protocols.amp import AMP, BinaryBoxProtocol, Command
from twisted.python.failure import Failure
from zope.interface import implementer

from alarmd.adapters.peer.commands import Ask, Beat, CaughtUp, Goodbye, Hears, Hello, Tell
from alarmd.adapters.peer.papers import name_in

SILENT = 6.0  # s without a byte, after which the connection is dropped; the core reckons with as much
LOOK = 1.0  # s between looks at that

Answer = dict[str, Any]


class Transport(Protocol):
    """As much of Twisted's TLS connection as is used here."""

    def loseConnection(self) -> None: ...  # noqa: N802  Twisted's name
    def abortConnection(self) -> None: ...  # noqa: N802
    def getPeerCertificate(self) -> X509 | None: ...  # noqa: N802
    def setTcpNoDelay(self, enabled: bool) -> None: ...  # noqa: N802


class Listener(Protocol):
    """Whoever one connection belongs to. The answers are those of the commands; what they raise is theirs as well."""

    def shaken(self, name: str) -> None:
        """The other side proved that it is of this pair, and has this name in its certificate."""
        ...

    def ended(self, reason: str) -> None:
        """Once, after or without shaken()."""
        ...

    def hello(self, said: Answer) -> Answer: ...
    def beat(self) -> Answer: ...
    def ask(self) -> Awaitable[Answer]: ...
    def tell(self, number: int, page: bytes) -> Awaitable[Answer]: ...
    def hears(self, heard: bytes, unheard: bytes) -> Awaitable[Answer]: ...
    def caught_up(self) -> Answer: ...
    def goodbye(self) -> Answer: ...


@implementer(IHandshakeListener)
class PeerLink(AMP):
    """is_open: both sides have proved themselves. was_met: and have said hello."""

    def __init__(self, listener: Listener, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted does not type it
        self._listener = listener
        self._loop = loop
        self._heard_at = loop.time()
        self._looked_at = loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._reason = ""
        self._answering: set[asyncio.Task[Answer]] = set()
        self.is_open = False
        self.was_met = False

    @property
    def silence(self) -> float:
        """Seconds since the last sign of life."""
        return self._loop.time() - self._heard_at

    async def call(self, command: type[Command], **arguments: Any) -> Answer:
        """Raises what the command may, and ConnectionError of Twisted's kinds if the link is gone."""
        asked = self.callRemote(command, **arguments)  # type: ignore[no-untyped-call]
        return await cast("Deferred[Answer]", asked).asFuture(self._loop)

    def send(self, command: type[Command], **arguments: Any) -> None:
        """Without waiting for the answer, which says no more than that it arrived."""
        asked = self.callRemote(command, **arguments)  # type: ignore[no-untyped-call]
        asked.addErrback(lambda _lost: None)

    def close(self, reason: str) -> None:
        """After what was written has been sent."""
        self._reason = self._reason or reason
        if self.transport is not None:
            self._tls.loseConnection()

    def abort(self, reason: str) -> None:
        self._reason = self._reason or reason
        if self.transport is not None:
            self._tls.abortConnection()

    @property
    def _tls(self) -> Transport:
        return cast(Transport, self.transport)

    def makeConnection(self, transport: Any) -> None:  # noqa: N802  Twisted's name
        """Without the log lines of AMP's own, one for every stranger that knocks."""
        BinaryBoxProtocol.makeConnection(self, transport)  # type: ignore[no-untyped-call]
        self._heard_at = self._looked_at = self._loop.time()
        self._timer = self._loop.call_later(LOOK, self._look)

    def handshakeCompleted(self) -> None:  # noqa: N802  Twisted's name
        certificate = self._tls.getPeerCertificate()
        assert certificate is not None, "the context asks for one"
        self._tls.setTcpNoDelay(True)
        self.is_open = True
        self._listener.shaken(name_in(certificate.to_cryptography()))

    def dataReceived(self, data: bytes) -> None:  # noqa: N802  Twisted's name
        self._heard_at = self._loop.time()
        super().dataReceived(data)  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802  Twisted's name
        self.is_open = False
        if self._timer is not None:
            self._timer.cancel()
        for task in self._answering:
            task.cancel()
        BinaryBoxProtocol.connectionLost(self, reason)  # type: ignore[no-untyped-call]
        self.transport = None
        self._listener.ended(self._reason or _in_words(reason))

    def _look(self) -> None:
        """Late itself, it believes the next look: what arrived meanwhile is read before that."""
        now, before = self._loop.time(), self._looked_at
        self._looked_at = now
        if self.silence > SILENT and now - before < 2 * LOOK:
            self.abort(f"silent for {SILENT:.0f} s")
        else:
            self._timer = self._loop.call_later(LOOK, self._look)

    def _later(self, work: Callable[[], Awaitable[Answer]]) -> "Deferred[Answer]":
        async def answer() -> Answer:
            return await work()

        task = self._loop.create_task(answer())
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
        return Deferred.fromFuture(task)

    @Hello.responder
    def _hello(self, **said: Any) -> Answer:
        return self._listener.hello(said)

    @Beat.responder
    def _beat(self) -> Answer:
        return self._listener.beat()

    @Ask.responder
    def _ask(self) -> "Deferred[Answer]":
        return self._later(self._listener.ask)

    @Tell.responder
    def _tell(self, number: int, page: bytes) -> "Deferred[Answer]":
        return self._later(partial(self._listener.tell, number, page))

    @Hears.responder
    def _hears(self, heard: bytes, unheard: bytes) -> "Deferred[Answer]":
        return self._later(partial(self._listener.hears, heard, unheard))

    @CaughtUp.responder
    def _caught_up(self) -> Answer:
        return self._listener.caught_up()

    @Goodbye.responder
    def _goodbye(self) -> Answer:
        return self._listener.goodbye()


def _in_words(reason: Failure) -> str:
    """Without what OpenSSL says of itself around it."""
    error = reason.value
    if isinstance(error, TlsError):
        said = [str(one[-1]) for one in error.args[0]] if error.args and isinstance(error.args[0], list) else []
        return f"TLS: {', '.join(said) or 'the handshake failed'}"
    if isinstance(error, ConnectionDone):
        return "the peer closed the connection"
    return "the connection broke" if isinstance(error, ConnectionLost) else str(reason.getErrorMessage())
