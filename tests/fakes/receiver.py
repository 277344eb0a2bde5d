"""A real HTTP server that answers what a test wants: for webhooks, and whatever else is told over HTTP."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.fakes.http_server import FakeHandler, http_server


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """hang: never answer after the request was read, until the server is closed."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hang: bool = False


class Receiver:
    """reply: asked for each request; received: every request, in order."""

    def __init__(self) -> None:
        self.received: list[Request] = []
        self.reply: Callable[[Request], Reply] = lambda _request: Reply()
        self.closed = threading.Event()
        self.url = ""

    def answer(self, handler: FakeHandler) -> None:
        length = int(handler.headers.get("Content-Length", "0"))
        request = Request(handler.path, dict(handler.headers.items()), handler.rfile.read(length))
        self.received.append(request)
        reply = self.reply(request)
        if reply.hang:
            self.closed.wait()
            return
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(reply.body)))
        handler.end_headers()
        with suppress(OSError):
            handler.wfile.write(reply.body)


@contextmanager
def receiver(host: str = "127.0.0.1") -> Iterator[Receiver]:
    made = Receiver()

    class Handler(FakeHandler):
        def do_POST(self) -> None:  # noqa: N802  as http.server calls it
            made.answer(self)

        do_GET = do_HEAD = do_PUT = do_POST  # noqa: N815  # as http.server calls them

    with http_server(Handler, made.closed.set, host) as url:
        made.url = f"{url}/alarms?key=in-the-url"
        yield made


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        yield listening.getsockname()[1]


def rubbish(_request: Request) -> Reply:
    """An answer that is none of the protocol's."""
    return Reply(body=b"<html>Welcome to the hotel's network " + str(time.monotonic()).encode())
