"""The destination "prusaconnect": pictures for PrusaConnect, which shows each camera's newest one as live.

Its camera interface is OpenAPI 0.22 (connect.prusa3d.com/docs/cameras/openapi): PUT /c/snapshot and PUT /c/info, with
the camera's Token and a Fingerprint that the first picture binds to it. Every camera is a recipient. Only what is live
is shown: of pictures that wait the newest is sent, and none that is older than STALE.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx
import structlog

from alarmd import __version__
from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import Picture
from alarmd.core.state import State
from alarmd.frames.archive import Archive
from alarmd.frames.errors import MissingError, PictureRefusedError
from alarmd.frames.shrink import shrunk
from alarmd.relays.http_answers import retry_after
from alarmd.relays.interface import Delivered, GiveUp, Later, Obsolete, Outcome, TryAgain
from alarmd.storage.interface import Lease

SPACING = 10.0  # s between two pictures of a camera; the service takes no more
STALE = 60 * SECOND  # µs after which a picture is not live
MAX_SNAPSHOT = 8_000_000  # bytes; the document says 16 MB, uploaders in the field are refused above 8 MiB
LEAST_SNAPSHOT = 100_000  # bytes; who finds even this too large (413) takes no pictures
REFUSED = 3600.0  # s that a camera is left alone after its token was refused: one dead letter an hour, not 360
UNFIT = 300.0  # s after anything else of it was refused
CONNECTIONS = 16
TIMEOUTS = httpx.Timeout(connect=5.0, write=45.0, read=10.0, pool=5.0)  # s; what takes longer to send is STALE
THREADS = 2
MAX_ANSWER = 2000  # bytes of an error that are read
TRY_AGAIN = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY)  # of the 400s
NO_CAMERA = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
DESCRIBED = {"driver": "alarmd", "firmware": __version__, "manufacturer": "alarmd", "model": "LFCP camera"}
_CODE = re.compile(rb'"code"\s*:\s*"([A-Z][A-Z_]{0,63})"')

_log = structlog.get_logger(__name__)


def fingerprint(token: str) -> str:
    """64 hexadecimal digits, SHA-256 as PrusaConnect's SDK makes it, but of the token: the service lets a token keep
    the fingerprint that it came with first, so what follows from the token alone outlives a new machine, a restored
    backup and a renamed camera, and no two cameras share one."""
    return hashlib.sha256(f"alarmd camera {token}".encode()).hexdigest()


def trigger_scheme(every: float) -> str:
    """The interface's word for a picture every so many seconds."""
    return "TEN_SEC" if every < 30 else "THIRTY_SEC" if every < 60 else "SIXTY_SEC"


def said_of(state: State, device: str) -> Mapping[str, str]:
    """What a device said of itself when it uploaded in this manner: texts in `config` of its own /c/info."""
    session = state.sessions.get(device)
    camera = state.cameras.get(session.device.id) if session else None
    try:
        said = json.loads(camera.info)["config"].items() if camera and camera.info else ()
    except (ValueError, LookupError, TypeError, AttributeError):  # cut off, or of another form
        return {}
    return {name: text for name, text in said if isinstance(text, str)}


@dataclass(slots=True)
class _Camera:
    """newest: the id of the newest live picture that came. next_at, refused_until: monotonic s. told: its info."""

    name: str
    token: str = field(repr=False)
    line: asyncio.Lock = field(default_factory=asyncio.Lock)
    newest: int = 0
    next_at: float = 0.0
    refusal: str = ""
    refused_until: float = 0.0
    told: bytes = b""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    code: str  # the service's own, of an error
    wait: float | None  # s

    @property
    def text(self) -> str:
        return f"it answers {self.status} {self.code}".rstrip()


