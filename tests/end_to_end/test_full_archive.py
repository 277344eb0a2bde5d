"""A disk that is full of pictures: alarms are told as ever, and what may go makes room."""

import json
import os
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest

from alarmd.relays.lane import MAX_TRIES_AT_ONCE
from tests.end_to_end.places import copies
from tests.frames.pictures import jpeg
from tests.needs import need, need_program
from tests.serving import LOOPBACK, Served, served
from tests.waiting import wait_until

DISK = "4m"
RESERVE = 1_000_000  # bytes
STORED, FULL = 204, 507
NOBODY = f"http://{LOOPBACK}:9"  # the port of the discard service
MOST = 200  # pictures; a tenth of them fills the disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    mount = need_program("mount", "mount")
    need(os.geteuid() == 0, "root, to mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", place], check=False)
    need(done.returncode == 0, "a machine that lets root mount a tmpfs")
    yield place
    subprocess.run([need_program("umount", "mount"), place], check=True)


@pytest.fixture
def server(tmp_path: Path, disk: Path) -> Iterator[Served]:
    with served(tmp_path, ARCHIVE_DIRECTORY=str(disk / "archive"), ARCHIVE_RESERVE=str(RESERVE)) as running:
        yield running


class Camera:
    """It sends another picture each time."""

    def __init__(self, server: Served) -> None:
        server.command("device", "adopt", "cam1")
        secret = server.told("camera", "token", "cam1")["secret"]
        self._url = f"http://{LOOPBACK}:{server.ingest_port}/u/{secret}"
        self._numbers = count()

    def upload(self) -> int:
        """The status of the answer."""
        data = jpeg(480, 360, quality=90 - next(self._numbers) % 40)
        return httpx.post(self._url, content=data, timeout=30).status_code

    def fill(self) -> None:
        for _ in range(MOST):
            if (status := self.upload()) == FULL:
                return
            assert status == STORED
        pytest.fail("the disk never became full")


@pytest.mark.prove
def test_while_pictures_are_refused_a_motion_is_told(server: Served) -> None:
    camera = Camera(server)
    server.ask(b"cam1,MOAL,garden_gate,0,0,0,0,0")  # its pictures stay while this is open
    camera.fill()
    wait_until(lambda: "holds nothing more that may go" in server.log_text(), "the warning")
    assert server.ask(b"cam2,MOAL,cellar,0,0,0,0,0") == b"cam2,ACK,0,0,0,0,0,0"
    wait_until(lambda: any("cellar" in str(one) for one in server.logged("alarm")), "the alarm in the log")
    assert camera.upload() == FULL
    found = server.told("archive", "status")
    assert found["free"] - found["reserve"] < 200_000
    assert "cam1: faults: 0; " in server.command("archive", "verify")


@pytest.mark.prove
def test_a_bucket_that_is_away_does_not_fill_the_disk_and_what_it_missed_is_told_once(
    tmp_path: Path, disk: Path
) -> None:
    settings = copies(NOBODY) | {"ARCHIVE_DIRECTORY": str(disk / "archive"), "ARCHIVE_RESERVE": str(RESERVE)}
    with served(tmp_path, PICTURES_DESTINATIONS="copy", **settings) as server:
        camera = Camera(server)
        for _ in range(2):
            camera.fill()
            wait_until(lambda: camera.upload() == STORED, "room")
        wait_until(lambda: "with a picture" in server.get("/api/v1/events?kind=delivery_abandoned"), "the event")
        events = json.loads(server.get("/api/v1/events?kind=delivery_abandoned"))["events"]
        (told,) = [event["text"] for event in events if "with a picture" in event["text"]]
        assert len(events) <= 1 + MAX_TRIES_AT_ONCE, "beside it those that were just being tried"
        assert told.endswith(
            "with a picture to copy: deleted from the archive to make room before it could be delivered"
        )
        assert "cam1: faults: 0; " in server.command("archive", "verify")


def test_what_may_go_makes_room_for_what_comes(server: Served) -> None:
    camera = Camera(server)
    for _ in range(2):
        camera.fill()
        wait_until(lambda: camera.upload() == STORED, "room")
    assert "cam1: faults: 0; " in server.command("archive", "verify")
    assert server.logged("pictures deleted")
    assert 'deleted_pictures_total{reason="room"}' in server.get("/metrics")
