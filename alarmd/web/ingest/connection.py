"""One connection, one request, one answer.

Not uvicorn, which serves the operator's side. Measured with the cameras' habits on raw sockets: to a body longer than
its Content-Length it answers 400 although the picture was whole; a refusal before the body has been read closes the
socket under the sender, who gets a reset in the place of the answer; and TLS handshakes are not counted. The parser is
the same (httptools).
"""

import asyncio
import socket
from collections.abc import Coroutine
from contextlib import suppress
from enum import Enum, auto
from typing import Any, Protocol

import structlog

from alarmd.web.ingest.gathered import Gathered, beside_the_loop
from alarmd.web.ingest.limits import LINGER, BodyRoom, Budget, UploadLimits
from alarmd.web.ingest.messages import Answer, Finish, Head, UploadRefusedError, refused
from alarmd.web.ingest.request_parser import End, Event, Headers, RequestLine, RequestParser

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
DEFECT = UploadRefusedError(500, "defect", "", "the server failed on this request; its log says more")

_log = structlog.get_logger(__name__)


class Exchange(Protocol):
    """One request from its head on. begin and what it returns raise UploadRefusedError, which `refused` makes an answer
    of. device: whose it is, known after begin."""

    device: str

    def begin(self) -> Answer | Finish:
        """Before the body is read: an answer, which is sent at once, or what is to be done with the body."""
        ...

    def refused(self, error: UploadRefusedError) -> Answer: ...


class Owner(Protocol):
    """The listener."""

    limits: UploadLimits
    budget: Budget

    def exchange(self, head: Head) -> Exchange: ...

    def source(self, peer: str, headers: Headers) -> str: ...

    def work(self, task: Coroutine[Any, Any, None]) -> None:
        """Run it, and wait for it at a stop."""
        ...

    def opened(self, connection: "UploadConnection") -> None: ...

    def closed(self, connection: "UploadConnection") -> None: ...

    def cut_off(self, reason: str) -> None:
        """A request ended without an exchange of its own that could count it."""
        ...


class Phase(Enum):
    HEAD = auto()
    BODY = auto()
    STORING = auto()
    LINGERING = auto()  # answered; what still comes is read and dropped, or a reset would overtake the answer


