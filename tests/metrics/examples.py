"""Records for turns that these tests make up, and a server's metrics after one of everything happened."""

from dataclasses import dataclass, replace

from alarmd.core.effects import RecordEvent, SaveContacts
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import FrameReceived, TimerFired
from alarmd.core.instant import SECOND, Instant
from alarmd.core.paths import Path
from alarmd.core.records import (
    Alarm,
    AlarmKind,
    AlarmState,
    Arming,
    Camera,
    Command,
    CommandState,
    Contact,
    Device,
    Dialect,
    Event,
    Picture,
    Presence,
    Signing,
    Site,
    Standing,
    Trigger,
    Zone,
)
from alarmd.core.snapshot import Snapshot

NOW = Instant(1_800_000_000 * SECOND, 5000.0)
PATH = Path("udp", "192.0.2.7", 40_000, 1)
MOTION_FRAME = FrameReceived(b"cam1,MOAL,garden_gate,0,0,0,0,0", PATH)
TICK = TimerFired(NOW.mono)

DEVICE = Device(
    id=1,
    name="cam1",
    zone_id=1,
    standing=Standing.ADOPTED,
    dialect=Dialect.AUTO,
    report_within=90.0,
    arming_answers=False,
    detector_wish=None,
    wanted_detector=None,
    wanted_version=0,
    camera_wish=None,
    settings=(),
    signing=Signing.OPEN,
    muted_until=None,
    first_seen=NOW.wall,
    forgotten_at=None,
    origin="A",
    hlc=1,
)
ALARM = Alarm(
    id=1,
    identity="motion:cam1:A:1",
    kind=AlarmKind.MOTION,
    state=AlarmState.RAISED,
    device_id=1,
    zone_id=1,
    text="garden_gate",
    raised_at=NOW.wall,
    last_event_at=NOW.wall,
    event_count=1,
    ended_at=None,
    told=True,
    acknowledged_at=None,
    acknowledged_by=None,
    cleared_at=None,
    cleared_by=None,
    followed_up=0,
    follow_up_at=None,
    picture_by=None,
    picture="",
    pictures=0,
    origin="A",
    hlc=1,
)
LOSS = replace(ALARM, id=2, identity="contact_lost:cam1:A:2", kind=AlarmKind.CONTACT_LOST)
COMMAND = Command(
    id=1,
    identity="A:1",
    device_id=1,
    verb="TLGS",
    params=(),
    state=CommandState.QUEUED,
    requested_by="operator",
    created_at=NOW.wall,
    expires_at=NOW.wall + 3600 * SECOND,
    attempts=0,
    sent_at=None,
    finished_at=None,
    outcome="",
    origin="A",
    hlc=1,
)

CAMERA = Camera(
    device_id=1,
    source_networks=(),
    by_address=False,
    upload_digest="",
    fingerprint="",
    info="",
    pull_url="",
    every=60,
    on_alarm=True,
    origin="A",
    hlc=1,
)
PICTURE = Picture(
    id=1,
    device_id=1,
    sequence=1,
    key="cam1/2027/01/15/080000000000-0123456789abcdef.jpg",
    captured_at=NOW.wall - 7 * SECOND,
    received_at=NOW.wall - 5 * SECOND,
    trigger=Trigger.SCHEDULE,
    upload="",
    alarm_id=None,
    digest="0" * 64,
    size=50_000,
    width=640,
    height=480,
    repair="",
    origin="A",
    hlc=1,
)


def recorded(kind: EventKind, *, device_id: int = 1, alarm_id: int | None = None) -> RecordEvent:
    return RecordEvent(
        Event(
            origin="A",
            sequence=1,
            hlc=1,
            happened_at=NOW.wall,
            received_at=NOW.wall,
            device_id=device_id,
            zone_id=1,
            kind=kind,
            text="",
            boot_id=None,
            boot_event=None,
            alarm_id=alarm_id,
        )
    )


def lost(
    seconds_ago: float, *, device_id: int = 1, alarm_id: int | None = 2, slept_until: float | None = None
) -> tuple[SaveContacts, RecordEvent]:
    """What the rules decide when a device is lost. slept_until: seconds ago."""
    contact = Contact(
        device_id=device_id,
        presence=Presence.LOST,
        last_contact=NOW.wall - round(seconds_ago * SECOND),
        address=str(PATH),
        asleep_until=None if slept_until is None else NOW.wall - round(slept_until * SECOND),
    )
    return SaveContacts((contact,)), recorded(EventKind.CONTACT_LOST, device_id=device_id, alarm_id=alarm_id)


def installation(adopted: int, admitted: int) -> Snapshot:
    """Devices cam1, cam2 …, each last seen 5 s ago."""
    devices = tuple(
        replace(
            DEVICE,
            id=number,
            name=f"cam{number}",
            standing=Standing.ADOPTED if number <= adopted else Standing.ADMITTED,
        )
        for number in range(1, adopted + admitted + 1)
    )
    contacts = tuple(
        Contact(device.id, Presence.ONLINE, NOW.wall - 5 * SECOND, "udp:192.0.2.7:40000", None) for device in devices
    )
    return Snapshot(
        sites=(Site(1, "home", "Europe/Prague", "A", 1),),
        zones=(Zone(1, 1, "home", Arming.ARMED, "", "A", 1),),
        devices=devices,
        contacts=contacts,
        cameras=(CAMERA,),
        pictures=(PICTURE,),
        last_device_id=len(devices),
    )


@dataclass(frozen=True)
class Counts:
    """storage's OutboxState, which metrics must not import."""

    pending: int = 3
    leased: int = 1
    dead: int = 2
    oldest_pending_at: int | None = NOW.wall - 40 * SECOND
