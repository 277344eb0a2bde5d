"""uvicorn's HTTP protocol with the bounds it lacks: how long a request's head may be, how long it may take, and how
long a peer may leave its answer unread."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 32 * 1024  # bytes of request line and headers
STALLED = 30.0  # s in which a peer reads nothing of what waits for it
PATIENCE = 20.0  # s from the connection, or the first byte of a request, to its last


class BoundedHttpProtocol(HttpToolsProtocol):
    """A peer that sends a byte now and then, or headers for ever, is cut off."""

    _head = 0
    _in_head = True
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        self._is_read()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """asyncio says: a buffer full of bytes waits for this peer."""
        super().pause_writing()
        self._unread = self.loop.call_later(STALLED, self.transport.abort)

    def resume_writing(self) -> None:
        self._is_read()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > MAX_HEAD:
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head = True, 0
        self._start_clock()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head, self._head = True, 0
        self._stop_clock()
        super().on_message_complete()

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _start_clock(self) -> None:
        self._stop_clock()
        self._deadline = self.loop.call_later(PATIENCE, self.transport.close)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
