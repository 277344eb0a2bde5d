"""The HTTP server under the fakes: a thread for each client, and silent about those that go away."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FakeHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_what: object) -> None:
        """Nothing of it in the output of tests."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_who: object) -> None:
        """A client that goes away is what tests are about."""


@contextmanager
def http_server(handler: type[FakeHandler], release: Callable[[], None], host: str = "127.0.0.1") -> Iterator[str]:
    """Its URL. release: called at the end, so that whoever holds a client lets it go."""
    server = _Server((host, 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        release()
        server.shutdown()
        server.server_close()
        thread.join()
