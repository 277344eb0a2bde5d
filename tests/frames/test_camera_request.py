"""Asking a camera's web server for a picture."""

import base64
import hashlib
import re
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from alarmd.frames import camera_request
from alarmd.frames.camera_request import MAX_BYTES, CameraError, ask_for_picture
from tests.frames.camera import PICTURE, STILL, answer, camera
from tests.needs import need_program

USER, PASSWORD = "anna", "p@ss:wörd"
QUOTED = "anna:p%40ss%3Aw%C3%B6rd@"
REALM, NONCE = "camera", "0123456789abcdef"
CHALLENGES = {
    "basic": 'WWW-Authenticate: Basic realm="camera"',
    "digest": f'WWW-Authenticate: Digest realm="{REALM}", nonce="{NONCE}", qop="auth", algorithm=MD5',
    "digest of RFC 2069": f'WWW-Authenticate: Digest realm="{REALM}", nonce="{NONCE}"',
    "sha-256": f'WWW-Authenticate: Digest realm="{REALM}", nonce="{NONCE}", qop="auth", algorithm=SHA-256',
}


async def refusal_of(url: str) -> str:
    with pytest.raises(CameraError) as refused:
        await ask_for_picture(url)
    said = str(refused.value)
    assert "127.0.0.1" not in said
    assert "http://127" not in said
    assert refused.value.__cause__ is None
    return said


def is_authorized(head: str) -> bool:
    """As a server checks it, from the definitions (RFC 7617; RFC 7616, section 3.4)."""
    found = re.search(r"^Authorization: (.*?)\r$", head, re.MULTILINE)
    if found is None:
        return False
    scheme, _, rest = found[1].partition(" ")
    if scheme == "Basic":
        return base64.b64decode(rest).decode() == f"{USER}:{PASSWORD}"
    said = {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|[^,\s]+)', rest)}
    algorithm = said.get("algorithm", "MD5").replace("-", "").lower()

    def hashed(text: str) -> str:
        return hashlib.new(algorithm, text.encode()).hexdigest()

    secret, asked = hashed(f"{USER}:{REALM}:{PASSWORD}"), hashed(f"GET:{said['uri']}")
    middle = [NONCE, said["nc"], said["cnonce"], said["qop"]] if "qop" in said else [NONCE]
    return said["response"] == hashed(":".join([secret, *middle, asked]))


async def test_a_jpeg_is_taken_whole_as_it_came() -> None:
    for body in (PICTURE, PICTURE + b"\r\n", PICTURE[1:], b"<html>"):
        async with camera(lambda _head, body=body: answer(body)) as one:  # type: ignore[misc]
            assert await ask_for_picture(one.url("/capture?quality=9")) == body
            assert one.heads[0].startswith("GET /capture?quality=9 HTTP/1.1\r\n")


async def test_without_a_length_the_answer_ends_with_the_connection() -> None:
    async with camera(lambda _head: b"HTTP/1.0 200 OK\nContent-type: image/jpeg\n\n" + PICTURE) as one:
        assert await ask_for_picture(one.url()) == PICTURE


@pytest.mark.parametrize(
    "kind", ["multipart/x-mixed-replace; boundary=--b", "video/x-mjpeg", "application/octet-stream"]
)
async def test_of_a_stream_the_first_picture_is_taken_and_the_rest_is_left(kind: str) -> None:
    part = b"--b\r\nContent-Type: image/jpeg\r\n\r\n" + PICTURE + b"\r\n"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode()
    async with camera(lambda _head: head + part * 2000) as one:
        assert await ask_for_picture(one.url("/stream")) == PICTURE


async def test_a_chunked_stream_like_the_esp32s_is_read() -> None:
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=1\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    pieces = [b"\r\n--1\r\n", b"Content-Type: image/jpeg\r\n\r\n", PICTURE, b"\r\n--1\r\n"]
    async with camera(lambda _head: head + b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in pieces)) as one:
        assert await ask_for_picture(one.url("/stream")) == PICTURE


@pytest.mark.parametrize("challenge", CHALLENGES)
async def test_the_password_of_the_url_is_given_when_it_is_asked_for(challenge: str) -> None:
    refused = answer(b"no" * 100_000, "text/plain", "401 Unauthorized", CHALLENGES[challenge])
    async with camera(lambda head: STILL if is_authorized(head) else refused) as one:
        assert await ask_for_picture(one.url("/capture?size=9", QUOTED)) == PICTURE
        assert len(one.heads) == 2
        assert "Authorization" not in one.heads[0]
        assert "anna:" not in "".join(one.heads)


async def test_a_password_that_nobody_asks_for_is_not_sent() -> None:
    async with camera(lambda _head: STILL) as one:
        await ask_for_picture(one.url(user=QUOTED))
        assert [("Authorization" in head, "anna" in head) for head in one.heads] == [(False, False)]


