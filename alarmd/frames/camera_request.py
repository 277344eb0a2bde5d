"""One picture from a camera's own web server: a JPEG, or the first picture of an MJPEG stream.

The URL may hold a name and a password, in its place for them or in its query. So nothing that is raised here repeats
it, and neither does any library: their errors are told in words of our own.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

import httpx

from alarmd.frames.errors import PictureFault, PictureRefusedError
from alarmd.frames.mjpeg import FirstPicture

MAX_BYTES = 8_000_000  # of an answer; each request under way may hold so many
CONNECT_PATIENCE = 5.0  # s
SILENCE_PATIENCE = 10.0  # s without a byte: an ESP32-CAM may need some for a picture in the dark
PATIENCE = 20.0  # s for all of it
OK, UNAUTHORIZED = 200, 401
# No compression, which could hold more than it seems; no open connection, of which small cameras have few.
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close", "User-Agent": "alarmd"}


class CameraError(Exception):
    """It gave no picture. The text is for people."""


async def ask_for_picture(url: str) -> bytes:
    """The bytes as they came, not yet checked. Raises CameraError."""
    try:
        async with asyncio.timeout(PATIENCE), _answer(_parsed(url)) as response:
            return await _picture_in(response)
    except (httpx.HTTPError, TimeoutError) as error:
        raise CameraError(_in_words(error)) from None
    except PictureRefusedError as refused:
        raise CameraError(refused.message) from None


@asynccontextmanager
async def _answer(url: httpx.URL) -> AsyncIterator[httpx.Response]:
    """Credentials are sent once they are asked for, and in the way that is asked for."""
    request = httpx.Request("GET", url.copy_with(userinfo=b""), headers=_HEADERS)
    timeout = httpx.Timeout(SILENCE_PATIENCE, connect=CONNECT_PATIENCE)
    # A client of its own, so that no camera's cookie goes to another; no proxy of the environment's: it is at home.
    async with httpx.AsyncClient(verify=_trusted(), trust_env=False, timeout=timeout) as client:
        response = await client.send(request, stream=True, follow_redirects=False)
        if response.status_code == UNAUTHORIZED and url.userinfo:
            await response.aclose()
            authorized = _authorized(request, response, url)
            response = await client.send(authorized, stream=True, follow_redirects=False)
        try:
            _check(response)
            yield response
        finally:
            await response.aclose()


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise CameraError("its pull URL cannot be used; write http://HOST/PATH or http://NAME:PASSWORD@HOST/PATH")
    return parsed


def _authorized(request: httpx.Request, refused: httpx.Response, url: httpx.URL) -> httpx.Request:
    """The request once more, with what the refusal asks for (RFC 7616, RFC 7617)."""
    offered = [scheme.partition(" ")[0].lower() for scheme in refused.headers.get_list("WWW-Authenticate")]
    if "digest" in offered:
        return _by_digest(request, refused, url)
    if "basic" in offered:
        return next(httpx.BasicAuth(url.username, url.password).auth_flow(request))
    raise CameraError("it asks for a password in a way that is neither Basic nor Digest")


def _by_digest(request: httpx.Request, refused: httpx.Response, url: httpx.URL) -> httpx.Request:
    steps = httpx.DigestAuth(url.username, url.password).auth_flow(request)
    next(steps)  # the request that was refused
    try:
        return steps.send(refused)
    except (httpx.HTTPError, KeyError, NotImplementedError, StopIteration, ValueError):  # it cannot read that
        raise CameraError("it asks for a password by a kind of Digest that is not supported") from None


def _check(response: httpx.Response) -> None:
    status = response.status_code
    if status == UNAUTHORIZED:
        raise CameraError(
            "it wants another name or password: set the pull URL again, as http://NAME:PASSWORD@HOST/PATH"
        )
    if response.is_redirect:
        raise CameraError("it answers with another address, which is not followed: set that as its pull URL")
    if status != OK:
        raise CameraError(f"it answers with HTTP status {status}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise CameraError("its answer is compressed, though that was not asked for")


async def _picture_in(response: httpx.Response) -> bytes:
    """What says that it is a picture is taken whole: what is wrong with it can be mended, or told, by who checks it."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind.startswith("image/"):
        return await _whole(response)
    first = FirstPicture(MAX_BYTES)
    async for chunk in response.aiter_raw():
        found = first.feed(chunk)
        if found is not None:
            return found
    raise CameraError("its answer ends before one whole picture: is this the path of a picture or an MJPEG stream?")


async def _whole(response: httpx.Response) -> bytes:
    data = bytearray()
    async for chunk in response.aiter_raw():
        data += chunk
        if len(data) > MAX_BYTES:
            raise PictureRefusedError(
                PictureFault.TOO_LONG, f"its picture has more than {MAX_BYTES} bytes: lower its resolution or quality"
            )
    return bytes(data)


def _in_words(error: Exception) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection to it within {CONNECT_PATIENCE:.0f} s"
    if isinstance(error, httpx.TimeoutException):
        return f"nothing came from it for {SILENCE_PATIENCE:.0f} s"
    if isinstance(error, TimeoutError):
        return f"no whole picture came from it within {PATIENCE:.0f} s"
    if isinstance(error, httpx.ConnectError):
        return _why_no_connection(error)
    if isinstance(error, httpx.RemoteProtocolError):
        return "its answer broke off, or is no HTTP"
    return "the connection to it broke off"


def _why_no_connection(error: BaseException) -> str:
    """By what it came from: its own text may name the host."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        return "its certificate is signed by nobody whom this machine trusts; use http:// at home, or trust its issuer"
    return "no connection to it: it is off, or has another address"


@cache
def _trusted() -> ssl.SSLContext:
    """Whom the machine trusts, an authority of the house's own among them."""
    return ssl.create_default_context()