class UploadConnection(asyncio.Protocol):
    """peer: the address at the other end of the socket. was_made: it is open, and TLS agreed on."""

    def __init__(self, owner: Owner, peer: str, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self.peer = peer
        self.was_made = False
        self.gave_way = False
        self._owner = owner
        self._sock = sock
        self._loop = loop
        self._phase = Phase.HEAD
        self._parser = RequestParser()
        self._received = False  # anything at all
        self._ended = False  # the peer has closed its side
        self._exchange: Exchange | None = None
        self._finish_with: Finish | None = None
        self._body = Gathered()
        self._room: BodyRoom | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.was_made = True
        if self.gave_way:
            transport.abort()
        now = self._loop.time()
        self._ends = now + self._owner.limits.total_timeout
        self._owner.opened(self)
        self._wait(self._owner.limits.head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._stop_waiting()
        if self._phase in (Phase.HEAD, Phase.BODY) and self._received:
            self._owner.cut_off("incomplete")
        if self._phase is not Phase.STORING:
            self._drop_body()
        self._owner.closed(self)

    def eof_received(self) -> bool:
        """A sender may close its side and wait for the answer. False: asyncio closes ours, as it has to under TLS."""
        self._ended = True
        if self._is_tls or not self._received or self._phase is Phase.LINGERING:
            return False
        if self._phase is not Phase.STORING:
            self._refuse(UploadRefusedError(400, "incomplete", "", "the request ended before its last byte"))
        return True

    def data_received(self, data: bytes) -> None:
        self._received = True
        if self._phase is Phase.BODY:
            self._wait(self._owner.limits.body_idle_timeout)
        elif self._phase is Phase.LINGERING:
            self._wait(LINGER)
        for event in self._parser.feed(data):
            if self._phase is not Phase.LINGERING:
                self._read(event)
        if self._phase is Phase.LINGERING and self._is_tls and self._parser.is_complete:
            self._transport.close()

    @property
    def is_storing(self) -> bool:
        return self._phase is Phase.STORING

    @property
    def is_in_head(self) -> bool:
        return self._phase is Phase.HEAD

    @property
    def is_answered(self) -> bool:
        return self._phase is Phase.LINGERING

    def abort(self) -> None:
        self._transport.abort()

    def give_way(self) -> None:
        """To another one, which may be a camera's."""
        if self._phase is Phase.HEAD:
            self._owner.cut_off("gave_way")
        self.gave_way = True
        self._phase = Phase.LINGERING
        if self.was_made:
            self.abort()
        else:
            with suppress(OSError):  # the peer has gone already
                self._sock.shutdown(socket.SHUT_RDWR)

    def _read(self, event: Event) -> None:
        try:
            if isinstance(event, RequestLine):
                self._begin(event)
            elif isinstance(event, bytes):
                self._hold(len(self._body) + len(event))
                self._body.add(event)
            elif event is End.END:
                self._store()
            else:
                self._refuse(event)
        except UploadRefusedError as error:
            self._refuse(error)
        except Exception:
            _log.exception("a request failed by a defect of the server")
            self._refuse(DEFECT)

    def _begin(self, line: RequestLine) -> None:
        source = self._owner.source(self.peer, line.headers)
        head = Head(line.method, line.path, line.headers, source)
        self._exchange = self._owner.exchange(head)
        begun = self._exchange.begin()
        if isinstance(begun, Answer):
            self._answer(begun)
            return
        self._finish_with = begun
        self._room = self._owner.budget.open(self._exchange.device)
        self._hold(int(head.get("Content-Length") or 0))  # the parser has checked that it is a number
        self._phase = Phase.BODY
        self._wait(self._owner.limits.body_idle_timeout)
        if line.may_continue and head.get("Expect").lower() == "100-continue":
            self._transport.write(CONTINUE)

    def _store(self) -> None:
        self._phase = Phase.STORING
        self._stop_waiting()
        self._owner.work(self._finish())

    def _hold(self, size: int) -> None:
        limit = self._owner.limits.max_body
        if size > limit:
            raise UploadRefusedError(413, "too_long", "", f"a picture may have {limit} bytes; send a smaller one")
        assert self._room is not None
        self._room.hold(size)

    async def _finish(self) -> None:
        exchange, finish = self._exchange, self._finish_with
        assert exchange is not None
        assert finish is not None
        gathered, self._body = self._body, Gathered()
        try:
            body = await beside_the_loop(len(gathered), gathered.whole)
            del gathered
            answer = await finish(body)
        except UploadRefusedError as error:
            answer = exchange.refused(error)
        except Exception:
            _log.exception("a request failed by a defect of the server")
            answer = exchange.refused(DEFECT)
        finally:
            self._drop_body()
        self._answer(answer)

    def _refuse(self, error: UploadRefusedError) -> None:
        if self._exchange is not None:
            self._answer(self._exchange.refused(error))
            return
        self._owner.cut_off(error.reason)
        self._answer(refused(error))

    def _answer(self, answer: Answer) -> None:
        self._phase = Phase.LINGERING
        self._drop_body()
        if self._transport.is_closing():
            return
        self._transport.write(answer.encode(with_body=self._parser.method != "HEAD"))
        self._ends = max(self._ends, self._loop.time() + LINGER)
        self._wait(LINGER)
        if self._ended or (self._is_tls and self._parser.is_complete):
            self._transport.close()
        elif not self._is_tls:
            self._transport.write_eof()

    def _drop_body(self) -> None:
        self._body = Gathered()
        if self._room is not None:
            self._room.close()
            self._room = None

    @property
    def _is_tls(self) -> bool:
        return not self._transport.can_write_eof()

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        at = min(self._loop.time() + seconds, self._ends)
        self._timer = self._loop.call_at(at, self._waited_too_long)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _waited_too_long(self) -> None:
        self._timer = None
        if not self._received:
            self._owner.cut_off("silent")
        if self._phase is Phase.LINGERING or not self._received:
            self._transport.abort()
        else:
            self._refuse(self._too_slow())

    def _too_slow(self) -> UploadRefusedError:
        limits = self._owner.limits
        if self._phase is Phase.HEAD:
            return UploadRefusedError(408, "too_slow", "", f"the headers must come in {limits.head_timeout:g} s")
        return UploadRefusedError(
            408,
            "too_slow",
            "",
            f"{limits.body_idle_timeout:g} s may pass without a byte of the body, {limits.total_timeout:g} s in all; "
            "see that as many bytes are sent as Content-Length says",
        )
