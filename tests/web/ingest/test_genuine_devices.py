"""The genuine devices' habits on raw sockets, as their published sources write: line by line, piece by piece."""

import socket
from collections.abc import Sequence

import pytest

from alarmd.web.ingest.limits import UploadLimits
from alarmd.web.ingest.senders import Sender
from tests.waiting import wait_until
from tests.web.ingest.post import FINGERPRINT, SECRET, Post, all_of, jpeg, post, said

PICTURE = jpeg(320, 240, noise=60)
HOST = "alarm.example"


def lines(path: str, version: str, length: int, media_type: str = "image/jpg") -> list[bytes]:
    """The ESP32 camera for PrusaConnect: println for each line, the last one without anything."""
    said_lines = (
        f"PUT https://{HOST}{path} HTTP/{version}",
        f"Host: {HOST}",
        "User-Agent: ESP32-CAM",
        "Connection: close",
        f"Content-Type: {media_type}",
        f"fingerprint: {FINGERPRINT}",
        f"token: {SECRET}",
        f"Content-Length: {length}",
        "",
    )
    return [f"{line}\r\n".encode() for line in said_lines]


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def exchanged(office: Post, writes: Sequence[bytes]) -> tuple[int, dict[str, str], bytes]:
    """Each write in a segment of its own."""
    with office.connect() as camera:
        camera.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for write in writes:
            camera.sendall(write)
        return said(all_of(camera))


def test_the_prusaconnect_camera_of_2023_is_served_in_http_1_0(office: Post) -> None:
    writes = lines("/c/snapshot", "1.0", len(PICTURE)) + pieces(PICTURE, 9000)
    assert exchanged(office, writes)[0] == 204
    (upload,) = office.stored
    assert (upload.device, upload.data) == ("cam1", PICTURE)


def test_its_successor_sends_two_line_ends_behind_the_picture(office: Post) -> None:
    writes = lines("/c/snapshot", "1.1", len(PICTURE)) + pieces(PICTURE, 5120) + [b"\r\n\r\n"]
    assert exchanged(office, writes)[0] == 204
    assert office.stored[0].data == PICTURE


def test_its_successor_says_what_it_is_and_is_heard(office: Post) -> None:
    info = (
        b'{"config":{"name":"prusa-esp32cam","resolution":{"width":800,"height":600},'
        b'"network_info":{"wifi_mac":"24:6F:28:01:02:03","wifi_ipv4":"192.0.2.7","wifi_ssid":"home"}}}'
    )
    status, headers, _ = exchanged(office, [*lines("/c/info", "1.1", len(info), "application/json"), info])
    assert (status, headers["content-type"]) == (200, "application/json")
    assert office.introduced[0].fingerprint == FINGERPRINT
    assert '"name":"prusa-esp32cam"' in (office.introduced[0].info or "")


def test_the_answer_is_closed_before_the_cameras_watchdog_bites(office: Post) -> None:
    """It waits for the close, not for the length: all_of ends only with it."""
    with office.connect() as camera:
        camera.sendall(b"".join(lines("/c/snapshot", "1.0", len(PICTURE))) + PICTURE)
        answer = all_of(camera)
    assert answer.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert answer.endswith(b"\r\n\r\n")


def test_a_picture_replaced_in_mid_send_by_a_longer_one_is_taken_as_announced(office: Post) -> None:
    writes = lines("/c/snapshot", "1.1", len(PICTURE)) + pieces(PICTURE + b"of the next picture" * 900, 9000)
    assert exchanged(office, writes)[0] == 204
    assert office.stored[0].data == PICTURE


def test_a_picture_replaced_in_mid_send_by_a_shorter_one_is_refused_and_the_connection_closed() -> None:
    with post(UploadLimits(body_idle_timeout=0.2)) as office:
        writes = lines("/c/snapshot", "1.0", len(PICTURE) + 5000) + pieces(PICTURE, 9000)
        status, _, body = exchanged(office, writes)
        assert (status, b"BAD_REQUEST_TOO_SLOW" in body) == (400, True)
        assert office.stored == []


def arduino(length: int) -> bytes:
    head = (
        f"POST /S3StoreImage HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n"
    )
    return head.encode()


def test_the_arduino_is_served_by_its_address_though_it_never_closes_its_side(office: Post) -> None:
    office.at_address = Sender(9, "stopmotion", "", True)
    mangled = PICTURE[1:] + b"\x00"  # its first byte is lost, and a stray one follows the last
    assert exchanged(office, [arduino(len(mangled)), *pieces(mangled, 512)])[0] == 204
    (upload,) = office.stored
    assert (upload.device, upload.data) == ("stopmotion", mangled)


def test_a_stray_byte_behind_the_announced_ones_costs_the_arduino_nothing(office: Post) -> None:
    office.at_address = Sender(9, "stopmotion", "", True)
    assert exchanged(office, [arduino(len(PICTURE)), *pieces(PICTURE + b"\x00", 512)])[0] == 204
    assert office.stored[0].data == PICTURE


def test_an_arduino_that_connects_and_says_nothing_holds_no_place() -> None:
    with post(UploadLimits(head_timeout=0.2)) as office, office.connect() as camera:
        assert all_of(camera) == b""  # closed, without an answer to a question that was not asked
        wait_until(lambda: len(office.listener._places) == 0, "the place given back")
        assert 'alarmd_dropped_total{reason="silent",where="ingest"} 1.0' in office.metrics()


def test_an_arduino_nobody_knows_is_refused(office: Post) -> None:
    status, _, body = exchanged(office, [arduino(len(PICTURE)), *pieces(PICTURE, 512)])
    assert (status, b"unknown_address" in body) == (403, True)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_camera_that_writes_byte_by_byte_is_served(office: Post, version: str) -> None:
    small = jpeg(8, 8)
    whole = b"".join(lines("/c/snapshot", version, len(small))) + small
    assert exchanged(office, pieces(whole, 1))[0] == 204
    assert office.stored[0].data == small


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_camera_that_is_refused_while_it_still_sends_hears_the_refusal(office: Post, version: str) -> None:
    """It reads nothing before it has written everything; a reset would have cost it the answer."""
    office.cameras.clear()
    large = b"\xff\xd8" + bytes(5_000_000)
    status, _, body = exchanged(office, lines("/c/snapshot", version, len(large)) + pieces(large, 9000))
    assert (status, b"FORBIDDEN_INVALID_TOKEN" in body) == (403, True)


def test_many_slow_cameras_are_served_at_once(office: Post) -> None:
    secrets = [f"{number:020}" for number in range(30)]
    office.cameras |= {secret: Sender(int(secret), f"cam{secret}", "", True) for secret in secrets}
    cameras = [office.connect() for _ in secrets]
    try:
        whole = b"".join(lines("/c/snapshot", "1.0", len(PICTURE))) + PICTURE
        each = [pieces(whole.replace(SECRET.encode(), secret.encode()), 4000) for secret in secrets]
        for parts in zip(*each, strict=True):
            for camera, part in zip(cameras, parts, strict=True):
                camera.sendall(part)
        assert [said(all_of(camera))[0] for camera in cameras] == [204] * 30
    finally:
        for camera in cameras:
            camera.close()
