"""The ways of this server's own."""

import base64
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from alarmd.core.records import Trigger
from alarmd.core.refusals import RequestRefusedError
from alarmd.frames.errors import ArchiveError, ArchiveFullError, PictureFault, PictureRefusedError
from alarmd.frames.intake import Upload
from alarmd.storage.interface import StorageUnavailableError
from alarmd.web.ingest.described import MAX_UPLOAD_ID
from alarmd.web.ingest.gathered import BLOCK
from alarmd.web.ingest.multipart import MAX_BOUNDARY, MAX_CONTENT_TYPE, MAX_PARTS, file_in
from alarmd.web.ingest.senders import GUESS_BURST, SECRET_LENGTH, Sender, make_secret
from tests.needs import need_program
from tests.web.ingest.post import CLIENT, OTHER_SECRET, PATIENCE, SECRET, Post, jpeg

PICTURE = jpeg()
BEARER = {"Authorization": f"Bearer {SECRET}"}
SCRIPT = "/ingest/cam1"


def send(
    office: Post, path: str = SCRIPT, content: bytes = PICTURE, method: str = "POST", **headers: str
) -> httpx.Response:
    """headers: with _ for -, besides the secret."""
    named = BEARER | {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"http://127.0.0.1:{office.port}{path}"
    return CLIENT.request(method, url, content=content, headers=named)


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, reason and field of an error, which has the shape of every error of this server."""
    body = answer.json()
    assert set(body) == {"reason", "field", "message", "errors"}
    assert body["message"]
    return answer.status_code, body["reason"], body["field"]


def basic(password: str, user: str = "anybody") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("path", [SCRIPT, f"/u/{SECRET}"])
def test_a_picture_is_stored_and_then_answered(office: Post, path: str, method: str) -> None:
    answer = send(office, path, method=method)
    assert (answer.status_code, answer.content) == (204, b"")
    assert office.stored == [Upload("cam1", PICTURE, Trigger.DEVICE)]


@pytest.mark.parametrize("headers", [BEARER, {"Authorization": basic(SECRET)}, {"token": SECRET}])
def test_the_secret_may_come_in_three_ways(office: Post, headers: dict[str, str]) -> None:
    url = f"http://127.0.0.1:{office.port}{SCRIPT}"
    assert CLIENT.post(url, content=PICTURE, headers=headers).status_code == 204


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "missing_secret"),
        ({"Authorization": "Digest x"}, "missing_secret"),
        ({"Authorization": "Bearer " + "x" * SECRET_LENGTH}, "wrong_secret"),
        ({"Authorization": "Bearer x"}, "wrong_secret"),
        ({"Authorization": basic("x")}, "wrong_secret"),
        ({"Authorization": "Basic !!"}, "wrong_secret"),
        ({"Authorization": "Basic /w=="}, "wrong_secret"),
        ({"Token": "x"}, "wrong_secret"),
    ],
)
def test_without_the_right_secret_nothing_is_taken(office: Post, headers: dict[str, str], reason: str) -> None:
    url = f"http://127.0.0.1:{office.port}{SCRIPT}"
    answer = CLIENT.post(url, content=PICTURE, headers=headers)
    assert problem(answer) == (401, reason, "Authorization")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert office.stored == []


def test_a_header_that_is_sent_twice_is_believed_neither_time(office: Post) -> None:
    url = f"http://127.0.0.1:{office.port}{SCRIPT}"
    answer = CLIENT.post(url, content=PICTURE, headers=[("Token", SECRET), ("Token", OTHER_SECRET)])
    assert problem(answer) == (400, "repeated_header", "Token")


def test_a_secret_opens_its_own_device_only(office: Post) -> None:
    assert problem(send(office, "/ingest/cam2")) == (403, "wrong_device", "")


def test_a_url_that_nobody_has_is_not_found(office: Post) -> None:
    assert problem(send(office, f"/u/{'x' * SECRET_LENGTH}")) == (404, "wrong_secret", "")


@pytest.mark.parametrize("path", [SCRIPT, f"/u/{SECRET}"])
def test_a_camera_that_uploads_from_elsewhere_is_refused(office: Post, path: str) -> None:
    office.cameras[SECRET] = Sender(7, "cam1", "", welcome=False)
    assert problem(send(office, path)) == (403, "wrong_source", "")


def test_guesses_are_slowed_down_and_cameras_behind_the_same_address_are_not(office: Post) -> None:
    seen = [problem(send(office, "/u/guess"))[:2] for _ in range(int(GUESS_BURST) + 3)]
    assert (seen[0], seen[-1]) == ((404, "wrong_secret"), (429, "too_many_guesses"))
    assert int(send(office, "/u/guess").headers["retry-after"]) > 0
    assert send(office).status_code == 204
    assert 'alarmd_uploads_total{result="wrong_secret",way="url"} ' + f"{GUESS_BURST}" in office.metrics()


def test_secrets_are_long_and_of_letters_and_digits() -> None:
    made = {make_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(len(secret) == SECRET_LENGTH and secret.isascii() and secret.isalnum() for secret in made)


def test_a_script_may_say_when_and_why_and_for_which_request(office: Post) -> None:
    headers = {"X-Captured-At": "2026-11-21T13:00:00.25+01:00", "X-Trigger": "Alarm", "X-Upload-Id": "A:17"}
    url = f"http://127.0.0.1:{office.port}{SCRIPT}"
    assert CLIENT.post(url, content=PICTURE, headers=BEARER | headers).status_code == 204
    moment = datetime(2026, 11, 21, 12, 0, 0, 250_000, UTC)
    assert office.stored == [
        Upload("cam1", PICTURE, Trigger.ALARM, round(moment.timestamp() * 1_000_000), "A:17"),
    ]


LATER = "2999-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        *(("X-Captured-At", value) for value in ("now", "2026-11-21", "2026-11-21T12:00:00", "2026-02-31T12:00:00Z")),
        ("X-Captured-At", "1969-12-31T23:59:59Z"),
        ("X-Captured-At", LATER),
        ("X-Trigger", "boredom"),
        ("X-Upload-Id", "x" * (MAX_UPLOAD_ID + 1)),
        ("X-Upload-Id", "two words"),
    ],
)
def test_what_is_said_of_a_picture_must_make_sense(office: Post, header: str, value: str) -> None:
    assert problem(send(office, **{header: value})) == (400, "invalid", header)
    assert office.stored == []


def test_what_is_no_jpeg_by_its_own_words_is_not_even_read(office: Post) -> None:
    assert problem(send(office, Content_Type="image/png")) == (415, "not_jpeg", "Content-Type")


@pytest.mark.parametrize(
    ("error", "expected", "again"),
    [
        (PictureRefusedError(PictureFault.NOT_JPEG, "no JPEG"), (422, "not_jpeg", "body"), False),
        (PictureRefusedError(PictureFault.TOO_LONG, "too long"), (413, "too_long", "body"), False),
        (RequestRefusedError("unknown_device", "device", "no cam1"), (404, "unknown_device", "device"), False),
        (RequestRefusedError("unavailable", "", "away"), (503, "unavailable", ""), True),
        (StorageUnavailableError("away"), (503, "unavailable", ""), True),
        (ArchiveFullError("full"), (507, "archive_full", ""), True),
        (ArchiveError("broken"), (503, "unavailable", ""), True),
        (ZeroDivisionError(), (500, "defect", ""), False),
    ],
)
def test_what_was_not_stored_is_not_acknowledged(
    office: Post, error: Exception, expected: tuple[int, str, str], again: bool
) -> None:
    async def fail(_upload: Upload) -> None:
        raise error

    office.take = fail
    answer = send(office)
    assert problem(answer) == expected
    assert ("retry-after" in answer.headers) is again
    assert f'alarmd_uploads_total{{result="{expected[1]}",way="script"}} 1.0' in office.metrics()
    assert office.listener.budget.used == 0


def test_uploads_and_their_bytes_are_counted(office: Post) -> None:
    send(office)
    assert 'alarmd_uploads_total{result="accepted",way="script"} 1.0' in office.metrics()
    assert f"alarmd_upload_bytes_total {float(len(PICTURE))}" in office.metrics()


def test_a_person_who_looks_in_is_told_what_this_is(office: Post) -> None:
    answer = CLIENT.get(f"http://127.0.0.1:{office.port}/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "/ingest/DEVICE" in answer.text
    assert CLIENT.head(f"http://127.0.0.1:{office.port}/").status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/v1/devices", "/metrics", "/healthz", "/openapi.json", "/u/", "/u/a/b", "/ingest/", "/u", "//"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_else_is_here(office: Post, path: str, method: str) -> None:
    assert problem(send(office, path, method=method)) == (404, "no_such_path", "")


def test_a_wrong_method_is_told_the_right_ones(office: Post) -> None:
    answer = send(office, method="GET", content=b"")
    assert problem(answer) == (405, "no_such_method", "")
    assert answer.headers["allow"] == "POST, PUT"


# Forms.


def form(office: Post, body: bytes, boundary: str = "b") -> httpx.Response:
    return send(office, content=body, Content_Type=f"multipart/form-data; boundary={boundary}")


def part(data: bytes, disposition: str = 'form-data; name="file"; filename="x.jpg"') -> bytes:
    return f"--b\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + data + b"\r\n"


END = b"--b--\r\n"


def test_a_form_with_one_file_is_a_picture(office: Post) -> None:
    url = f"http://127.0.0.1:{office.port}/u/{SECRET}"
    fields = {"data": {"comment": "not read"}, "files": {"picture": ("x.jpg", PICTURE, "image/jpeg")}}
    assert CLIENT.post(url, timeout=PATIENCE, **fields).status_code == 204  # type: ignore[arg-type]
    assert office.stored[0].data == PICTURE


@pytest.mark.parametrize("filler", [b"\0" * 64, b"\r\n--", b"\r\n--b\r"])
def test_a_long_form_is_read_beside_the_loop(office: Post, monkeypatch: pytest.MonkeyPatch, filler: bytes) -> None:
    threads: list[str] = []

    def read(body: bytes, content_type: str) -> bytes:
        threads.append(threading.current_thread().name)
        return file_in(body, content_type)

    monkeypatch.setattr("alarmd.web.ingest.described.file_in", read)
    long = PICTURE + filler * (3 * BLOCK // len(filler))
    beginning = part(b"").removesuffix(b"\r\n").replace(b"--b", b"--bound")
    assert form(office, beginning + long + b"\r\n--bound--\r\n", "bound").status_code == 204
    assert form(office, part(PICTURE) + END).status_code == 204
    assert [upload.data for upload in office.stored] == [long, PICTURE]
    assert [name == "post" for name in threads] == [False, True]


def test_the_only_part_of_a_form_is_the_picture_even_without_a_file_s_name(office: Post) -> None:
    assert form(office, part(PICTURE, 'form-data; name="picture"') + END).status_code == 204
    assert office.stored[0].data == PICTURE


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (END, "one_file"),
        (part(PICTURE) * 2 + END, "one_file"),
        (part(PICTURE, "form-data; name=a") * 2 + END, "one_file"),
        (part(b"") * (MAX_PARTS + 1) + END, "malformed_form"),
        (part(PICTURE), "malformed_form"),
        (PICTURE, "malformed_form"),
        (b"", "malformed_form"),
        (b"--b\r\nno header at all\r\n\r\n" + END, "malformed_form"),
    ],
)
def test_a_form_that_is_not_one_picture_is_refused(office: Post, body: bytes, reason: str) -> None:
    assert problem(form(office, body)) == (400, reason, "body")
    assert office.stored == []


@pytest.mark.parametrize("boundary", ["", "x" * (MAX_BOUNDARY + 1), "b" + ";" * MAX_CONTENT_TYPE])
def test_a_form_needs_a_boundary(office: Post, boundary: str) -> None:
    assert problem(form(office, part(PICTURE) + END, boundary)) == (400, "malformed_form", "Content-Type")


@pytest.mark.parametrize(
    "options",
    [
        ["--data-binary", "@{file}"],
        ["-F", "picture=@{file}"],
        ["-T", "{file}"],
        ["-T", "-"],  # chunked: curl cannot know how long it is
        ["--http1.0", "--data-binary", "@{file}"],
        ["-H", "Expect: 100-continue", "--expect100-timeout", "20", "--data-binary", "@{file}"],
    ],
)
def test_curl_uploads_in_each_of_its_ways(office: Post, options: list[str], tmp_path: Path) -> None:
    curl = need_program("curl", "curl")
    file = tmp_path / "x.jpg"
    file.write_bytes(PICTURE)
    command = [
        *(
            curl,
            "--silent",
            "--show-error",
            "--max-time",
            "15",
            "-w",
            "%{http_code}",
            "-H",
            f"Authorization: Bearer {SECRET}",
        ),
        *(option.format(file=file) for option in options),
        f"http://127.0.0.1:{office.port}{SCRIPT}",
    ]
    done = subprocess.run(command, input=PICTURE, capture_output=True, timeout=PATIENCE, check=True)
    assert done.stdout == b"204"
    assert office.stored[0].data == PICTURE
