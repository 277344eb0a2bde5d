"""The rules alone, under a clock of the bench's own: no socket, no database, time is seconds since the start."""

from datetime import UTC

from alarmd.core.effects import Effect
from alarmd.core.engine import Engine
from alarmd.core.inputs import ServerStarted, TimerFired
from alarmd.core.instant import SECOND, Instant
from alarmd.core.settings import Settings
from alarmd.core.snapshot import Snapshot
from bench import fleet

INTERVAL = 20.0  # s between a device's heartbeats
BATCH = 64  # datagrams that the listener hands over at once
START = Instant(1_750_000_000 * SECOND, 1_000.0)


def at(seconds: float) -> Instant:
    return Instant(START.wall + round(seconds * SECOND), START.mono + seconds)


class Rules:
    """An engine with its timer and adopted devices; keyed: each has a key and signs."""

    def __init__(self, devices: int, *, keyed: bool = False) -> None:
        site, zones = fleet.places()
        numbers = range(devices)
        snapshot = Snapshot(
            sites=(site,),
            zones=zones,
            devices=tuple(fleet.device(n, START, keyed=keyed) for n in numbers),
            contacts=tuple(fleet.contact(n, START) for n in numbers),
            keys=tuple(fleet.key(n, START) for n in numbers if keyed),
            last_site_id=1,
            last_zone_id=2,
            last_device_id=devices,
            last_hlc=1,
        )
        self.engine = Engine(Settings(), snapshot, lambda _name: UTC, START)
        self.engine.handle(ServerStarted("bench"), START)

    def advance(self, seconds: float) -> list[Effect]:
        """Fire the timer whenever it is due until then."""
        effects: list[Effect] = []
        until = START.mono + seconds
        while (due := self.engine.next_deadline()) <= until:
            effects += self.engine.handle(TimerFired(due), at(due - START.mono))
        return effects
