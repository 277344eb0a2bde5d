"""Devices that the operator has adopted: as records for a database, and as frames for the rules."""

from alarmd.core.instant import Instant
from alarmd.core.paths import Path
from alarmd.core.records import Arming, Contact, Device, Dialect, Presence, Signing, Site, Standing, Zone

LABEL = "A"
REPORT_WITHIN = 90.0  # s


def name_of(number: int) -> str:
    """As in load.c."""
    return f"dev{number:05}"


def address_of(number: int) -> str:
    return f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def heartbeat_of(number: int) -> bytes:
    return f"{name_of(number)},HEARTBEAT,0,0,0,0,0,0".encode()


def path_of(number: int) -> Path:
    return Path("udp", address_of(number), 20_000, 1)


def places() -> tuple[Site, tuple[Zone, Zone]]:
    """What a new installation has."""
    site = Site(1, "home", "UTC", LABEL, 1)
    zones = [Zone(n, 1, name, Arming.ARMED, "", LABEL, 1) for n, name in ((1, "home"), (2, "unassigned"))]
    return site, (zones[0], zones[1])


def device(number: int, now: Instant, report_within: float = REPORT_WITHIN) -> Device:
    return Device(
        id=number + 1,
        name=name_of(number),
        zone_id=1,
        standing=Standing.ADOPTED,
        dialect=Dialect.AUTO,
        report_within=report_within,
        arming_answers=False,
        detector_wish=None,
        wanted_detector=None,
        wanted_version=0,
        camera_wish=None,
        settings=(),
        signing=Signing.OPEN,
        first_seen=now.wall,
        forgotten_at=None,
        origin=LABEL,
        hlc=1,
    )


def contact(number: int, now: Instant) -> Contact:
    """Seen just now, at the address it heartbeats from."""
    return Contact(number + 1, Presence.ONLINE, now.wall, str(path_of(number)), None)
