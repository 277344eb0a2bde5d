"""What a camera sees now, over HTTP: many viewers, one who never reads, the camera asked while somebody watches."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from alarmd.core.requests import DeviceAdopted
from alarmd.frames.live import MAX_VIEWERS_OF_ONE
from alarmd.web import http_protocol
from alarmd.web.live import BOUNDARY
from tests.frames.pictures import jpeg
from tests.running_house import RunningHouse

PATIENCE = 30.0  # s
KNOWS = "cam1,HEARTBEAT,2,26,9f3c.0,acl.-.0,0,0"
STREAM = "/devices/cam1/stream.mjpeg"


class Watching:
    """One viewer's stream, part by part."""

    def __init__(self, response: httpx.Response) -> None:
        self._chunks = response.iter_raw()
        self._rest = b""

    def picture(self) -> bytes:
        while True:
            _, found, behind = self._rest.partition(b"\r\n\r\n")
            length = self._length()
            if found and len(behind) >= length:
                self._rest = behind[length:]
                return behind[:length]
            self._rest += next(self._chunks)

    def _length(self) -> int:
        head = self._rest.partition(b"\r\n\r\n")[0]
        return int(head.rpartition(b"Content-Length: ")[2] or 0) if b"Content-Length: " in head else 1 << 30


@pytest.fixture(autouse=True)
def known(house: RunningHouse) -> None:
    async def adopt() -> None:
        await house.house.submit(DeviceAdopted("op", "cam1"))

    house.run(adopt())
    house.frame(KNOWS)


@contextmanager
def watching(client: httpx.Client, house: RunningHouse) -> Iterator[Watching]:
    before = viewers(house)
    with client.stream("GET", STREAM) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        wait_for_viewers(house, before + 1)
        yield Watching(response)


def viewers(house: RunningHouse) -> int:
    async def count() -> int:
        return len(house.live)

    return house.run(count())


def wait_for_viewers(house: RunningHouse, number: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while viewers(house) != number:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def publish(house: RunningHouse, picture: bytes) -> None:
    async def show() -> None:
        house.live.publish("cam1", picture)

    house.run(show())


def test_every_viewer_sees_every_picture_in_time(house: RunningHouse) -> None:
    pictures = [jpeg(64 + number, 48) for number in range(3)]
    with ExitStack() as stack:
        clients = [stack.enter_context(house.tcp_client()) for _ in range(MAX_VIEWERS_OF_ONE)]
        seen = [stack.enter_context(watching(client, house)) for client in clients]
        for picture in pictures:
            publish(house, picture)
            assert all(one.picture() == picture for one in seen)
        refused = house_answer(house)
        assert (refused.status_code, refused.json()["reason"]) == (503, "too_many_viewers")
    wait_for_viewers(house, 0)


def house_answer(house: RunningHouse) -> httpx.Response:
    with house.tcp_client() as client:
        return client.get(STREAM)


def test_a_viewer_who_never_reads_delays_nobody_and_is_cut_off(
    house: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "STALLED", 0.2)
    large = bytes(4 << 20)
    with socket.create_connection(("127.0.0.1", house.tcp_port)) as deaf, house.tcp_client() as client:
        deaf.sendall(f"GET /api/v1{STREAM} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        wait_for_viewers(house, 1)
        with watching(client, house) as viewer:
            for number in range(5):
                publish(house, large + b"%d" % number)
                assert viewer.picture()[-1:] == b"%d" % number
            wait_for_viewers(house, 1)


def test_the_camera_is_asked_when_the_first_viewer_comes_and_not_after_the_last_one(
    house: RunningHouse, client: httpx.Client
) -> None:
    with house.tcp_client() as viewer, watching(viewer, house):
        assert house.frame(KNOWS) == [b"cam1,LIVE,60,0,0,0,0,0"]
        assert house.engine.state.watched
    wait_for_viewers(house, 0)
    assert client.get("/commands").json()["commands"][0]["outcome"] == "nobody watches any more"
    assert not house.engine.state.watched


def test_who_leaves_while_the_camera_sends_nothing_has_no_place_any_more(house: RunningHouse) -> None:
    with house.tcp_client() as client, watching(client, house):
        pass
    wait_for_viewers(house, 0)
    assert not house.engine.state.watched


def test_a_stream_of_a_camera_that_sends_nothing_ends_and_the_camera_is_left_alone(
    house: RunningHouse, client: httpx.Client
) -> None:
    house.live.max_silence = 0.05
    with house.tcp_client() as viewer, viewer.stream("GET", STREAM) as response:
        assert b"".join(response.iter_raw()) == f"--{BOUNDARY}\r\n".encode()
        wait_for_viewers(house, 0)
    assert not house.engine.state.watched
    assert client.get("/commands").json()["commands"][0]["outcome"] == "nobody watches any more"


@pytest.mark.parametrize(
    ("name", "status", "reason"), [("nobody", 404, "unknown_device"), ("cam2", 409, "unsupported")]
)
def test_what_cannot_be_watched_is_refused_with_the_reason(
    house: RunningHouse, client: httpx.Client, name: str, status: int, reason: str
) -> None:
    house.frame("cam2,HEARTBEAT,0,0,0,0,0,0")
    answer = client.get(f"/devices/{name}/stream.mjpeg")
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)


def test_a_stop_ends_the_streams(house: RunningHouse) -> None:
    with house.tcp_client() as client, watching(client, house) as viewer:

        async def close() -> None:
            house.live.close()

        house.run(close())
        with pytest.raises(StopIteration):
            viewer.picture()
