"""Looks after the archive while the server runs: days are sealed, and what is too old or too much goes.

One thread works at a time, as manifests.py asks for. Between two portions the loop and the database's writer have their
turn, so that a million pictures may go beside heartbeats.

Room is made before a picture has to be refused: as soon as less than half of the slack above the reserve is free.
Pictures of alarms never make room before their own time is over; if nothing else is left, new ones are refused, and
that is told.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

import structlog

from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import Picture
from alarmd.frames.archive import Archive, Room
from alarmd.frames.errors import ArchiveError
from alarmd.frames.keys import day_of
from alarmd.frames.retention import ALL, BATCH, DAY, NOTHING, Amount, Retention, amount_of, portions
from alarmd.metrics import Metrics, catalogue
from alarmd.storage.interface import Expendable, Reader, StorageError

LOOK_EVERY = 10.0  # s; at 100 pictures/s of 50 kB half of the usual slack lasts for 25 s
TIDY_EVERY = 3600.0  # s between two searches for what is too old
RETRY = 60.0  # s after a failure, or when there was nothing that may go
BREATH = 0.02  # s between two portions
SEAL_AFTER = 300 * SECOND  # µs after midnight UTC: what was on its way is stored by then
SLACK = 256_000_000  # bytes that are freed beyond the reserve, so that not every picture has to make its own room
SLACK_SHARE = 50  # on a small disk: one part in so many

Made = TypeVar("Made")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long pictures are kept, and those of alarms; how many at most, 0: as many as fit."""

    keep_days: int
    keep_alarm_days: int
    keep_bytes: int = 0
    keep_pictures: int = 0


