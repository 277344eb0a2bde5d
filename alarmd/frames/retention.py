"""What goes from the archive, and how: through the manifests, in portions, so that a stop at any moment is mended.

A picture's thumbnail, its record in the manifests, its file and its row go in this order. Whatever a crash leaves of
one is found again by its row, and every step may be done twice. What has no row (written, then a crash before it was
committed) goes with the oldest days.

All of it blocks, and is for the one thread that seals and deletes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

from alarmd.core.instant import SECOND
from alarmd.core.records import Picture
from alarmd.frames.archive import Archive
from alarmd.frames.keys import (
    day_directory,
    day_of,
    is_thumbnail,
    parse_film,
    parse_picture,
    thumbnail_of,
)
from alarmd.frames.manifests import Entry, archive_days, delete_for_good, pending, seal
from alarmd.storage.interface import MAX_PAGE, Expendable, Reader, ReceivedFilter

Thing = TypeVar("Thing")

DAY = 86_400 * SECOND  # µs
BATCH = 5 * MAX_PAGE  # pictures that are chosen at once: the more, the fewer changes to each camera's record
PORTION = 100  # pictures that are deleted, and keys that are asked for, at once
MAX_PENDING = 2000  # deletions that wait for a manifest: the record is written anew for every portion


@dataclass(frozen=True, slots=True)
class Amount:
    pictures: int
    bytes: int

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.pictures + other.pictures, self.bytes + other.bytes)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(max(0, self.pictures - other.pictures), max(0, self.bytes - other.bytes))

    def __bool__(self) -> bool:
        return self.pictures > 0 or self.bytes > 0


NOTHING = Amount(0, 0)
ALL = Amount(2**63 - 1, 2**63 - 1)


def amount_of(pictures: Sequence[Picture]) -> Amount:
    return Amount(len(pictures), sum(one.size for one in pictures))


class Retention:
    def __init__(self, archive: Archive, reader: Reader) -> None:
        self._archive = archive
        self._reader = reader

    def choose(self, wish: Expendable, wanted: Amount) -> list[Picture]:
        """The oldest that may go: as many as are wanted, up to BATCH. Raises StorageError."""
        chosen: list[Picture] = []
        for one in self._expendable(wish):
            if not wanted or len(chosen) == BATCH:
                break
            chosen.append(one)
            wanted -= Amount(1, one.size)
        return chosen

    def delete(self, device: str, keys: Sequence[str], now: int) -> None:
        """Pictures of one camera, for good. now: wall µs. Raises ArchiveError, StorageError."""
        delete_for_good(self._archive, device, keys, now)
        if len(pending(self._archive, device)) >= MAX_PENDING:
            self.seal(device, day_of(now))

    def seal(self, device: str, today: date) -> list[str]:
        """Makes the manifests that are due. Returns their keys. Raises ArchiveError, StorageError."""
        return seal(self._archive, device, today, lambda day: map(_entry, self._received(device, day)))

    def drop_films(self, device: str, before: date) -> int:
        """Those of days before, unless a destination waits for one. Returns how many went."""
        films = [(key, parse_film(key)) for key in self._archive.keys(f"{device}/films")]
        old = [key for key, day in films if day is not None and day < before]
        doomed = [key for part in portions(old) for key in part if key not in self._reader.awaited(part)]
        for key in doomed:
            self._archive.delete(key)
        return len(doomed)

    def sweep(self, device: str, before: date, now: int) -> int:
        """Deletes what lies in directories of days before and no row knows. Returns how many pictures went."""
        days = [day for day in archive_days(self._archive, device) if day < before]
        return sum(self._sweep_day(device, day, now) for day in days)

    def _sweep_day(self, device: str, day: date, now: int) -> int:
        here = list(self._archive.keys(day_directory(device, day)))
        pictures = [key for key in here if parse_picture(key)]
        swept = 0
        for part in portions(pictures):
            unknown = sorted(set(part) - self._reader.known_pictures(part))
            self.delete(device, unknown, now)
            swept += len(unknown)
        for key in here:
            if is_thumbnail(key) and not self._archive.path(thumbnail_of(key)).exists():
                self._archive.delete(key)
        return swept

    def _expendable(self, wish: Expendable) -> Iterator[Picture]:
        while page := self._reader.expendable_pictures(wish):
            yield from page
            wish = replace(wish, after=(page[-1].received_at, page[-1].id))

    def _received(self, device: str, day: date) -> Iterator[Picture]:
        wanted = ReceivedFilter(device, midnight(day), midnight(day + timedelta(days=1)))
        while page := self._reader.received_pictures(wanted):
            yield from page
            wanted = replace(wanted, after_id=page[-1].id)


def midnight(day: date) -> int:
    """Wall µs at which a UTC day begins."""
    return int(datetime.combine(day, time(), UTC).timestamp()) * SECOND


def portions(things: Sequence[Thing]) -> Iterator[Sequence[Thing]]:
    return (things[start : start + PORTION] for start in range(0, len(things), PORTION))


def _entry(picture: Picture) -> Entry:
    return Entry(picture.key, picture.digest, picture.size, picture.received_at, picture.captured_at)
