"""How much the archive may hold, and which pictures go when it holds more."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from alarmd.frames.archive import Room
from alarmd.frames.retention import DAY, Amount
from alarmd.metrics import catalogue
from alarmd.storage.interface import Expendable

SLACK = 256_000_000  # bytes that are freed beyond the reserve, so that not every picture has to make its own room
SLACK_SHARE = 50  # on a small disk: one part in so many


@dataclass(frozen=True, slots=True)
class Limits:
    """How long pictures are kept, and those of alarms; how many at most, 0: as many as fit."""

    keep_days: int
    keep_alarm_days: int
    keep_bytes: int = 0
    keep_pictures: int = 0

    def too_old(self, wall: int) -> Expendable:
        return Expendable(wall - self.keep_days * DAY, wall - self.keep_alarm_days * DAY)

    def for_room(self, wall: int) -> Iterator[tuple[str, Expendable]]:
        """What is missed least first, with the reason's name. alarms_before 0: of no alarm."""
        wish = Expendable(wall + DAY, wall - self.keep_alarm_days * DAY)
        yield catalogue.ROOM, wish
        yield catalogue.AWAITED, replace(wish, awaited=True, alarms_before=0)
        yield catalogue.AWAITED, replace(wish, awaited=True)

    def surplus(self, held: Amount, room: Room, *, full: bool) -> Amount:
        """What has to go. full: a picture was refused, so half of the slack will not do."""
        slack = min(SLACK, room.total // SLACK_SHARE)
        short = room.reserve + slack - room.free
        of_disk = short if full or short > slack // 2 else 0
        of_bytes = held.bytes - self.keep_bytes if self.keep_bytes else 0
        of_pictures = held.pictures - self.keep_pictures if self.keep_pictures else 0
        return Amount(max(0, of_pictures), max(0, of_disk, of_bytes))
