"""PrusaConnect's camera interface, as its OpenAPI 0.22 says and as its own clients use it."""

import json
import subprocess
from pathlib import Path

import httpx
import pytest
import requests
from prusa.connect.printer.camera import Snapshot
from prusa.connect.printer.camera_controller import CameraController

from alarmd.core.cameras import MAX_INFO
from alarmd.core.refusals import RequestRefusedError
from alarmd.frames.errors import ArchiveError, ArchiveFullError, PictureFault, PictureRefusedError
from alarmd.frames.intake import Upload
from alarmd.web.ingest.prusaconnect import MAX_INFO_BODY
from tests.needs import need_program
from tests.waiting import wait_until
from tests.web.ingest.post import CLIENT, FINGERPRINT, OTHER_SECRET, PATIENCE, SECRET, Post, jpeg

PICTURE = jpeg()
USUAL = {"Token": SECRET, "Fingerprint": FINGERPRINT, "Content-Type": "image/jpg"}


def put(office: Post, path: str = "/c/snapshot", content: bytes = PICTURE, **changes: str | None) -> httpx.Response:
    """changes: headers with _ for -; None leaves one out."""
    headers = USUAL | {name.replace("_", "-"): value for name, value in changes.items()}
    sent = {name: value for name, value in headers.items() if value is not None}
    return CLIENT.put(f"http://127.0.0.1:{office.port}{path}", content=content, headers=sent)


def code(answer: httpx.Response) -> tuple[int, str]:
    """Of an error, which has these two parts and no others."""
    body = answer.json()
    assert set(body) == {"code", "message"}
    assert body["message"]
    return answer.status_code, body["code"]


@pytest.mark.parametrize("media_type", ["image/jpg", "image/jpeg", "IMAGE/JPEG; q=1"])
def test_a_picture_is_taken_without_a_word(office: Post, media_type: str) -> None:
    answer = put(office, Content_Type=media_type)
    assert (answer.status_code, answer.content) == (204, b"")
    assert office.stored[0].data == PICTURE


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Token": None}, (401, "UNAUTHORIZED_MISSING_TOKEN")),
        ({"Token": ""}, (401, "UNAUTHORIZED_MISSING_TOKEN")),
        ({"Fingerprint": None}, (401, "UNAUTHORIZED_MISSING_FINGERPRINT")),
        ({"Token": SECRET[:-1]}, (400, "BAD_REQUEST_INVALID_TOKEN")),
        ({"Token": SECRET + "x"}, (400, "BAD_REQUEST_INVALID_TOKEN")),
        ({"Fingerprint": "x" * 15}, (400, "BAD_REQUEST_INVALID_FINGERPRINT")),
        ({"Fingerprint": "x" * 65}, (400, "BAD_REQUEST_INVALID_FINGERPRINT")),
        ({"Token": "x" * 20}, (403, "FORBIDDEN_INVALID_TOKEN")),
        ({"Token": "_" * 20}, (403, "FORBIDDEN_INVALID_TOKEN")),
        ({"Content_Type": "image/png"}, (400, "BAD_REQUEST_NOT_JPEG")),
        ({"Content_Type": None}, (400, "BAD_REQUEST_NOT_JPEG")),
    ],
)
def test_wrong_headers_are_refused(office: Post, changes: dict[str, str | None], expected: tuple[int, str]) -> None:
    assert code(put(office, **changes)) == expected
    assert office.stored == []


@pytest.mark.parametrize("length", [16, 64])
def test_fingerprints_of_every_allowed_length_are_taken(office: Post, length: int) -> None:
    assert put(office, Fingerprint="f" * length).status_code == 204


def test_the_first_picture_binds_its_fingerprint_to_the_token(office: Post) -> None:
    assert put(office).status_code == 204
    assert code(put(office, Fingerprint="another-camera-16")) == (403, "FORBIDDEN_INVALID_FINGERPRINT")
    assert put(office).status_code == 204
    assert put(office, Token=OTHER_SECRET, Fingerprint="another-camera-16").status_code == 204
    assert [one.fingerprint for one in office.introduced] == [FINGERPRINT, "another-camera-16"]


def test_a_picture_that_is_refused_binds_nothing(office: Post) -> None:
    async def refuse(_upload: Upload) -> None:
        raise PictureRefusedError(PictureFault.TRUNCATED, "it ends in the middle; send the whole of it")

    office.take = refuse
    assert code(put(office)) == (400, "BAD_REQUEST_TRUNCATED")
    assert office.introduced == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PictureRefusedError(PictureFault.TOO_LONG, "too long"), (400, "BAD_REQUEST_TOO_LONG")),
        (RequestRefusedError("unknown_device", "device", "no cam1"), (404, "NOT_FOUND_UNKNOWN_DEVICE")),
        (RequestRefusedError("device_rate", "", "too many"), (429, "TOO_MANY_REQUESTS_DEVICE_RATE")),
        (RequestRefusedError("unavailable", "", "away"), (503, "SERVICE_UNAVAILABLE_UNAVAILABLE")),
        (ArchiveFullError("full"), (503, "SERVICE_UNAVAILABLE_ARCHIVE_FULL")),
        (ArchiveError("broken"), (503, "SERVICE_UNAVAILABLE_UNAVAILABLE")),
        (ZeroDivisionError(), (503, "SERVICE_UNAVAILABLE_DEFECT")),
    ],
)
def test_its_clients_hear_of_trouble_in_the_statuses_that_they_know(
    office: Post, error: Exception, expected: tuple[int, str]
) -> None:
    async def fail(_upload: Upload) -> None:
        raise error

    office.take = fail
    answer = put(office)
    assert code(answer) == expected
    assert ("retry-after" in answer.headers) is (expected[0] in (429, 503) and not isinstance(error, ZeroDivisionError))


