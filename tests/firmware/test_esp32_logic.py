"""What the ESP32-CAM writes, understood by parsers that know nothing of it: Python's http.server, email and html."""

import email
import email.policy
import subprocess
from collections.abc import Callable
from email.message import EmailMessage
from html.parser import HTMLParser
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

import pytest

PICTURE = bytes(at * 7 & 0xFF for at in range(5000))  # as say.c makes it


@pytest.fixture(scope="module")
def program(sanitized_program: Callable[[str], Path]) -> Path:
    return sanitized_program("ports/esp32cam/esp32cam_say")


def said(program: Path, what: str) -> bytes:
    return subprocess.run([program, what], capture_output=True, check=True).stdout


class Request(BaseHTTPRequestHandler):
    """One request as http.server reads it, with what follows its head."""

    def __init__(self, data: bytes) -> None:
        self.rfile = BytesIO(data)
        self.wfile = BytesIO()
        self.client_address = ("camera", 0)
        self.raw_requestline = self.rfile.readline()
        assert self.parse_request(), self.wfile.getvalue()
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.rfile.read() == b"", "more than it announced"


class _Answered:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> BytesIO:
        return BytesIO(self._data)


def response(data: bytes) -> HTTPResponse:
    """An answer as http.client reads it."""
    answer = HTTPResponse(_Answered(data))  # type: ignore[arg-type]
    answer.begin()
    return answer


def multipart(content_type: str, body: bytes) -> list[EmailMessage]:
    """The parts as email reads them, which takes line ends as they are only in binary."""
    whole = email.message_from_bytes(
        f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=email.policy.HTTP.clone(utf8=True)
    )
    assert not whole.defects
    parts = [part for part in whole.iter_parts() if isinstance(part, EmailMessage)]
    assert not any(part.defects for part in parts)
    return parts


def test_telegram_gets_the_picture_the_chat_and_the_caption(program: Path) -> None:
    request = Request(said(program, "telegram"))
    assert (request.command, request.path) == ("POST", "/bot123456:AAbb-cc_dd/sendPhoto")
    assert request.headers["Host"] == "api.telegram.org"
    chat, caption, photo = multipart(request.headers["Content-Type"], request.body)
    names = [part.get_param("name", header="Content-Disposition") for part in (chat, caption, photo)]
    assert names == ["chat_id", "caption", "photo"]
    assert chat.get_payload(decode=True) == b"-100200300"
    assert caption.get_payload(decode=True) == b'cam1 something & "more"'
    assert (photo.get_filename(), photo.get_content_type()) == ("picture.jpg", "image/jpeg")
    boundary = request.headers.get_param("boundary")
    between = request.body.split(b"\r\n--" + str(boundary).encode())
    assert between[2].split(b"\r\n\r\n", 1)[1] == PICTURE  # email decodes text; the bytes are what counts


def test_prusaconnect_gets_token_and_fingerprint_of_the_described_lengths(program: Path) -> None:
    request = Request(said(program, "prusaconnect"))
    assert (request.command, request.path, request.request_version) == ("PUT", "/c/snapshot", "HTTP/1.1")
    assert request.headers["Host"] == "connect.prusa3d.com"
    assert request.headers["Content-Type"] == "image/jpg"
    assert len(request.headers["Token"]) == 20
    assert 16 <= len(request.headers["Fingerprint"]) <= 64
    assert request.body == PICTURE


def test_the_picture_server_gets_a_post(program: Path) -> None:
    request = Request(said(program, "post"))
    assert (request.command, request.path) == ("POST", "/S3StoreImage?x=1")
    assert request.headers["Host"] == "[2001:db8::1]:8081"
    assert request.headers["Content-Type"] == "image/jpeg"
    assert request.body == PICTURE


def test_each_upload_ends_its_connection(program: Path) -> None:
    for what in ("telegram", "prusaconnect", "post"):
        assert Request(said(program, what)).headers["Connection"] == "close"


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.inputs: dict[str, dict[str, str | None]] = {}
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        name = found.get("name")
        if tag == "input" and name is not None:
            self.inputs[name] = found


def test_a_browser_finds_every_field_on_the_control_page(program: Path) -> None:
    answer = response(said(program, "page"))
    text = answer.read().decode()
    page = _Page(text)
    assert answer.status == 200
    assert "script" not in page.tags
    assert page.inputs["name"]["value"] == "cam1"
    assert page.inputs["network1"]["value"] == '<"Fish & Chips">'
    assert page.inputs["heartbeat"]["type"] == "number"
    secrets = {name for name, found in page.inputs.items() if found["type"] == "password"}
    assert {"key", "password", "telegram_token", "prusaconnect_token", "network1_password"} <= secrets
    assert not any("value" in page.inputs[name] for name in secrets)


def test_a_page_that_needs_the_password_asks_for_it(program: Path) -> None:
    answer = response(said(program, "refusal"))
    assert answer.status == 401
    assert str(answer.headers["WWW-Authenticate"]).startswith("Basic ")
    assert answer.read() == b"Unauthorized"


def test_the_stream_is_a_row_of_pictures(program: Path) -> None:
    answer = response(said(program, "stream"))
    content_type = answer.headers.get_content_type()
    boundary = f"--{answer.headers.get_param('boundary')}\r\n".encode()
    frames = answer.read().split(boundary)[1:]
    assert (answer.status, content_type, len(frames)) == (200, "multipart/x-mixed-replace", 2)
    for frame in frames:
        head, _, rest = frame.partition(b"\r\n\r\n")
        fields = email.message_from_bytes(head)
        assert fields.get_content_type() == "image/jpeg"
        assert rest[: int(str(fields["Content-Length"]))] == PICTURE


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_what_a_browser_posts_is_taken_and_kept(program: Path, pieces: int) -> None:
    fields = {"name": "cam2", "network1": 'Fish & "Chips" ÄÖ', "server1": "A=[2001:db8::1]:8443", "key": ""}
    body = urlencode(fields).encode()
    head = f"POST / HTTP/1.1\r\nHost: cam\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    done = subprocess.run([program, "take", str(pieces)], input=head + body, capture_output=True, check=True)
    kept = dict(line.split("=", 1) for line in done.stdout.decode().splitlines())
    assert kept["name"] == "cam2"
    assert kept["network1"] == "Fish%20%26%20%22Chips%22%20%C3%84%C3%96"
    assert kept["server1"] == "A%3D%5B2001%3Adb8%3A%3A1%5D%3A8443"
