"""Pictures that the server asks cameras for, see core/capture.py: fetched, and taken in like any other.

A camera serves one request at a time well, and a dead one holds its place until it is given up. So each is asked for
one picture after the other, and cameras asked by schedule leave places for those that an alarm or a person waits for.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from alarmd.core.effects import FetchPicture
from alarmd.core.inputs import PictureFailed
from alarmd.core.records import Trigger
from alarmd.core.refusals import RequestRefusedError
from alarmd.frames.camera_request import CameraError, ask_for_picture
from alarmd.frames.errors import ArchiveError, PictureRefusedError
from alarmd.frames.intake import Upload
from alarmd.storage.interface import StorageError

BY_SCHEDULE = 16  # requests under way at a time
BY_OTHERS = 8
OF_ONE_CAMERA = 4  # under way and waiting; one that is asked by schedule is asked again anyway, so it never waits
MAX_REQUESTS = 1000  # under way and waiting, of all cameras

_log = structlog.get_logger(__name__)


class _Camera:
    """One that is being asked."""

    __slots__ = ("requests", "turn")

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.requests = 0


class Puller:
    """take: returns once the picture is stored. failed: told when there is none. Belongs to the loop's thread."""

    def __init__(self, take: Callable[[Upload], Awaitable[object]], failed: Callable[[PictureFailed], None]) -> None:
        self._take = take
        self._failed = failed
        self._scheduled = asyncio.Semaphore(BY_SCHEDULE)
        self._others = asyncio.Semaphore(BY_OTHERS)
        self._cameras: dict[str, _Camera] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Requests under way and waiting."""
        return len(self._tasks)

    def fetch(self, wanted: FetchPicture) -> None:
        """Returns at once."""
        loop = asyncio.get_running_loop()
        busy = self._why_not(wanted)
        if busy:  # told later: the rules are in the middle of the turn that asks
            loop.call_soon(self._failed, PictureFailed(wanted.device, wanted.upload, busy))
            return
        self._cameras.setdefault(wanted.device, _Camera()).requests += 1
        task = loop.create_task(self._serve(wanted), name="pull")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Pictures under way are given up; nobody is told, for the server stops."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _why_not(self, wanted: FetchPicture) -> str:
        camera = self._cameras.get(wanted.device)
        limit = 1 if wanted.trigger is Trigger.SCHEDULE else OF_ONE_CAMERA
        if camera is not None and camera.requests >= limit:
            return "it is still being asked for the picture before"
        return f"{MAX_REQUESTS} cameras are being asked already" if len(self._tasks) >= MAX_REQUESTS else ""

    async def _serve(self, wanted: FetchPicture) -> None:
        camera = self._cameras[wanted.device]
        # Who waits for a place by schedule must not keep an alarm's request from the same camera meanwhile.
        scheduled = wanted.trigger is Trigger.SCHEDULE
        first, then = (self._scheduled, camera.turn) if scheduled else (camera.turn, self._others)
        try:
            async with first, then:
                reason = await self._reason_against(wanted)
        finally:
            camera.requests -= 1
            if not camera.requests:
                del self._cameras[wanted.device]
        if reason:
            self._failed(PictureFailed(wanted.device, wanted.upload, reason))

    async def _reason_against(self, wanted: FetchPicture) -> str:
        """Empty: the picture is stored."""
        try:
            data = await ask_for_picture(wanted.url)
            await self._take(Upload(wanted.device, data, wanted.trigger, upload=wanted.upload))
        except PictureRefusedError as refused:
            return refused.message
        except RequestRefusedError as refused:
            return refused.message
        except (CameraError, ArchiveError, StorageError) as error:
            return str(error)
        except Exception as error:  # a defect; its text may hold the URL
            _log.error("asking a camera failed by a defect", device=wanted.device, error=type(error).__name__)
            return "the server failed on this request; its log says more"
        return ""
