"""Pictures that come over HTTP and are archived, and what heartbeats notice of it."""

import http.client
import io
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from statistics import median, quantiles

import httpx
from PIL import Image, ImageFilter

from bench import fleet
from bench.alarmd_server import START_PATIENCE, Alarmd, alarmd
from bench.programs import Load, LoadReport, run_load
from bench.results import Result

PART = "pictures"
DEVICES = 1000
CAMERAS = 16  # of them, with a connection for every picture, as cheap ones do
HEARTBEATS = 2000.0  # /s
SMALL, LARGE = 50_000, 100_000  # bytes
MANY, FEW = 100.0, 20.0  # pictures/s
UNNOTICED = 2.0  # times the p99 without pictures
NOISE = 60
SIDES = (1024, 768)


@dataclass
class Uploads:
    """What became of them. seconds: from the first byte to the answer, of each."""

    stored: int = 0
    refused: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def p99_ms(self) -> float:
        return quantiles(self.seconds, n=100)[98] * 1000


def measure(rounds: int, seconds: float) -> list[Result]:
    with alarmd(DEVICES) as server:
        port = _upload_port(server)
        secrets = [_secret(server, fleet.name_of(number)) for number in range(CAMERAS)]
        load = Load(devices=DEVICES, rate=HEARTBEATS, seconds=seconds, source_port=server.source_port)
        alone: list[LoadReport] = []
        beside_few: list[LoadReport] = []
        beside_many: list[LoadReport] = []
        few, many = Uploads(), Uploads()
        rates: list[float] = []
        for _ in range(rounds):
            alone.append(run_load(server, load))
            with _uploading(port, secrets, _picture(LARGE), FEW, few):
                beside_few.append(run_load(server, load))
            with _uploading(port, secrets, _picture(SMALL), MANY, many):
                began, before = time.monotonic(), many.stored
                beside_many.append(run_load(server, load))
                rates.append((many.stored - before) / (time.monotonic() - began))
        fastest = Uploads()
        with _uploading(port, secrets, _picture(SMALL), 0, fastest):
            time.sleep(seconds)
    ratio = median(few_.p99_ms / alone_.p99_ms for few_, alone_ in zip(beside_few, alone, strict=True))
    return [
        Result(PART, f"asked for {MANY:.0f} of 50 kB a second, archived", median(rates), "/s", at_least=0.95 * MANY),
        Result(PART, "p99 of their answers", many.p99_ms, "ms"),
        Result(PART, f"as fast as {CAMERAS} cameras get answers, 50 kB", fastest.stored / seconds, "/s"),
        Result(PART, "p99 of heartbeats without pictures", _p99(alone), "ms"),
        Result(PART, "p99 of heartbeats, 20 pictures/s of 100 kB", _p99(beside_few), "ms"),
        Result(PART, "that to the one without", ratio, "", at_most=UNNOTICED),
        Result(PART, "p99 of heartbeats, 100 pictures/s of 50 kB", _p99(beside_many), "ms"),
        Result(PART, "uploads refused", few.refused + many.refused + fastest.refused, "", at_most=0),
        Result(PART, "heartbeats not answered", sum(r.lost for r in alone + beside_few + beside_many), "", at_most=0),
    ]


def _p99(reports: list[LoadReport]) -> float:
    return median(one.p99_ms for one in reports)


def _upload_port(server: Alarmd) -> int:
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        told = [line for line in (server.directory / "log").read_text().splitlines() if "uploads over HTTP" in line]
        found = re.search(r" port (\d+)", told[0]) if told else None
        if found is not None:
            return int(found[1])
        time.sleep(0.05)
    raise RuntimeError("alarmd does not say where it takes uploads")


def _secret(server: Alarmd, device: str) -> str:
    transport = httpx.HTTPTransport(uds=str(server.directory / "control.sock"))
    with httpx.Client(transport=transport, base_url="http://alarmd/api/v1", timeout=30) as client:
        secret: str = client.post(f"/cameras/{device}/secret", json={}).raise_for_status().json()["secret"]
        return secret


def _picture(size: int) -> bytes:
    """A grainy JPEG of at most so many bytes, and about as many."""
    grain = Image.effect_noise(SIDES, NOISE).filter(ImageFilter.GaussianBlur(1))
    scene = Image.merge("RGB", (grain, grain.transpose(Image.Transpose.ROTATE_180), grain))
    made = (_encoded(scene, quality) for quality in range(95, 1, -1))
    return next(data for data in made if len(data) <= size)


def _encoded(scene: Image.Image, quality: int) -> bytes:
    into = io.BytesIO()
    scene.save(into, "JPEG", quality=quality)
    return into.getvalue()


@contextmanager
def _uploading(port: int, secrets: list[str], picture: bytes, rate: float, into: Uploads) -> Iterator[None]:
    """rate: of all cameras together; 0: as fast as answers come."""
    over = threading.Event()
    numbers = count()
    threads = [
        threading.Thread(
            target=_upload,
            args=(
                port,
                secret,
                picture,
                (place / rate, len(secrets) / rate) if rate else (0.0, 0.0),
                over,
                into,
                numbers,
            ),
        )
        for place, secret in enumerate(secrets)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _upload(
    port: int,
    secret: str,
    picture: bytes,
    pace: tuple[float, float],
    over: threading.Event,
    into: Uploads,
    numbers: Iterator[int],
) -> None:
    """One camera. pace: seconds before its first picture and between two."""
    due = time.monotonic() + pace[0]
    while not over.wait(max(0.0, due - time.monotonic())):
        due += pace[1]
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", f"/u/{secret}", _marked(picture, next(numbers)), {"Content-Type": "image/jpeg"})
        accepted = connection.getresponse().status == http.client.NO_CONTENT
        connection.close()
        into.seconds.append(time.monotonic() - began)
        into.stored += accepted
        into.refused += not accepted


def _marked(picture: bytes, number: int) -> bytes:
    """Another picture, for the server: with a comment (JPEG, ISO 10918-1 B.2.4.5)."""
    comment = f"{number:016}".encode()
    return picture[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + picture[2:]
