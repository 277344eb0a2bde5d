"""A real HTTP server that answers what a test wants: for webhooks, and whatever else is told over HTTP."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
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
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            made.answer(self)

        do_HEAD = do_PUT = do_POST  # noqa: N815  # as http.server calls them

        def log_message(self, *_what: object) -> None:
            """Nothing of it in the output of tests."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

        def handle_error(self, *_who: object) -> None:
            """A client that goes away is what tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}/alarms?key=in-the-url"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.closed.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        yield listening.getsockname()[1]


def rubbish(_request: Request) -> Reply:
    """An answer that is none of the protocol's."""
    return Reply(body=b"<html>Welcome to the hotel's network " + str(time.monotonic()).encode())
