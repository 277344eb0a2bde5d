"""Looks after the archive while the server runs: days are sealed, and what is too old or too much goes.

One thread works at a time, as manifests.py asks for. Between two portions the loop and the database's writer have their
turn, so that a million pictures may go beside heartbeats.

Room is made before a picture has to be refused: as soon as less than half of the slack above the reserve is free.
What a destination waits for goes when nothing else is left, and is told. Pictures of alarms never make room before
their own time is over; if there is nothing but those, new ones are refused, and that is told too.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

import structlog

from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import Picture
from alarmd.frames.aging import TIDY_EVERY, Aging
from alarmd.frames.archive import Archive, Room
from alarmd.frames.errors import ArchiveError
from alarmd.frames.forsaken import Forsaken
from alarmd.frames.keys import day_of
from alarmd.frames.limits import Limits
from alarmd.frames.retention import ALL, BATCH, DAY, NOTHING, Amount, Retention, amount_of, portions
from alarmd.metrics import Metrics, catalogue
from alarmd.storage.interface import Expendable, PictureFilter, Reader, StorageError

LOOK_EVERY = 10.0  # s; at 100 pictures/s of 50 kB half of the usual slack lasts for 25 s
RETRY = 60.0  # s after a failure, or when there was nothing that may go
BREATH = 0.02  # s between two portions
SEAL_AFTER = 300 * SECOND  # µs after midnight UTC: what was on its way is stored by then

Made = TypeVar("Made")
_log = structlog.get_logger(__name__)


class Upkeep:
    """drop: forgets rows of pictures by their ids, on the database's writer; raises StorageError."""

    def __init__(
        self,
        archive: Archive,
        reader: Reader,
        drop: Callable[[Sequence[int]], Awaitable[None]],
        forsaken: Forsaken,
        limits: Limits,
        now: Callable[[], Instant],
        metrics: Metrics,
    ) -> None:
        self._archive = archive
        self._reader = reader
        self._retention = Retention(archive, reader)
        self._drop = drop
        self._forsaken = forsaken
        self._limits = limits
        self._now = now
        self._metrics = metrics
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="archive-upkeep")
        self._woken = asyncio.Event()
        self._full = False
        self._held = self._came = NOTHING  # now, and since the start
        self._oldest: int | None = None
        self._counted = False
        self._aging = Aging(limits.keep_days * DAY, now())
        self._sealed: date | None = None  # the days before this one are
        self._sealed_at = self._seal_at = now().mono
        self._in_vain_until = 0.0

    def stored(self, picture: Picture) -> None:
        """One more is in the archive."""
        self._held += amount_of([picture])
        self._came += amount_of([picture])

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
        newest = await self._in_thread(self._newest)
        if not self._counted:
            await self._count()
        if self._aging.look(now, newest):
            await self._tidy(now, newest)
        today = day_of(now.wall - SEAL_AFTER)
        if today != self._sealed and now.mono >= self._seal_at:
            await self._end_days(today)
        await self._make_room()
        self._forsaken.tell()
        self._show(await self._in_thread(self._archive.room))

    async def _tidy(self, now: Instant, newest: int | None) -> None:
        allowance = self._aging.allowance(now, newest, self._held)
        await self._delete(catalogue.AGE, self._limits.too_old(now.wall), allowance)
        if allowance == ALL:
            await self._of_each_camera("what is too old could not be deleted", self._tidy_one)
        await self._count()
        self._aging.tidied(now)

    async def _make_room(self) -> None:
        surplus = self._limits.surplus(self._held, await self._in_thread(self._archive.room), full=self._full)
        if not surplus or self._now().mono < self._in_vain_until:
            return
        for why, wish in self._limits.for_room(self._now().wall):
            surplus -= await self._delete(why, wish, surplus)
        self._full = False
        if surplus:
            self._in_vain_until = self._now().mono + RETRY
            _log.warning(
                "the archive is full and holds nothing more that may go: pictures of alarms until keep_alarm_days, and "
                "of open alarms; see `alarmd archive status`",
                bytes_wanted=surplus.bytes,
                pictures_wanted=surplus.pictures,
            )

    async def _delete(self, why: str, wish: Expendable, wanted: Amount) -> Amount:
        """The oldest first. Returns what went."""
        total, more = NOTHING, True
        while more and (wanted - total):
            chosen = await self._in_thread(self._retention.choose, wish, wanted - total)
            for device, pictures in _by_camera(chosen):
                total += await self._delete_of(device, pictures, awaited=wish.awaited)
            more = len(chosen) == BATCH
            if chosen:
                wish = replace(wish, after=(chosen[-1].received_at, chosen[-1].id))
        if total:
            self._metrics.archive_deleted(why, total.pictures)
            _log.info("pictures deleted", why=why, pictures=total.pictures, bytes=total.bytes)
        return total

    async def _delete_of(self, device: str, pictures: Sequence[Picture], *, awaited: bool) -> Amount:
        """One camera's. What is wrong with its manifests keeps only its own pictures."""
        total = NOTHING
        for part in portions(pictures):
            keys = [one.key for one in part]
            try:
                await self._in_thread(self._retention.delete, device, keys, self._now().wall)
            except ArchiveError as error:
                _log.error("pictures could not be deleted", device=device, reason=str(error))
                break
            if awaited:
                await self._forsaken.give_up(keys)
            await self._drop([one.id for one in part])
            total += amount_of(part)
            self._held -= amount_of(part)
            await asyncio.sleep(BREATH)
        return total

    def _newest(self) -> int | None:
        found = self._reader.pictures(PictureFilter(limit=1))
        return found[0].picture.received_at if found else None

    async def _count(self) -> None:
        """It takes seconds, in which more may come. What came just as it began may count twice until the next time."""
        came = self._came
        totals = await self._in_thread(self._reader.picture_totals)
        counted = Amount(sum(one.pictures for one in totals), sum(one.bytes for one in totals))
        self._held = counted + (self._came - came)
        self._oldest = min((one.oldest for one in totals), default=None)
        self._counted = True

    async def _end_days(self, today: date) -> None:
        if await self._of_each_camera("a day could not be sealed", lambda device: self._seal(device, today)):
            self._sealed, self._sealed_at = today, self._now().mono
        else:
            self._seal_at = self._now().mono + TIDY_EVERY

    async def _of_each_camera(self, failure: str, work: Callable[[str], None]) -> bool:
        """Whether it could be done for all of them."""
        totals = await self._in_thread(self._reader.picture_totals)
        failed = False
        for device in sorted({one.device for one in totals} | set(await self._in_thread(self._archive.cameras))):
            try:
                await self._in_thread(work, device)
            except ArchiveError as error:
                failed = True
                _log.error(f"{failure}, next try in an hour", device=device, reason=str(error))
            await asyncio.sleep(BREATH)
        return not failed

    def _seal(self, device: str, today: date) -> None:
        self._retention.seal(device, today)

    def _tidy_one(self, device: str) -> None:
        limits, wall = self._limits, self._now().wall
        self._retention.drop_films(device, day_of(wall - limits.keep_days * DAY))
        self._retention.sweep(device, day_of(wall - max(limits.keep_days, limits.keep_alarm_days) * DAY), wall)

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
