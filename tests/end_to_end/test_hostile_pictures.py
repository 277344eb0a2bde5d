"""A thousand uploads that are no pictures, over real HTTP: each is told why, none is kept, and nobody else notices."""

import random
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from alarmd.frames.errors import PictureFault
from alarmd.frames.jpeg import MAX_BYTES
from tests.end_to_end.cameras import GENEROUS, adopted
from tests.end_to_end.places import archived
from tests.frames.pictures import jpeg, other, restated, start_of_scan
from tests.serving import LOOPBACK, Served, served
from tests.waiting import LIMIT

UPLOADS = 1000
SENDERS = 8
GOOD_EVERY = 50
MOST_MEMORY = 400_000  # kB more than after the first good picture; one bomb, let in, would take gigabytes
SMALL, WIDE = jpeg(320, 240), jpeg(320, 240, progressive=True)
TOO_LONG = bytes(MAX_BYTES + 1)
CHANCE = random.Random(5)


def cut_short() -> bytes:
    return SMALL[: CHANCE.randrange(3, len(SMALL) - 2)]


def with_a_hole() -> bytes:
    at = CHANCE.randrange(start_of_scan(SMALL), len(SMALL) - 2000)
    return SMALL[:at] + SMALL[at + CHANCE.randrange(1000, 2000) :]


def with_broken_tables() -> bytes:
    at = SMALL.index(b"\xff\xc4") + 4
    return SMALL[:at] + CHANCE.randbytes(60) + SMALL[at + 60 :]


def noise() -> bytes:
    return CHANCE.randbytes(CHANCE.randrange(1, 20_000))


def framed_noise() -> bytes:
    return b"\xff\xd8\xff" + noise() + b"\xff\xd9"


def bomb() -> bytes:
    """Kilobytes that would be up to 12 GB of pixels."""
    return restated(SMALL, CHANCE.randrange(6000, 65_500), CHANCE.randrange(6000, 65_500))


def bomb_of_the_greatest_size() -> bytes:
    """Just as many pixels as are taken, in a form that a decoder must hold whole."""
    at = WIDE.index(b"\xff\xc2") + 5
    return WIDE[:at] + (5000).to_bytes(2, "big") * 2 + WIDE[at + 4 :]


def another_format() -> bytes:
    return other(CHANCE.choice(["PNG", "GIF", "BMP", "WEBP"]))


def nothing() -> bytes:
    return b""


def too_long() -> bytes:
    return TOO_LONG


USUAL: list[Callable[[], bytes]] = [
    cut_short,
    with_a_hole,
    with_broken_tables,
    noise,
    framed_noise,
    bomb,
    another_format,
    nothing,
]
RARE: list[Callable[[], bytes]] = [too_long, bomb_of_the_greatest_size]  # for what they cost


def bodies() -> Iterator[tuple[bytes, bool]]:
    """And whether it is a picture."""
    for number in range(UPLOADS):
        if number % GOOD_EVERY == 0:
            yield jpeg(quality=50 + number // GOOD_EVERY), True
        else:
            kinds = RARE if number % GOOD_EVERY == 1 else USUAL
            yield kinds[number // GOOD_EVERY % 2 if kinds is RARE else number % len(USUAL)](), False


@pytest.mark.prove
def test_a_thousand_uploads_that_are_no_pictures_cost_answers_and_nothing_else(tmp_path: Path) -> None:
    with served(tmp_path, **GENEROUS) as server, httpx.Client(verify=False, timeout=LIMIT) as client:
        url = f"http://{LOOPBACK}:{server.ingest_port}/u/{adopted(server, 'cam1')}"
        first = jpeg()
        assert post(client, url, first).status_code == 204
        before = memory(server)
        taken, refused, sent = [first], [], list(bodies())
        with ThreadPoolExecutor(SENDERS) as senders:
            answers = senders.map(lambda one: post(client, url, one[0]), sent)
            for number, ((body, good), answer) in enumerate(zip(sent, answers, strict=True)):
                if number % 10 == 0:
                    assert server.ask(b"cam1,HEARTBEAT,0,0,0,0,0,0").startswith(b"cam1,")
                if good:
                    assert answer.status_code == 204
                    taken.append(body)
                else:
                    refused.append(answer)
        assert {answer.status_code for answer in refused} == {413, 422}
        assert {answer.json()["reason"] for answer in refused} == EXPECTED
        assert min(len(answer.json()["message"]) for answer in refused) > 10
        assert sorted(archived(server)) == sorted(taken)
        assert memory(server) - before < MOST_MEMORY
        assert server.ask(b"cam2,MOAL,gate,0,0,0,0,0") == b"cam2,ACK,0,0,0,0,0,0"
        assert server.stop() == 0
        assert not re.search("defect|Traceback", server.log_text())


BUSY = (429, 503)  # this camera, or the server
EXPECTED = {*PictureFault} - {PictureFault.TOO_COMPLEX, PictureFault.UNSUPPORTED}


def post(client: httpx.Client, url: str, body: bytes) -> httpx.Response:
    """As often as the server says that it is too busy just now."""
    deadline = time.monotonic() + LIMIT
    while (answer := client.post(url, content=body)).status_code in BUSY:
        assert int(answer.headers["Retry-After"]) > 0
        assert time.monotonic() < deadline
    return answer


def memory(server: Served) -> int:
    """The most that the process ever had, kB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found is not None
    return int(found[1])
