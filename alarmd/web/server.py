"""uvicorn as a guest: on the loop that runs already, without its signal handlers, on sockets that are open already."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence

import structlog
import uvicorn
from starlette.types import ASGIApp

from alarmd.web.http_protocol import BoundedHttpProtocol

MAX_CONNECTIONS = 256
GRACE = 2  # s for requests under way when the server stops
KEEP_ALIVE = 5  # s without a request

_log = structlog.get_logger(__name__)


class WebServer:
    """One application on some sockets, which are its own from now on."""

    def __init__(self, app: ASGIApp, sockets: Sequence[socket.socket]) -> None:
        config = uvicorn.Config(
            app,
            http=BoundedHttpProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
        )
        self._server = _Guest(config)
        self._sockets = list(sockets)
        self._serving: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each TCP socket."""
        names = [sock.getsockname() for sock in self._sockets if sock.family != socket.AF_UNIX]
        return [(name[0], name[1]) for name in names]

    async def start(self) -> None:
        """Returns when it accepts requests."""
        self._serving = asyncio.create_task(self._server.serve(self._sockets), name="http")
        self._serving.add_done_callback(_ended)
        accepting = asyncio.create_task(self._server.accepting.wait())
        await asyncio.wait({self._serving, accepting}, return_when=asyncio.FIRST_COMPLETED)
        if not accepting.done():
            accepting.cancel()
            await self._serving  # raises what went wrong

    async def stop(self) -> None:
        """Requests under way get a little time."""
        if self._serving is not None:
            self._server.should_exit = True
            await asyncio.wait({self._serving})


class _Guest(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The host handles signals."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()


def _ended(serving: "asyncio.Task[None]") -> None:
    if not serving.cancelled() and serving.exception() is not None:
        _log.error("the HTTP server ended", exc_info=serving.exception())