async def test_of_two_ways_the_one_that_hides_the_password_is_taken() -> None:
    both = answer(b"", "text/plain", "401 Unauthorized", CHALLENGES["basic"], CHALLENGES["digest"])
    async with camera(lambda head: STILL if is_authorized(head) else both) as one:
        assert await ask_for_picture(one.url(user=QUOTED)) == PICTURE
        assert "Authorization: Digest" in one.heads[1]


@pytest.mark.parametrize(
    ("challenge", "user", "words"),
    [
        (CHALLENGES["basic"], "", "another name or password"),
        (CHALLENGES["basic"], "anna:wrong@", "another name or password"),
        (CHALLENGES["digest"], "anna:wrong@", "another name or password"),
        ("WWW-Authenticate: Negotiate", QUOTED, "neither Basic nor Digest"),
        ("X-Nothing: 1", QUOTED, "neither Basic nor Digest"),
        ('WWW-Authenticate: Digest realm="x", nonce="y", algorithm=ROT13', QUOTED, "kind of Digest"),
        ('WWW-Authenticate: Digest realm="x", nonce="y", qop="auth-int"', QUOTED, "kind of Digest"),
        ("WWW-Authenticate: Digest", QUOTED, "kind of Digest"),
        ("WWW-Authenticate: Digest nothing", QUOTED, "kind of Digest"),
    ],
)
async def test_a_password_that_does_not_help_is_told(challenge: str, user: str, words: str) -> None:
    refused = answer(b"", "text/plain", "401 Unauthorized", challenge)
    async with camera(lambda head: STILL if is_authorized(head) else refused) as one:
        said = await refusal_of(one.url(user=user))
        assert words in said
        assert "wrong" not in said


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(b"", "text/plain", "503 Busy"), "HTTP status 503"),
        (answer(b"", "text/plain", "302 Found", "Location: http://192.0.2.1/x"), "not followed"),
        (answer(b"<html>log in</html>", "text/html"), "ends before one whole picture"),
        (answer(PICTURE[:-2], "multipart/x-mixed-replace; boundary=b"), "ends before one whole picture"),
        (answer(PICTURE, "image/jpeg", "200 OK", "Content-Encoding: gzip"), "compressed"),
        (answer(bytes(MAX_BYTES + 1)), "more than 8000000 bytes"),
        (answer(bytes(MAX_BYTES + 1), "multipart/x-mixed-replace; boundary=b"), "no whole picture in 8000000 bytes"),
        (STILL[:-100], "broke off"),
        (b"SSH-2.0-dropbear\r\n", "no HTTP"),
        (b"", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "no HTTP"),
    ],
)
async def test_what_is_no_picture_is_told_without_the_url(said: bytes, words: str) -> None:
    async with camera(lambda _head: said) as one:
        assert words in await refusal_of(one.url(user=QUOTED))


async def test_a_redirect_is_not_followed() -> None:
    async with camera(lambda _head: STILL) as inside:
        moved = answer(b"", "text/plain", "302 Found", f"Location: {inside.url()}")
        async with camera(lambda _head: moved) as one:
            await refusal_of(one.url())
        assert inside.heads == []


async def test_a_camera_that_is_off_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert "it is off" in await refusal_of(f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert "it is off" in await refusal_of("http://no-such-host.invalid/")


async def test_a_connection_that_breaks_off_is_told() -> None:
    def break_off(_head: str) -> bytes:
        raise ConnectionResetError

    async with camera(break_off) as one:
        assert "the connection to it broke off" in await refusal_of(one.url())


async def test_a_camera_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_request, "SILENCE_PATIENCE", 0.05)
    async with camera(lambda _head: None) as one:
        assert "nothing came from it" in await refusal_of(one.url())


async def test_a_camera_that_never_comes_to_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_request, "PATIENCE", 0.05)
    async with camera(lambda _head: None) as one:
        assert "no whole picture came" in await refusal_of(one.url())


async def test_a_machine_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_request, "CONNECT_PATIENCE", 0.05)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:  # the kernel's queue for connections that nobody accepts
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        try:
            assert "no connection to it within" in await refusal_of(f"http://127.0.0.1:{full.getsockname()[1]}/")
        finally:
            for one in waiting:
                one.close()


@pytest.mark.parametrize("url", ["", "http://", "http:///x", "http://[::1", "ftp://192.0.2.1/", "file:///etc/passwd"])
async def test_what_is_no_url_of_a_camera_is_told(url: str) -> None:
    assert "its pull URL cannot be used" in await refusal_of(url)


async def test_a_certificate_that_nobody_signed_is_told(tmp_path: Path) -> None:
    openssl = need_program("openssl", "openssl")
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=camera"
    command = [openssl, *words.split(), "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "certificate")]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    async with camera(lambda _head: STILL, context) as one:
        said = await refusal_of(one.url().replace("http://", "https://"))
    assert "signed by nobody whom this machine trusts" in said
