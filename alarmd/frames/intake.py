"""The way of every picture into the house: checked, written to the archive, told to the rules, committed.

Checking and writing happen in threads; the loop only hands on. What is written and then refused by the rules, or cut
off by a crash before they heard of it, lies in the archive without being known; rebuilding the index finds it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from alarmd.core.inputs import PictureReceived
from alarmd.core.instant import Instant
from alarmd.core.records import Picture, Record, Trigger
from alarmd.core.refusals import UNAVAILABLE, RequestRefusedError
from alarmd.frames.archive import Archive
from alarmd.frames.decoding import is_large
from alarmd.frames.errors import ArchiveError, ArchiveFullError
from alarmd.frames.jpeg import Inspected, check, develop
from alarmd.frames.keys import picture_key, thumbnail_key

Made = TypeVar("Made")

_log = structlog.get_logger(__name__)

THREADS = 4  # two cores decode, the others wait for the disk
TELL_EVERY = 60.0  # s between two log lines that tell why nothing can be stored; each sender hears only that
MAX_WAITING = 128  # pictures that are being taken in; each holds its bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """captured_at: wall µs as its source says; None: when it arrived. upload: the id that it was asked for or sent by;
    empty: none. was_announced: see PictureReceived."""

    device: str
    data: bytes = field(repr=False)
    trigger: Trigger
    captured_at: int | None = None
    upload: str = ""
    was_announced: bool = False


class Intake:
    """submit: to the rules; returns what they stored, once it is committed, or raises RequestRefusedError. stored:
    called with every picture that is new. full: called when there was no room for one."""

    def __init__(
        self,
        archive: Archive,
        submit: Callable[[PictureReceived], Awaitable[tuple[Record, ...]]],
        now: Callable[[], Instant],
        stored: Callable[[Picture], None] = lambda _picture: None,
        full: Callable[[], None] = lambda: None,
    ) -> None:
        self._archive = archive
        self._submit = submit
        self._now = now
        self._stored = stored
        self._full = full
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pictures")
        self._large = ThreadPoolExecutor(1, thread_name_prefix="large-pictures")
        self._waiting = 0
        self._tells_from = 0.0  # mono

    def __len__(self) -> int:
        """Pictures that are being taken in."""
        return self._waiting

    async def take(self, upload: Upload) -> Picture | None:
        """The picture, once it is stored and committed; None: it is, and this is that one sent again. Raises
        PictureRefusedError, ArchiveError, RequestRefusedError."""
        if self._waiting >= MAX_WAITING:
            raise ArchiveError(f"{MAX_WAITING} pictures are being stored already; send it again")
        self._waiting += 1
        try:
            return await self._take(upload, self._now().wall)
        except ArchiveFullError:
            self._full()
            raise
        except ArchiveError as error:
            self._tell(error)
            raise
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._large.shutdown(wait=False, cancel_futures=True)

    async def _take(self, upload: Upload, received_at: int) -> Picture | None:
        found = await self._inspected(upload.data)
        key = picture_key(upload.device, received_at, found.digest)
        fresh = await self._in_thread(self._write, key, found)
        try:
            picture = await self._known(_received(upload, received_at, key, found))
        except RequestRefusedError as refused:
            if fresh and refused.reason != UNAVAILABLE:  # that one may yet be stored, when the database is back
                await self._in_thread(self._remove, key)
            raise
        if picture is not None:
            self._stored(picture)
        elif fresh:
            await self._in_thread(self._remove, key)
        return picture

    async def _inspected(self, data: bytes) -> Inspected:
        """Large ones wait in a thread of their own for each other, or they would have all threads wait."""
        mended = await self._in_thread(check, data)
        if is_large(mended.outline.width, mended.outline.height):
            return await asyncio.get_running_loop().run_in_executor(self._large, develop, mended)
        return await self._in_thread(develop, mended)

    async def _known(self, received: PictureReceived) -> Picture | None:
        picture = next(iter(await self._submit(received)), None)
        assert picture is None or isinstance(picture, Picture)
        return picture

    async def _in_thread(self, work: Callable[..., Made], *arguments: Any) -> Made:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def _tell(self, error: ArchiveError) -> None:
        mono = self._now().mono
        if mono >= self._tells_from:
            self._tells_from = mono + TELL_EVERY
            _log.error("no picture can be stored", reason=str(error))

    def _write(self, key: str, found: Inspected) -> bool:
        """Whether it was not there before: what was may be a picture that is acknowledged."""
        fresh = not self._archive.path(key).exists()
        self._archive.write(thumbnail_key(key), found.thumbnail)
        self._archive.write(key, found.data)
        return fresh

    def _remove(self, key: str) -> None:
        self._archive.delete(key)
        self._archive.delete(thumbnail_key(key))


def _received(upload: Upload, received_at: int, key: str, found: Inspected) -> PictureReceived:
    return PictureReceived(
        device=upload.device,
        key=key,
        captured_at=upload.captured_at,
        received_at=received_at,
        trigger=upload.trigger,
        upload=upload.upload,
        digest=found.digest,
        size=len(found.data),
        width=found.width,
        height=found.height,
        repair=found.repair,
        was_announced=upload.was_announced,
    )