INFO = {
    "config": {"name": "Olomouc", "trigger_scheme": "THIRTY_SEC", "resolution": {"width": 640, "height": 480}},
    "options": {"available_resolutions": [{"width": 640, "height": 480}]},
    "capabilities": ["trigger_scheme", "imaging"],
}


def test_what_a_camera_says_of_itself_is_kept_and_answered_as_the_interface_says(office: Post) -> None:
    answer = put(
        office, "/c/info", json.dumps(INFO | {"more": "is not kept"}).encode(), Content_Type="application/json"
    )
    assert answer.status_code == 200
    camera = answer.json()
    assert {"id", "origin", "printer_uuid", "registered", "team_id"} <= set(camera)  # what camera_response requires
    assert {key: camera[key] for key in INFO} == INFO
    (introduced,) = office.introduced
    assert (introduced.device, introduced.fingerprint) == ("cam1", FINGERPRINT)
    assert json.loads(introduced.info or "") == INFO
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"config": 7}',
        b'{"config": {}}',
        b'{"config": {"name": 7}}',
        b'{"config": {"name": "x", "far": NaN}}',
        b'{"config": {"name": "' + b"x" * 65 + b'"}}',
        b'{"config": {"name": "x", "path": "' + b"x" * MAX_INFO + b'"}}',
        b"[" * 100_000,
        b'{"config": {"name": "\xff"}}',
    ],
)
def test_what_a_camera_says_of_itself_must_be_as_the_interface_says(office: Post, body: bytes) -> None:
    answer = put(office, "/c/info", body, Content_Type="application/json")
    assert code(answer) == (400, "BAD_REQUEST_INVALID_INFO")
    assert office.introduced == []


def test_what_would_take_long_to_read_is_not_read(office: Post) -> None:
    body = b'{"config": {"name": "x"}, "more": "' + b"x" * MAX_INFO_BODY + b'"}'  # it would be taken if it was read
    answer = put(office, "/c/info", body, Content_Type="application/json")
    assert code(answer) == (400, "BAD_REQUEST_INVALID_INFO")
    assert str(MAX_INFO_BODY) in answer.json()["message"]
    assert office.introduced == []


def test_a_camera_may_have_no_name(office: Post) -> None:
    assert put(office, "/c/info", b'{"config": {"name": null}}').status_code == 200


def test_other_methods_are_told_the_right_one(office: Post) -> None:
    answer = CLIENT.post(f"http://127.0.0.1:{office.port}/c/snapshot", content=PICTURE, headers=USUAL)
    assert (answer.status_code, answer.headers["allow"]) == (405, "PUT")


def snapshot(token: str, camera_id: str = "/dev/video0") -> Snapshot:
    taken = Snapshot()
    taken.camera_token, taken.camera_fingerprint, taken.camera_id = token, FINGERPRINT, camera_id
    taken.timestamp, taken.data = 1_795_000_000.0, PICTURE
    return taken


class _Camera:
    """As much of the SDK's camera as its controller asks for after an upload."""

    def __init__(self) -> None:
        self.token: str | None = SECRET

    def set_token(self, token: str | None) -> None:
        self.token = token


def test_prusas_own_sdk_uploads_here(office: Post) -> None:
    """prusa.connect.sdk.printer, what PrusaLink is made with: only the server's address is another."""
    with requests.Session() as session:
        answer = snapshot(SECRET).send(session, f"http://127.0.0.1:{office.port}")
    assert answer.status_code == 204
    assert office.stored[0].data == PICTURE


def test_prusas_own_sdk_drops_a_token_that_is_refused(office: Post) -> None:
    """Its camera controller: a 403 makes it forget the token, so nobody else's fault may be a 403."""
    import threading

    with requests.Session() as session:
        controller = CameraController(session, f"http://127.0.0.1:{office.port}", lambda _item: None)
        camera = controller._cameras["/dev/video0"] = _Camera()
        loop = threading.Thread(target=controller.snapshot_loop)
        loop.start()
        try:
            controller.photo_handler(snapshot(SECRET))
            wait_until(lambda: office.stored, "the picture")
            assert camera.token == SECRET
            controller.photo_handler(snapshot("x" * 20))
            wait_until(lambda: camera.token is None, "the token dropped")
        finally:
            controller.stop()
            loop.join()


def test_the_usual_uploader_script_s_curl_is_served(office: Post, tmp_path: Path) -> None:
    """The options of nvtkaszpir/prusa-connect-camera-script, whose PRUSA_CONNECT_URL is configurable."""
    curl = need_program("curl", "curl")
    picture = tmp_path / "camera.jpg"
    picture.write_bytes(PICTURE)
    command = [
        curl, "-X", "PUT", f"http://127.0.0.1:{office.port}/c/snapshot",
        "-H", "Accept: text/plain", "-H", "Content-type: image/jpg", "-H", f"Fingerprint: {FINGERPRINT}",
        "-H", f"Token: {SECRET}", "-H", f"Content-length: {len(PICTURE)}", "--data-binary", f"@{picture}",
        "--no-progress-meter", "--compressed", "-w", "%{http_code}", "--max-time", "30",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout == "204"
    assert office.stored[0].data == PICTURE