class Upkeep:
    """drop: forgets rows of pictures by their ids, on the database's writer; raises StorageError."""

    def __init__(
        self,
        archive: Archive,
        reader: Reader,
        drop: Callable[[Sequence[int]], Awaitable[None]],
        limits: Limits,
        now: Callable[[], Instant],
        metrics: Metrics,
    ) -> None:
        self._archive = archive
        self._reader = reader
        self._retention = Retention(archive, reader)
        self._drop = drop
        self._limits = limits
        self._now = now
        self._metrics = metrics
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="archive-upkeep")
        self._woken = asyncio.Event()
        self._full = False
        self._held = NOTHING
        self._oldest: int | None = None
        self._tidied: float | None = None  # monotonic s
        self._sealed: date | None = None  # the days before this one are
        self._sealed_at = self._seal_at = now().mono
        self._in_vain_until = 0.0

    def stored(self, picture: Picture) -> None:
        """One more is in the archive."""
        self._held = Amount(self._held.pictures + 1, self._held.bytes + picture.size)

    def full(self) -> None:
        """One was refused for want of room."""
        self._full = True
        if self._now().mono >= self._in_vain_until:
            self._woken.set()

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            pause = LOOK_EVERY
            try:
                await self.look()
            except (ArchiveError, StorageError) as error:
                _log.warning("the archive could not be looked after, next try in a minute", reason=str(error))
                self._in_vain_until = self._now().mono + RETRY
                pause = RETRY
            self._woken.clear()
            await _within(pause, self._woken)

    async def look(self) -> None:
        """Do what is due. Raises ArchiveError, StorageError; what was done stays done."""
        now = self._now()
        if self._tidied is None or now.mono - self._tidied >= TIDY_EVERY:
            await self._delete(catalogue.AGE, self._wish(now.wall - self._limits.keep_days * DAY), ALL)
            await self._count()
            self._tidied = now.mono
        today = day_of(now.wall - SEAL_AFTER)
        if today != self._sealed and now.mono >= self._seal_at:
            await self._end_days(today)
        await self._make_room()
        self._show(await self._in_thread(self._archive.room))

    async def _make_room(self) -> None:
        surplus = self._surplus(await self._in_thread(self._archive.room))
        if not surplus or self._now().mono < self._in_vain_until:
            return
        left = surplus - await self._delete(catalogue.ROOM, self._wish(self._now().wall + DAY), surplus)
        self._full = False
        if left:
            self._in_vain_until = self._now().mono + RETRY
            _log.warning(
                "the archive is full and holds nothing more that may go: pictures of alarms until keep_alarm_days, of "
                "open alarms, and those that a destination waits for; see `alarmd archive status`",
                bytes_wanted=left.bytes,
                pictures_wanted=left.pictures,
            )

    def _surplus(self, room: Room) -> Amount:
        limits, held = self._limits, self._held
        slack = min(SLACK, room.total // SLACK_SHARE)
        short = room.reserve + slack - room.free
        of_disk = short if self._full or short > slack // 2 else 0
        of_bytes = held.bytes - limits.keep_bytes if limits.keep_bytes else 0
        of_pictures = held.pictures - limits.keep_pictures if limits.keep_pictures else 0
        return Amount(max(0, of_pictures), max(0, of_disk, of_bytes))

    def _wish(self, before: int) -> Expendable:
        return Expendable(before, self._now().wall - self._limits.keep_alarm_days * DAY)

    async def _delete(self, why: str, wish: Expendable, wanted: Amount) -> Amount:
        """The oldest first. Returns what went."""
        total, more = NOTHING, True
        while more and (wanted - total):
            chosen = await self._in_thread(self._retention.choose, wish, wanted - total)
            for device, pictures in _by_camera(chosen):
                total += await self._delete_of(device, pictures)
            more = len(chosen) == BATCH
            if chosen:
                wish = Expendable(wish.before, wish.alarms_before, (chosen[-1].received_at, chosen[-1].id))
        if total:
            self._metrics.archive_deleted(why, total.pictures)
            _log.info("pictures deleted", why=why, pictures=total.pictures, bytes=total.bytes)
        return total

    async def _delete_of(self, device: str, pictures: Sequence[Picture]) -> Amount:
        """One camera's. What is wrong with its manifests keeps only its own pictures."""
        total = NOTHING
        for part in portions(pictures):
            try:
                await self._in_thread(self._retention.delete, device, [one.key for one in part], self._now().wall)
            except ArchiveError as error:
                _log.error("pictures could not be deleted", device=device, reason=str(error))
                break
            await self._drop([one.id for one in part])
            total += amount_of(part)
            self._held -= amount_of(part)
            await asyncio.sleep(BREATH)
        return total

    async def _count(self) -> None:
        totals = await self._in_thread(self._reader.picture_totals)
        self._held = Amount(sum(one.pictures for one in totals), sum(one.bytes for one in totals))
        self._oldest = min((one.oldest for one in totals), default=None)

    async def _end_days(self, today: date) -> None:
        """Seal what is over, and let the oldest days go, camera by camera."""
        totals = await self._in_thread(self._reader.picture_totals)
        failed = False
        for device in sorted({one.device for one in totals} | set(await self._in_thread(self._archive.cameras))):
            try:
                await self._in_thread(self._end_days_of, device, today)
            except ArchiveError as error:
                failed = True
                _log.error("a day could not be sealed, next try in an hour", device=device, reason=str(error))
            await asyncio.sleep(BREATH)
        if failed:
            self._seal_at = self._now().mono + TIDY_EVERY
        else:
            self._sealed, self._sealed_at = today, self._now().mono

    def _end_days_of(self, device: str, today: date) -> None:
        limits, wall = self._limits, self._now().wall
        self._retention.drop_films(device, day_of(wall - limits.keep_days * DAY))
        self._retention.sweep(device, day_of(wall - max(limits.keep_days, limits.keep_alarm_days) * DAY), wall)
        self._retention.seal(device, today)

    def _show(self, room: Room) -> None:
        now = self._now()
        oldest = 0.0 if self._oldest is None else max(0, now.wall - self._oldest) / SECOND
        self._metrics.archive(
            {
                catalogue.ARCHIVE_PICTURES: self._held.pictures,
                catalogue.ARCHIVE_BYTES: self._held.bytes,
                catalogue.ARCHIVE_OLDEST_AGE: oldest,
                catalogue.ARCHIVE_FREE_BYTES: room.free,
                catalogue.ARCHIVE_RESERVE_BYTES: room.reserve,
                catalogue.ARCHIVE_SEALED_AGE: now.mono - self._sealed_at,
            }
        )

    async def _in_thread(self, work: Callable[..., Made], *arguments: Any) -> Made:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


def _by_camera(pictures: Iterable[Picture]) -> list[tuple[str, list[Picture]]]:
    """By the name that the device had."""
    found: defaultdict[str, list[Picture]] = defaultdict(list)
    for one in pictures:
        found[one.key.partition("/")[0]].append(one)
    return sorted(found.items())


async def _within(seconds: float, event: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
