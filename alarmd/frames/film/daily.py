"""The film of a camera's day, into the archive; short and small enough for Telegram."""

import asyncio
import shutil
import threading
from dataclasses import replace
from datetime import date, datetime, time, timedelta, tzinfo
from pathlib import Path

from alarmd.core.instant import SECOND
from alarmd.frames.archive import Archive
from alarmd.frames.film.archived import archived_pictures
from alarmd.frames.film.errors import FilmError, FilmFault
from alarmd.frames.film.ffmpeg import Encoding
from alarmd.frames.film.look import Look, usual_format
from alarmd.frames.film.make import PART_FRAMES, Watcher, make_film
from alarmd.frames.film.plan import FilmPicture, Plan, Wish, parts, plan
from alarmd.frames.film.workshop import parts_directory
from alarmd.frames.keys import film_key
from alarmd.storage.interface import Reader

MAX_FILM_BYTES = 50_000_000  # what a bot may send (Telegram's Bot API, sendVideo)
MARGIN = 0.95  # of them, for the container and for what the encoder is off by
MAX_FILM_SECONDS = 60.0
SECONDS_EACH = 0.5  # of a picture, at most: a day with few of them is a short film
MAX_FILM_SIDE = 1280  # pixels


class DailyFilms:
    """One at a time: they have the whole night, and others need the processor."""

    def __init__(self, archive: Archive, reader: Reader, work: Path) -> None:
        """work: a directory for parts, ours alone, which is made when it is needed."""
        self._archive, self._reader, self._work = archive, reader, work
        self._one = asyncio.Lock()

    async def make(self, device: str, day: date, time_zone: tzinfo) -> str | None:
        """Its key in the archive, at once if it is there; None: that day has no pictures. day: by the clock of the
        device's site. When this is cancelled, ffmpeg is ended; the next call for the same film goes on.
        Raises FilmError, ArchiveError, StorageError, and OSError for the directory of the parts."""
        async with self._one:
            stopped = threading.Event()
            work = asyncio.ensure_future(asyncio.to_thread(self._make, device, day, time_zone, stopped))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                stopped.set()
                await asyncio.wait([work])
                raise

    def _make(self, device: str, day: date, time_zone: tzinfo, stopped: threading.Event) -> str | None:
        key = film_key(device, day)
        if self._archive.path(key).exists():
            return key
        since, until = (_midnight(one, time_zone) for one in (day, day + timedelta(days=1)))
        pictures = archived_pictures(self._reader, self._archive.path, device, since, until)
        if not pictures:
            return None
        output = self._work / f"{device}-{day.isoformat()}.mp4"
        self._sweep(output)
        self._archive.write(key, _film(output, pictures, Wish(since=since, until=until), time_zone, stopped))
        output.unlink()
        return key

    def _sweep(self, output: Path) -> None:
        """What other days left here when the server was stopped is never gone on with."""
        self._work.mkdir(mode=0o700, parents=True, exist_ok=True)
        for found in self._work.iterdir():
            if found.is_dir() and found != parts_directory(output):
                shutil.rmtree(found)
            elif found.is_file():
                found.unlink()


class _Stoppable(Watcher):
    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped

    def advanced(self, frames: int) -> None:  # noqa: ARG002  the watcher's signature
        if self._stopped.is_set():
            raise FilmError(FilmFault.STOPPED, "the film was stopped")


def max_bitrate(planned: Plan) -> int:
    """bit/s that no film of this plan exceeds MAX_FILM_BYTES with; each part may begin with a second's worth more."""
    seconds = planned.frames / planned.fps + len(list(parts(planned, PART_FRAMES)))
    return int(MAX_FILM_BYTES * 8 * MARGIN / seconds)


def _film(output: Path, pictures: list[FilmPicture], wish: Wish, time_zone: tzinfo, stopped: threading.Event) -> bytes:
    planned = plan(pictures, replace(wish, seconds=min(MAX_FILM_SECONDS, SECONDS_EACH * len(pictures))))
    look = Look(usual_format(planned.shown, max_side=MAX_FILM_SIDE), time_zone, timestamps=True)
    made = make_film(output, planned, look, Encoding(max_bitrate=max_bitrate(planned), nice=True), _Stoppable(stopped))
    if made.bytes > MAX_FILM_BYTES:
        output.unlink()
        raise FilmError(FilmFault.TOO_LARGE, f"the film has {made.bytes:,} bytes, more than {MAX_FILM_BYTES:,}")
    return output.read_bytes()


def _midnight(day: date, time_zone: tzinfo) -> int:
    """Wall µs at which a local day begins."""
    return round(datetime.combine(day, time(), time_zone).timestamp()) * SECOND
