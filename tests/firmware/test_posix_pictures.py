"""lfcp-device as a camera of the real server: SNAP, motion, LIVE, and a connection that breaks half-way."""

import json
import re
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.firmware.running_device import running
from tests.frames.pictures import jpeg
from tests.serving import LOOPBACK, Served, served
from tests.waiting import LIMIT, wait_until

LARGE = jpeg(640, 480, quality=90)
CUT_AFTER = len(LARGE) // 2  # bytes that get through


@pytest.fixture(scope="module")
def alarmd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for all tests: each has a device of its own."""
    with served(tmp_path_factory.mktemp("alarmd")) as server:
        yield server


def pictures(alarmd: Served, device: str) -> list[dict[str, Any]]:
    """The newest first."""
    listed: list[dict[str, Any]] = json.loads(alarmd.get(f"/api/v1/pictures?device={device}"))["pictures"]
    return listed


def content(alarmd: Served, picture: dict[str, Any]) -> bytes:
    url = f"http://{LOOPBACK}:{alarmd.http_port}/api/v1/pictures/{picture['id']}.jpg"
    with urllib.request.urlopen(url, timeout=LIMIT) as answer:
        data: bytes = answer.read()
        return data


def film(directory: Path, *taken: bytes) -> tuple[str, str]:
    """The option of a camera that takes these in turn."""
    folder = directory / "film"
    folder.mkdir()
    for number, data in enumerate(taken):
        (folder / f"{number}.jpg").write_bytes(data)
    return ("--picture", str(folder))


def adopted(alarmd: Served, name: str, port: int = 0) -> tuple[str, ...]:
    """Options of a device without a key."""
    alarmd.command("device", "adopt", name)
    return ("--name", name, "--interval", "1", "--server", f"A={LOOPBACK}:{port or alarmd.lfcp_port}")


def keyed(alarmd: Served, name: str, directory: Path) -> tuple[str, ...]:
    key = directory / "key"
    alarmd.command("device", "add", name, "--key-file", str(key))
    address = f"A={LOOPBACK}:{alarmd.lfcp_port}"
    return ("--name", name, "--server", address, "--key-file", str(key), "--state", str(directory / "device"))


def test_whoever_asks_a_signed_camera_gets_its_next_picture_in_the_archive(
    lfcp_device: Path, alarmd: Served, tmp_path: Path
) -> None:
    first, second = jpeg(quality=60), jpeg(quality=70)
    with running(lfcp_device, tmp_path, *keyed(alarmd, "keyed", tmp_path), *film(tmp_path, first, second)) as device:
        device.wait_for("answered A", times=2)
        for number, data in enumerate((first, second), 1):
            file = tmp_path / f"{number}.jpg"
            alarmd.command("camera", "snap", "keyed", "--out", str(file))
            assert file.read_bytes() == data
        device.wait_for("uploaded A A.", times=2)
        assert [content(alarmd, one) for one in pictures(alarmd, "keyed")] == [second, first]
        assert {one["trigger"] for one in pictures(alarmd, "keyed")} == {"command"}
        assert (device.said("done SNAP"), device.said("dropped")) == (2, 0)


def test_a_signed_picture_arrives_at_once_whatever_else_the_server_says_meanwhile(
    lfcp_device: Path, alarmd: Served, tmp_path: Path
) -> None:
    with running(lfcp_device, tmp_path, *keyed(alarmd, "busy", tmp_path), *film(tmp_path, LARGE)) as device:
        device.wait_for("answered A", times=2)
        for number in range(1, 4):
            device.order(f"motion number {number}")
            for _ in range(5):
                device.order("log meanwhile")
            boot = device.lines[0].split()[-1]
            device.wait_for(f"uploaded A {boot}.{number}")


def test_the_picture_of_a_motion_joins_its_alarm(lfcp_device: Path, alarmd: Served, tmp_path: Path) -> None:
    (tmp_path / "one.jpg").write_bytes(LARGE)
    camera = ("--picture", str(tmp_path / "one.jpg"))
    with running(lfcp_device, tmp_path, *adopted(alarmd, "gate"), *camera) as device:
        device.wait_for("answered A")
        device.order("motion garden_gate")
        device.wait_for("uploaded A ")
        alarms = json.loads(alarmd.get("/api/v1/alarms?device=gate"))["alarms"]
        seen = next(one for one in pictures(alarmd, "gate") if one["trigger"] == "alarm")
        assert seen["alarm_id"] == alarms[0]["id"]
        assert content(alarmd, seen) == LARGE


class Relay:
    """Use `relay`. cut: a connection was closed in the middle. sent: bytes from the device, by connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self.sent: list[bytearray] = []
        self.cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Offset and total of every FRAM."""
        return [(int(at), int(of)) for sent in self.sent for at, of in re.findall(rb",FRAM,[^,]+,(\d+):(\d+),", sent)]

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                device, _ = self._listener.accept()
                server = socket.create_connection((LOOPBACK, self._port), LIMIT)
                for pump, ends in ((self._up, (device, server)), (self._down, (server, device))):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    def _up(self, device: socket.socket, server: socket.socket) -> None:
        sent = bytearray()
        self.sent.append(sent)
        with device, server, suppress(OSError):
            while data := device.recv(4096):
                sent += data
                server.sendall(data)
                if len(sent) > CUT_AFTER and not self.cut:
                    self.cut = True
                    break
            server.shutdown(socket.SHUT_RDWR)  # an end, not a reset: what was sent arrives before it
            device.shutdown(socket.SHUT_RDWR)

    def _down(self, server: socket.socket, device: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(4096):
                device.sendall(data)
            device.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(port: int) -> Iterator[Relay]:
    made = Relay(port)
    try:
        yield made
    finally:
        made.close()


def test_a_picture_whose_connection_breaks_half_way_is_gone_on_with(
    lfcp_device: Path, alarmd: Served, tmp_path: Path
) -> None:
    with relay(alarmd.lfcp_port) as between:
        options = (*adopted(alarmd, "far", between.port), "--tcp", *film(tmp_path, LARGE))
        with running(lfcp_device, tmp_path, *options) as device:
            device.wait_for("answered A")
            device.order("motion far_away")
            device.wait_for("uploaded A ")
            assert between.cut
            assert content(alarmd, pictures(alarmd, "far")[-1]) == LARGE
            assert any(0 < offset < total for offset, total in between.spans), (between.spans, device.lines)


def test_who_watches_sees_the_camera_live(lfcp_device: Path, alarmd: Served, tmp_path: Path) -> None:
    first, second = jpeg(quality=60), jpeg(quality=70)
    options = (*adopted(alarmd, "live"), *film(tmp_path, first, second), "--live-rate", "30")
    with running(lfcp_device, tmp_path, *options) as device:
        wait_until(lambda: json.loads(alarmd.get("/api/v1/cameras/live"))["askable"], "the report of what it can")
        url = f"http://{LOOPBACK}:{alarmd.http_port}/api/v1/devices/live/stream.mjpeg"
        with urllib.request.urlopen(url, timeout=LIMIT) as stream:
            seen = b""
            while first not in seen or second not in seen:
                seen += stream.read1()
        device.wait_for("live A ended: nobody_watches")
        assert pictures(alarmd, "live") == []
        assert device.said("done LIVE") >= 1


def test_a_stranger_is_told_for_good_that_nobody_wants_its_pictures(
    lfcp_device: Path, alarmd: Served, tmp_path: Path
) -> None:
    options = ("--name", "stranger", "--interval", "1", "--server", f"A={LOOPBACK}:{alarmd.lfcp_port}")
    with running(lfcp_device, tmp_path, *options, *film(tmp_path, LARGE)) as device:
        device.wait_for("answered A")
        device.order("motion strange")
        device.wait_for("not uploaded A ")
        (refused,) = [line for line in device.lines if line.startswith("not uploaded")]
        assert refused.endswith(": not_adopted")
        assert pictures(alarmd, "stranger") == []


def test_a_picture_that_cannot_be_taken_is_a_command_that_failed(
    lfcp_device: Path, alarmd: Served, tmp_path: Path
) -> None:
    with running(lfcp_device, tmp_path, *adopted(alarmd, "blind"), *film(tmp_path, b"no picture at all")) as device:
        wait_until(lambda: json.loads(alarmd.get("/api/v1/cameras/blind"))["askable"], "the report of what it can")
        assert b",queued," in alarmd.ask(b"blind,SNAP", alarmd.operator_port)
        device.wait_for("failed SNAP: the picture is no JPEG")
        device.wait_for("stored A ERR")


def test_a_device_without_a_camera_is_not_asked(lfcp_device: Path, alarmd: Served, tmp_path: Path) -> None:
    with running(lfcp_device, tmp_path, *adopted(alarmd, "sensor")) as device:
        device.wait_for("answered A")
        assert b"unsupported" in alarmd.ask(b"sensor,SNAP", alarmd.operator_port)