class PrusaConnect:
    """tokens: of cameras by device. every: s between pictures, as configured. about: what a device said of itself."""

    def __init__(
        self,
        api: str,
        tokens: Mapping[str, str],
        every: float,
        about: Callable[[str], Mapping[str, str]],
        archive: Archive,
        now: Callable[[], Instant],
    ) -> None:
        self._cameras = {name: _Camera(name, token) for name, token in tokens.items()}
        self._trigger_scheme = trigger_scheme(every)
        self._about = about
        self._archive = archive
        self._now = now
        self._limit = MAX_SNAPSHOT
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="prusaconnect")
        limits = httpx.Limits(max_connections=CONNECTIONS)
        self._client = httpx.AsyncClient(base_url=api, timeout=TIMEOUTS, limits=limits, follow_redirects=False)

    async def deliver(self, lease: Lease) -> Outcome:
        camera = self._cameras.get(lease.delivery.recipient)
        if camera is None:
            return Obsolete("this camera is no longer configured here")
        if lease.picture is None:
            return Obsolete("the picture was deleted meanwhile")
        picture = lease.picture.picture
        if self._is_live(picture):
            camera.newest = max(camera.newest, picture.id)
        await asyncio.sleep(0)  # pictures that were claimed together know of each other first
        async with camera.line:
            return self._not_now(camera, picture) or await self._show(camera, picture)

    def busy(self, *, urgent: bool) -> Mapping[str, float]:  # noqa: ARG002  of the interface
        mono = self._now().mono
        waits = {camera.name: camera.next_at - mono for camera in self._cameras.values()}
        return {name: seconds for name, seconds in waits.items() if seconds > 0}

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._client.aclose()

    def _not_now(self, camera: _Camera, picture: Picture) -> Outcome | None:
        mono = self._now().mono
        if not self._is_live(picture):
            return Obsolete(f"taken more than {STALE // SECOND} s ago, and PrusaConnect would show it as live")
        if picture.id < camera.newest:
            return Obsolete("a newer picture of this camera takes its place")
        if mono < camera.refused_until:
            return Obsolete(camera.refusal)
        return Later(camera.next_at - mono) if mono < camera.next_at else None

    def _is_live(self, picture: Picture) -> bool:
        """A source whose clock is ahead is not believed; what came in the future came before our clock was set back."""
        return abs(self._now().wall - min(picture.captured_at, picture.received_at)) <= STALE

    async def _show(self, camera: _Camera, picture: Picture) -> Outcome:
        try:
            answer = await self._snapshot(camera, picture)
        except MissingError:
            return Obsolete("the picture was deleted meanwhile")
        except PictureRefusedError as refused:
            return GiveUp(refused.message)
        except httpx.HTTPError as error:
            return TryAgain(None, f"no answer: {type(error).__name__}")
        outcome = self._outcome(camera, answer)
        if isinstance(outcome, Delivered):
            await self._introduce(camera, picture)
        return outcome

    async def _snapshot(self, camera: _Camera, picture: Picture) -> _Answer:
        """Sent smaller and smaller while it is too large; how small is remembered for all that follow."""
        while True:
            data = await asyncio.get_running_loop().run_in_executor(self._threads, self._fitting, picture.key)
            camera.next_at = self._now().mono + SPACING
            answer = await self._put(camera, "/c/snapshot", data, "image/jpg")
            if answer.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE or len(data) <= LEAST_SNAPSHOT:
                return answer
            self._limit = max(LEAST_SNAPSHOT, len(data) // 2)

    def _fitting(self, key: str) -> bytes:
        return shrunk(self._archive.read(key), self._limit)

    async def _introduce(self, camera: _Camera, picture: Picture) -> None:
        """After the picture, which does not wait for it and is no less shown without it."""
        info = self._info(camera.name, picture)
        if info == camera.told:
            return
        try:
            answer = await self._put(camera, "/c/info", info, "application/json")
        except httpx.HTTPError:
            return  # told with the next picture
        if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            camera.told = info
        if answer.status >= HTTPStatus.BAD_REQUEST:
            _log.warning("what a camera is could not be told", device=camera.name, reason=answer.text)

    def _info(self, name: str, picture: Picture) -> bytes:
        """As little as names the camera: nothing of the network that it is in."""
        resolution = {"width": picture.width, "height": picture.height}
        about = self._about(name)
        described = {key: about.get(key) or usual for key, usual in DESCRIBED.items()}
        config = {"name": name, "trigger_scheme": self._trigger_scheme, "resolution": resolution, **described}
        options = {"available_resolutions": [resolution]}
        return json.dumps({"config": config, "options": options, "capabilities": ["imaging"]}).encode()

    async def _put(self, camera: _Camera, path: str, content: bytes, media_type: str) -> _Answer:
        proof = {"Token": camera.token, "Fingerprint": fingerprint(camera.token)}
        headers = {**proof, "Content-Type": media_type, "User-Agent": f"alarmd/{__version__}"}
        async with self._client.stream("PUT", path, content=content, headers=headers) as response:
            wait = retry_after(response.headers.get("Retry-After", ""), self._now().wall)
            return _Answer(response.status_code, await _code(response), wait)

    def _outcome(self, camera: _Camera, answer: _Answer) -> Outcome:
        status = answer.status
        if HTTPStatus(200) <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Delivered()
        if status == HTTPStatus.TOO_MANY_REQUESTS:  # of this camera; no other is to wait for it
            wait = max(answer.wait or 0.0, SPACING)
            camera.next_at = self._now().mono + wait
            return Later(wait)
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in TRY_AGAIN:
            return GiveUp(self._refused(camera, answer))
        return TryAgain(answer.wait, answer.text)

    def _refused(self, camera: _Camera, answer: _Answer) -> str:
        """A refused camera is not asked again for each of its pictures; what to do is told now and then."""
        camera.refusal = f"{camera.name}: {answer.text}"
        camera.refused_until = self._now().mono + UNFIT
        if answer.status in NO_CAMERA:
            camera.refusal += "; make a new camera in PrusaConnect and put its token here: this one is unknown there, "
            camera.refusal += "or belongs to another uploader"
            camera.refused_until = self._now().mono + REFUSED
        return camera.refusal


async def _code(response: httpx.Response) -> str:
    """What the service calls the error; its text is not repeated, for it may quote a token."""
    if response.is_success:
        return ""
    read = b""
    async for part in response.aiter_raw():
        read += part
        if len(read) >= MAX_ANSWER:
            break
    found = _CODE.search(read[:MAX_ANSWER])
    return found[1].decode() if found else ""
