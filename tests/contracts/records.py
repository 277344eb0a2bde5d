"""Records with something in every field, for tests that care about one or two of them."""

from dataclasses import replace
from typing import Any

from alarmd.core.effects import (
    DurableEffect,
    QueueDelivery,
    RecordEvent,
    SaveAlarm,
    SaveCamera,
    SaveCommand,
    SaveContacts,
    SaveDevice,
    SaveKey,
    SavePicture,
    SaveSite,
    SaveZone,
)
from alarmd.core.instant import Instant
from alarmd.core.records import (
    Alarm,
    AlarmKind,
    AlarmState,
    Arming,
    Camera,
    Command,
    CommandState,
    Contact,
    Delivery,
    Device,
    DeviceKey,
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
from alarmd.storage.interface import Claim
from alarmd.storage.vault import Vault

SERVER_KEY = b"the server's key in these tests!"
VAULT = Vault(SERVER_KEY)
ORIGIN = "A"
HOUR = 3_600_000_000  # µs
NOON = 1_750_000_000_000_000  # wall µs of a day in 2025

SITE = Site(1, "home", "Europe/Prague", ORIGIN, 101)
ZONE = Zone(1, 1, "garden", Arming.SCHEDULE, "mo-fr 22:00-06:00", ORIGIN, 102)
DEVICE = Device(
    id=1,
    name="cam1",
    zone_id=1,
    standing=Standing.ADOPTED,
    dialect=Dialect.SEED,
    report_within=90.5,
    arming_answers=True,
    detector_wish=False,
    wanted_detector=True,
    wanted_version=7,
    camera_wish=True,
    settings=("framesize=10", "vflip=1"),
    signing=Signing.MIXED,
    muted_until=NOON + HOUR,
    first_seen=NOON - HOUR,
    forgotten_at=None,
    origin=ORIGIN,
    hlc=103,
)
CONTACT = Contact(
    device_id=1,
    presence=Presence.ASLEEP,
    last_contact=NOON,
    address="udp:[2001:db8::1]:40000",
    asleep_until=NOON + HOUR,
    counter_up=1025,
    counter_down=NOON * 2**20 // 1_000_000,
    boots="00ff00ff00ff00ff.9.1ff",
)
KEY = DeviceKey(1, 2, b"32 bytes that no stranger knows!", NOON - HOUR, ORIGIN, 104)
ALARM = Alarm(
    id=1,
    identity="motion:cam1:A:1",
    kind=AlarmKind.MOTION,
    state=AlarmState.RAISED,
    device_id=1,
    zone_id=1,
    text="garden_gate",
    raised_at=NOON,
    last_event_at=NOON + 1,
    event_count=2,
    ended_at=NOON + 2,
    told=True,
    acknowledged_at=NOON + 3,
    acknowledged_by="petr",
    cleared_at=None,
    cleared_by=None,
    followed_up=300,
    follow_up_at=NOON + HOUR,
    picture_by=NOON + 10_000_000,
    picture="cam1/2025/06/15/150640000000-00112233445566aa.jpg",
    pictures=2,
    origin=ORIGIN,
    hlc=104,
)
COMMAND = Command(
    id=1,
    identity="A:1",
    device_id=1,
    verb="TLGC",
    params=("token, with a comma", "-100"),
    state=CommandState.SENT,
    requested_by="petr",
    created_at=NOON,
    expires_at=NOON + HOUR,
    attempts=1,
    sent_at=NOON + 4,
    finished_at=None,
    outcome="",
    origin=ORIGIN,
    hlc=105,
)
CAMERA = Camera(
    device_id=1,
    source_networks=("192.0.2.0/24", "2001:db8::/32"),
    by_address=True,
    upload_digest="aa" * 32,
    fingerprint="0123456789abcdef",
    info='{"name": "gate"}',
    pull_url="http://user:password@192.0.2.7/capture",
    every=30,
    on_alarm=False,
    origin=ORIGIN,
    hlc=108,
)
PICTURE = Picture(
    id=1,
    device_id=1,
    sequence=7,
    key="cam1/2025/06/15/150640000000-00112233445566aa.jpg",
    captured_at=NOON - 1,
    received_at=NOON,
    trigger=Trigger.ALARM,
    upload="A.1f",
    alarm_id=1,
    digest="00112233445566aa" * 4,
    size=50_000,
    width=640,
    height=480,
    repair="stray last byte removed",
    origin=ORIGIN,
    hlc=109,
)
EVENT = Event(
    origin=ORIGIN,
    sequence=1,
    hlc=106,
    happened_at=NOON - 1,
    received_at=NOON,
    device_id=1,
    zone_id=1,
    kind="motion",
    text="garden_gate",
    boot_id="00ff00ff00ff00ff",
    boot_event=9,
    alarm_id=1,
)
DELIVERY = Delivery(
    identity="log:motion:cam1:A:1:raised",
    destination="log",
    recipient="",
    subject="raised",
    alarm_id=1,
    text="motion at garden_gate",
    attachment="",
    urgent=True,
    created_at=NOON,
    due_at=NOON,
    origin=ORIGIN,
    hlc=107,
)

CLAIM = Claim("me", "log", Instant(NOON, 0.0), seconds=60.0, limit=3, calm=3)

PLACE: list[DurableEffect] = [SaveSite(SITE), SaveZone(ZONE)]
EVERYTHING: list[DurableEffect] = [
    *PLACE,
    SaveDevice(DEVICE),
    SaveContacts((CONTACT,)),
    SaveKey(KEY),
    SaveAlarm(ALARM),
    SaveCommand(COMMAND),
    SaveCamera(CAMERA),
    SavePicture(PICTURE),
    RecordEvent(EVENT),
    QueueDelivery(DELIVERY),
]


def device(number: int, **changes: Any) -> SaveDevice:
    return SaveDevice(replace(DEVICE, **{"id": number, "name": f"cam{number}", **changes}))


def contact(number: int, **changes: Any) -> SaveContacts:
    return SaveContacts((replace(CONTACT, device_id=number, **changes),))


def key(number: int, epoch: int = 1, **changes: Any) -> SaveKey:
    return SaveKey(replace(KEY, device_id=number, epoch=epoch, **changes))


def alarm(number: int, **changes: Any) -> SaveAlarm:
    return SaveAlarm(replace(ALARM, **{"id": number, "identity": f"motion:{number}", **changes}))


def cleared_alarm(number: int, at: int, **changes: Any) -> SaveAlarm:
    return alarm(number, state=AlarmState.CLEARED, cleared_at=at, cleared_by="petr", **changes)


def command(number: int, **changes: Any) -> SaveCommand:
    return SaveCommand(replace(COMMAND, **{"id": number, "identity": f"A:{number}", **changes}))


def finished_command(number: int, at: int, **changes: Any) -> SaveCommand:
    return command(number, state=CommandState.ACKED, finished_at=at, outcome="ok", **changes)


def camera(number: int, **changes: Any) -> SaveCamera:
    return SaveCamera(replace(CAMERA, **{"device_id": number, **changes}))


def picture(number: int, **changes: Any) -> SavePicture:
    return SavePicture(replace(PICTURE, **{"id": number, "key": f"cam1/{number}.jpg", "alarm_id": None, **changes}))


def event(sequence: int, **changes: Any) -> RecordEvent:
    return RecordEvent(replace(EVENT, **{"sequence": sequence, "alarm_id": None, **changes}))


def delivery(identity: str, **changes: Any) -> QueueDelivery:
    return QueueDelivery(replace(DELIVERY, identity=identity, **changes))
