"""The TCP connection on which one server gets a device's pictures: open while there are any, closed otherwise."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic

import structlog

from lfcp.client import ClientEvent, ClientSession, PictureAcknowledged
from lfcp.constants import SIGNED_MAX_FRAME, UPLOAD_ANSWER_MS, UPLOAD_NEVER

ANSWER_WAIT = UPLOAD_ANSWER_MS / 1000  # s
CHUNK = 64 * 1024  # bytes of a picture that are written at a time
LIVE_AGAIN = 1.0  # s before live pictures go on after a broken connection
MAX_LINE = 2 * SIGNED_MAX_FRAME  # bytes

_log = structlog.get_logger(__name__)

Camera = Callable[[], Awaitable[bytes]]  # takes a picture, a JPEG


class PictureLine:
    """label, address: the server's. camera: for live pictures. heard: is told of every event."""

    def __init__(
        self,
        label: str,
        address: tuple[str, int],
        session: ClientSession,
        camera: Camera,
        heard: Callable[[ClientEvent], None],
    ) -> None:
        self._label = label
        self._address = address
        self._session = session
        self._camera = camera
        self._heard = heard
        self._live_until = -math.inf
        self._wanted = asyncio.Event()
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None

    def wake(self) -> None:
        """There may be something to send."""
        self._wanted.set()

    def go_live(self, seconds: float) -> None:
        """Send pictures as fast as the server takes them, from now on for so long."""
        self._live_until = monotonic() + seconds
        self.wake()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._wanted.clear()
                await self.work()
                await self._nap()
        finally:
            self._hang_up()

    async def finish(self) -> None:
        """Until nothing waits any more."""
        while self._session.pictures_waiting(self._label) or self._is_live:
            self._wanted.clear()
            await self.work()
            if self._session.pictures_waiting(self._label):
                await self._nap()

    async def work(self) -> None:
        """Send what is due now, and hang up."""
        given_up = self._session.given_up
        try:
            while await self._send_next():
                pass
        except (OSError, TimeoutError, ValueError):  # of a line that is too long the last
            self._session.connection_broke(self._label, monotonic())
            if self._is_live:
                self._hang_up()
                await asyncio.sleep(LIVE_AGAIN)
        finally:
            self._hang_up()
        if self._session.given_up > given_up:
            _log.warning("a picture could not be uploaded", server=self._label)

    @property
    def _is_live(self) -> bool:
        return monotonic() < self._live_until

    async def _send_next(self) -> bool:
        """Pictures that are kept before live ones. False: nothing is due."""
        announced = self._session.poll_picture(self._label, monotonic())
        if announced is not None:
            await self._send(*announced)
        elif self._is_live:
            await self._send_live()
        return announced is not None or self._is_live

    async def _send_live(self) -> None:
        try:
            picture = await self._camera()
        except Exception:  # a camera's defect must not silence the device
            _log.exception("no live picture")
            self._live_until = -math.inf
            return
        answer = await self._send(self._session.live_line(self._label, picture), memoryview(picture))
        if answer.result == UPLOAD_NEVER:
            self._live_until = -math.inf

    async def _send(self, line: bytes, body: memoryview) -> PictureAcknowledged:
        """One picture, or a part of it, and its answer."""
        writer = await self._connected()
        writer.write(line + b"\n")
        for begin in range(0, max(len(body), 1), CHUNK):
            writer.write(body[begin : begin + CHUNK])
            async with asyncio.timeout(ANSWER_WAIT):
                await writer.drain()
        async with asyncio.timeout(ANSWER_WAIT):
            return await self._answer()

    async def _connected(self) -> asyncio.StreamWriter:
        if self._writer is None:
            async with asyncio.timeout(ANSWER_WAIT):
                self._reader, self._writer = await asyncio.open_connection(*self._address, limit=MAX_LINE)
        return self._writer

    async def _answer(self) -> PictureAcknowledged:
        while True:
            line = await self._reader.readline()
            if not line:
                raise ConnectionResetError
            for event in self._session.receive(self._label, line, monotonic()):
                self._heard(event)
                if isinstance(event, PictureAcknowledged):
                    return event

    async def _nap(self) -> None:
        """Until something is wanted or due again."""
        due = -math.inf if self._is_live else self._session.next_picture(self._label)
        with suppress(TimeoutError):
            async with asyncio.timeout(None if due == math.inf else max(due - monotonic(), 0.0)):
                await self._wanted.wait()

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
