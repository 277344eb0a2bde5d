"""The fake service, asked by the service's own SDK."""

import threading
from collections.abc import Iterator

import pytest
import requests
from prusa.connect.printer.camera import Snapshot
from prusa.connect.printer.camera_controller import CameraController
from prusa.connect.printer.util import make_fingerprint

from tests.fakes.prusaconnect import TOKEN, FakePrusaConnect, fake_prusaconnect
from tests.frames.pictures import jpeg
from tests.waiting import wait_until


@pytest.fixture
def service() -> Iterator[FakePrusaConnect]:
    with fake_prusaconnect() as made:
        yield made


def snapshot(camera: str = "usb-camera-1", token: str = TOKEN, data: bytes | None = None) -> Snapshot:
    made = Snapshot()
    made.camera_token = token
    made.camera_fingerprint = make_fingerprint(camera)
    made.camera_id = camera
    made.timestamp = 1_700_000_000.0
    made.printer_uuid = "a5e3a2c8-0000-4000-8000-000000000001"
    made.data = jpeg() if data is None else data
    return made


def test_the_sdk_shows_a_picture(service: FakePrusaConnect) -> None:
    answer = snapshot().send(requests.Session(), service.url)
    assert (answer.status_code, answer.content) == (204, b"")
    assert service.snapshots[TOKEN] == [jpeg()]
    assert service.fingerprints[TOKEN] == make_fingerprint("usb-camera-1")


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        (snapshot(token="x" * 20), 403, "FORBIDDEN_INVALID_TOKEN"),
        (snapshot(camera="another"), 403, "FORBIDDEN_INVALID_FINGERPRINT"),
        (snapshot(data=b"GIF89a"), 400, "BAD_REQUEST_NOT_JPEG"),
        (snapshot(token=""), 401, "UNAUTHORIZED_MISSING_TOKEN"),
    ],
)
def test_the_sdk_hears_why_it_is_refused(service: FakePrusaConnect, wrong: Snapshot, status: int, code: str) -> None:
    service.fingerprints[TOKEN] = make_fingerprint("usb-camera-1")
    answer = wrong.send(requests.Session(), service.url)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_sdks_own_loop_sends_what_it_is_given(service: FakePrusaConnect) -> None:
    controller = CameraController(requests.Session(), service.url, lambda _what: None)
    thread = threading.Thread(target=controller.snapshot_loop)
    thread.start()
    controller.photo_handler(snapshot())
    wait_until(lambda: service.snapshots[TOKEN], "the picture")
    controller.stop()
    thread.join()
