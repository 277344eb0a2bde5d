"""A listener for uploads in a thread of its own, so that a test may be an ordinary blocking client on raw sockets.

What it stores goes into a list; the real intake and the real rules have tests of their own, and the whole server its
own with both.
"""

import asyncio
import io
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
from PIL import Image
from prometheus_client import CollectorRegistry, generate_latest

from alarmd.adapters.reactor_clock import now
from alarmd.core.inputs import CameraIntroduced
from alarmd.frames.intake import Upload
from alarmd.metrics import Metrics
from alarmd.web.ingest.certificates import Certificate
from alarmd.web.ingest.desk import UploadDesk
from alarmd.web.ingest.limits import UploadLimits
from alarmd.web.ingest.listener import UploadListener
from alarmd.web.ingest.reception import Reception
from alarmd.web.ingest.senders import Doorkeeper, Sender, digest_of
from alarmd.web.ingest.sources import Proxies
from alarmd.web.listening import listen_tcp

PATIENCE = 30.0  # s that anything here may take on a busy machine
SECRET = "T0nSPU2v05v0pJeKYFYV"
OTHER_SECRET = "aB3dE5gH7jK9mN1pQ3sT"
FINGERPRINT = "0eb33f10881c9c2ade0a8f2dffc3b4d24dfa738a"
CLIENT = httpx.Client(verify=False, timeout=PATIENCE)  # one for all tests; each would read the machine's certificates
T = TypeVar("T")


def jpeg(width: int = 64, height: int = 48, noise: int = 0) -> bytes:
    """noise: more bytes in the picture, about."""
    drawn = Image.effect_noise((width, height), noise) if noise else Image.new("L", (width, height), 77)
    file = io.BytesIO()
    drawn.save(file, "JPEG", quality=90)
    return file.getvalue()


class Post:
    """Use `post`. cameras: by secret; by_address: the device that every stranger's address is. take and introduce are
    what tests replace."""

    def __init__(self, limits: UploadLimits, trusted: tuple[str, ...], certificate: Certificate | None) -> None:
        self.cameras = {SECRET: Sender(7, "cam1", "", True), OTHER_SECRET: Sender(8, "cam2", "", True)}
        self.at_address: Sender | None = None
        self.stored: list[Upload] = []
        self.introduced: list[CameraIntroduced] = []
        self.asked_about: list[str] = []  # addresses that uploads came from
        self.take: Callable[[Upload], Coroutine[Any, Any, object]] = self._take
        self.registry = CollectorRegistry()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="post")
        self._limits, self._trusted, self._certificate = limits, trusted, certificate

    def __enter__(self) -> "Post":
        self._thread.start()
        self.run(self._start())
        return self

    def __exit__(self, *_what: object) -> None:
        self.run(self.listener.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def metrics(self) -> str:
        async def read() -> str:
            return generate_latest(self.registry).decode()

        return self.run(read())

    def by_digest(self, digest: str, source: str) -> Sender | None:
        self.asked_about.append(source)
        return next((sender for secret, sender in self.cameras.items() if digest_of(secret) == digest), None)

    def by_address(self, source: str) -> Sender | None:
        self.asked_about.append(source)
        return self.at_address

    async def _start(self) -> None:
        metrics = Metrics(self.registry)
        desk = UploadDesk(
            doorkeeper=Doorkeeper(self, lambda: now().mono),
            take=lambda upload: self.take(upload),
            introduce=self._introduce,
            now=now,
            metrics=metrics,
        )
        self.listener = UploadListener(self._limits, Reception(desk).exchange, metrics, Proxies(self._trusted))
        (sock,) = listen_tcp("127.0.0.1", 0)
        self.listener.listen(sock, self._certificate)
        self.port = self.listener.addresses[0][1]

    async def _take(self, upload: Upload) -> object:
        self.stored.append(upload)
        return None

    async def _introduce(self, introduced: CameraIntroduced) -> object:
        self.introduced.append(introduced)
        for secret, sender in self.cameras.items():
            if sender.device == introduced.device:
                self.cameras[secret] = Sender(sender.id, sender.device, introduced.fingerprint, sender.welcome)
        return None


@contextmanager
def post(
    limits: UploadLimits | None = None, trusted: tuple[str, ...] = (), certificate: Certificate | None = None
) -> Iterator[Post]:
    with Post(limits or UploadLimits(), trusted, certificate) as running:
        yield running


def all_of(connection: socket.socket) -> bytes:
    """What comes until the server closes its side."""
    received = b""
    while data := connection.recv(65536):
        received += data
    return received


def said(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by small name, and body of one whole answer."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    assert separator, answer
    first, *lines = head.decode().split("\r\n")
    assert first.startswith("HTTP/1.1 "), first
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert headers["connection"] == "close"
    return int(first[9:12]), headers, body
