"""Devices that the operator has adopted: as records for a database, and as frames for the rules."""

from hashlib import sha256

from alarmd.core.instant import Instant
from alarmd.core.paths import Path
from alarmd.core.records import Arming, Contact, Device, DeviceKey, Dialect, Presence, Signing, Site, Standing, Zone
from lfcp import Report, encode_signed, report_parameters
from lfcp.authenticator import Purpose, Way, derive
from lfcp.constants import Verb

LABEL = "A"
REPORT_WITHIN = 90.0  # s
BOOT_ID = "5e1fb007ab1e5afe"  # of every device in every run, as in signed_device.c
EPOCH = 1  # of every device's key


def name_of(number: int) -> str:
    """As in load.c."""
    return f"dev{number:05}"


def address_of(number: int) -> str:
    return f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def heartbeat_of(number: int) -> bytes:
    return f"{name_of(number)},HEARTBEAT,0,0,0,0,0,0".encode()


def motion_of(number: int) -> bytes:
    return f"{name_of(number)},MOAL,bench,0,0,0,0,0".encode()


def secret_of(number: int) -> bytes:
    """As in signed_device.c."""
    return sha256(name_of(number).encode()).digest()


def signed_heartbeat_of(number: int, counter: int, echo: int) -> bytes:
    """As signed_device.c sends it."""
    report = Report(20, BOOT_ID, detector=True, camera=True, wanted_version=0, echo=echo, settings=True)
    return encode_signed(tag_key_of(number), counter, name_of(number), Verb.HEARTBEAT, *report_parameters(report))


def tag_key_of(number: int) -> bytes:
    return derive(secret_of(number), Purpose.TAG, Way.UP, LABEL)


def path_of(number: int) -> Path:
    return Path("udp", address_of(number), 20_000, 1)


def places() -> tuple[Site, tuple[Zone, Zone]]:
    """What a new installation has."""
    site = Site(1, "home", "UTC", LABEL, 1)
    zones = [Zone(n, 1, name, Arming.ARMED, "", LABEL, 1) for n, name in ((1, "home"), (2, "unassigned"))]
    return site, (zones[0], zones[1])


def device(number: int, now: Instant, report_within: float = REPORT_WITHIN, *, keyed: bool = False) -> Device:
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
        signing=Signing.SIGNED if keyed else Signing.OPEN,
        muted_until=None,
        first_seen=now.wall,
        forgotten_at=None,
        origin=LABEL,
        hlc=1,
    )


def contact(number: int, now: Instant) -> Contact:
    """Seen just now, at the address it heartbeats from."""
    return Contact(number + 1, Presence.ONLINE, now.wall, str(path_of(number)), None)


def key(number: int, now: Instant) -> DeviceKey:
    return DeviceKey(number + 1, EPOCH, secret_of(number), now.wall, LABEL, 1)
