"""The live state that the rules keep: what storage handed over at the start, and what happened since.

Every table here is bounded: devices and strangers by settings, the rest by the constants below.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import tzinfo
from typing import TypeVar

from alarmd.core.deadlines import Agenda, Wheel
from alarmd.core.device_session import DeviceSession
from alarmd.core.galleries import Gallery
from alarmd.core.hybrid_clock import HybridClock
from alarmd.core.instant import Instant
from alarmd.core.late_answers import Moments
from alarmd.core.loss_causes import Loss, SilenceTally
from alarmd.core.meetings import Meetings
from alarmd.core.member_numbers import following
from alarmd.core.paths import Path
from alarmd.core.peer_lifecycle import Peer
from alarmd.core.rate_limits import AddressBuckets, TokenBucket
from alarmd.core.records import Alarm, AlarmKind, Camera, Command, Device, Site, Standing, Zone
from alarmd.core.schedule import Span
from alarmd.core.settings import Settings
from alarmd.core.snapshot import Snapshot

MAX_ALARMS = 20_000  # that nobody cleared; a tenth of them may be of devices nobody adopted; losses come on top,
# at most one a device, since a loss that is not told is worse than a table that grows
MAX_ENDED = 10_000  # alarms and commands that have their end, and devices forgotten: of each, the last are remembered
# in a pair, so that what the peer tells of them late does not bring them back; absorbed alarms likewise
MAX_STALLS = 100  # of the server itself that are remembered, newest last
MAX_SITES = 10_000
MAX_ZONES = 50_000
MAX_OPERATORS = 1000  # operators' machines; they count beside the devices
STRANGERS_SHARE = 10  # devices nobody adopted get one part in this many of tables and rates
STRANGERS_RATE = 10.0  # stored messages per second of all of them together
STRANGERS_BURST = 1000.0

K = TypeVar("K")
V = TypeVar("V")
HOME = "home"  # the site and zone of a new installation
UNASSIGNED = "unassigned"  # the zone of devices nobody adopted


class State:
    """sessions: of devices, by name. operators: of operators' machines; a name is in one of the two. by_id: of both.
    causes: by zone, what keeps it in failover mode (see failover.py). blind: seconds that the rules' clock stood still
    because the server itself did."""

    def __init__(
        self, settings: Settings, snapshot: Snapshot, time_zone: Callable[[str], tzinfo], now: Instant
    ) -> None:
        self.settings = settings
        self.time_zone = time_zone
        self.clock = HybridClock(snapshot.last_hlc, settings.member)
        self.last_site = snapshot.last_site_id
        self.last_zone = snapshot.last_zone_id
        self.last_device = snapshot.last_device_id
        self.last_alarm = snapshot.last_alarm_id
        self.last_command = snapshot.last_command_id
        self.last_picture = snapshot.last_picture_id
        self.last_event = snapshot.last_event_sequence
        self.sites: dict[int, Site] = {site.id: site for site in snapshot.sites}
        self.zones: dict[int, Zone] = {zone.id: zone for zone in snapshot.zones}
        self.spans: dict[str, tuple[Span, ...]] = {}  # parsed schedules, see zones.py
        self.sessions: dict[str, DeviceSession] = {}
        self.operators: dict[str, DeviceSession] = {}
        self.by_id: dict[int, DeviceSession] = {}
        self.zone_members: dict[int, dict[int, DeviceSession]] = {}  # adopted devices only
        self.strangers: OrderedDict[int, DeviceSession] = OrderedDict()  # least recently new first
        self.alarms: dict[int, Alarm] = {}
        self.ended_alarms: OrderedDict[int, Alarm] = OrderedDict()
        self.ended_commands: OrderedDict[int, Command] = OrderedDict()
        self.forgotten: OrderedDict[str, Device] = OrderedDict()
        self.motion_of: dict[int, dict[int, None]] = {}  # by device, its alarms of motion that nobody cleared
        self.device_alarms: dict[int, set[int]] = {}  # their ids by device; of a member of a cluster only
        self.motion_alarms: dict[int, None] = {}  # those of motion, oldest first
        self.strangers_alarms: set[int] = set()  # those of motion of devices nobody adopted
        self.losses: dict[int, Loss] = {}  # open alarms of lost contact
        self.loss_alarms: dict[tuple[AlarmKind, str], int] = {}  # the same by what failed, see loss_causes.loss_key
        self.muted: dict[int, float] = {}  # devices whose motion is told nobody, and until when
        self.follow_ups: dict[int, OrderedDict[int, float]] = {}  # by step, alarms and when they are due
        self.follow_ups_expected: dict[int, float] = {}  # the next appointment of each step
        self.cameras: dict[int, Camera] = {}
        self.upload_digests: dict[str, int] = {}  # cameras by their upload secret, see cameras.py
        self.by_address: set[int] = set()  # cameras that are known by where their uploads come from
        self.galleries: dict[int, Gallery] = {}  # of devices that sent a picture or were asked for one
        self.watched: dict[int, float] = {}  # devices whose live pictures somebody watches, and when to ask for more
        self.captures: dict[int, float] = {}  # cameras with a schedule, and when the next picture is asked for
        self.open_commands: dict[int, DeviceSession] = {}
        self.connections: dict[Path, DeviceSession] = {}  # proven paths over TCP, which end with their connection
        self.present_at: dict[str, int] = {}  # supervised devices behind each address: online
        self.late_at: dict[str, int] = {}  # and late
        self.elsewhere_at: dict[str, int] = {}  # and silent here only: the peer hears them
        self.total = SilenceTally()
        self.causes: dict[int, dict[str, float | None]] = {}
        self.mode_updates: dict[int, deque[int]] = {}  # by zone, ids of devices that its mode has not reached yet
        self.wheel = Wheel()
        self.keeps = Moments()
        self.agenda = Agenda()
        self.meetings = Meetings()
        self.addresses = AddressBuckets(settings.stranger_rate, settings.stranger_burst)
        self.strangers_bucket = TokenBucket(STRANGERS_BURST, now.mono)
        self.peer = Peer(now.mono)
        self.peer_met = False  # the link to the peer is up
        self.peer_hears: set[str] = set()  # names of devices that it hears, also of some that are not known yet
        self.hears_untold: deque[int] = deque()  # devices that are still to be told if we hear them, since it was met
        self.elsewhere_untold: deque[int] = deque()  # devices that only it heard when it went
        self.peer_told = 0.0  # when it told something last, before it went; on the rules' clock
        self.mode_untold: deque[int] = deque()  # zones that do not know yet whether it is lost
        self.absorbed: OrderedDict[int, int] = OrderedDict()  # alarms in whose place another one is told, and which
        self.refused_told: float | None = None  # when it was last recorded that a record of the peer makes no sense
        self.judges = settings.member is None  # silence is judged here; of a cluster one member does it, see judging.py
        self.hosts_elsewhere: frozenset[str] = frozenset()  # of those asked for, where other members hear devices
        self.heard_elsewhere = False  # other members hear anybody at all
        self.backlog_full = False
        self.blind = 0.0
        self.stalls: deque[tuple[float, float]] = deque(maxlen=MAX_STALLS)  # when on the rules' clock, and how long
        self.last_tick = now

    def after(self, last: int) -> int:
        """The next number that this server gives out."""
        return following(self.settings.member, last)

    def seconds_since(self, mono: float, now: float) -> float:
        """Real seconds since a moment on the rules' clock, which stood still in stalls. now: on the same clock."""
        return now - mono + sum(seconds for at, seconds in self.stalls if at >= mono)

    def party(self, name: str) -> DeviceSession | None:
        """Whoever speaks LFCP under this name: a device or an operator's machine."""
        return self.sessions.get(name) or self.operators.get(name)

    def enter(self, session: DeviceSession) -> None:
        """Make a session findable; its zone and standing are as in its device record."""
        device = session.device
        self.by_id[device.id] = session
        if device.standing is Standing.OPERATOR:
            self.operators[device.name] = session
            return
        self.sessions[device.name] = session
        if device.standing is Standing.ADOPTED:
            self.zone_members.setdefault(device.zone_id, {})[device.id] = session
        else:
            self.strangers[device.id] = session

    def leave(self, session: DeviceSession) -> None:
        """Undo enter(); call it before the device record changes its name, zone or standing."""
        device = session.device
        del self.by_id[device.id]
        if device.standing is Standing.OPERATOR:
            del self.operators[device.name]
            return
        del self.sessions[device.name]
        self.strangers.pop(device.id, None)
        members = self.zone_members.get(device.zone_id, {})
        members.pop(device.id, None)
        if not members:
            self.zone_members.pop(device.zone_id, None)

    def leave_motion(self, alarm: Alarm) -> None:
        """Nothing if it is none of motion."""
        own = self.motion_of.get(alarm.device_id or 0, {})
        if own.pop(alarm.id, self) is None and not own:
            del self.motion_of[alarm.device_id or 0]

    def remember(self, table: OrderedDict[K, V], key: K, value: V) -> None:
        """In one of the tables that are for the peer only; the oldest gives way."""
        if self.settings.pair is not None:
            table[key] = value
            if len(table) > MAX_ENDED:
                table.popitem(last=False)

    def enter_alarm(self, alarm: Alarm) -> None:
        self.alarms[alarm.id] = alarm
        if self.settings.member is not None and alarm.device_id is not None:
            self.device_alarms.setdefault(alarm.device_id, set()).add(alarm.id)

    def leave_alarm(self, alarm: Alarm) -> None:
        """Nothing if it is not there."""
        self.alarms.pop(alarm.id, None)
        self.motion_alarms.pop(alarm.id, None)
        self.strangers_alarms.discard(alarm.id)
        self.leave_motion(alarm)
        if self.settings.member is not None and alarm.device_id is not None:
            left = self.device_alarms.get(alarm.device_id, set())
            left.discard(alarm.id)
            if not left:
                self.device_alarms.pop(alarm.device_id, None)

    def zone_named(self, name: str) -> Zone | None:
        return next((zone for zone in self.zones.values() if zone.name == name), None)

    def site_named(self, name: str) -> Site | None:
        return next((site for site in self.sites.values() if site.name == name), None)
