"""One device as the rules see it now, and the table of its presence.

A slots class, since there may be 100,000 of them: what only few devices need hangs off `commands` and `bucket`.
"""

from enum import Enum, auto
from typing import TYPE_CHECKING

from alarmd.core.paths import Path, Way
from alarmd.core.rate_limits import TokenBucket
from alarmd.core.records import Device, Presence
from lfcp.constants import Verb

if TYPE_CHECKING:
    from alarmd.core.command_queue import CommandQueue
    from alarmd.core.signed_session import SignedSession

HOLD = 10.0  # s of report_within kept back to judge and tell a loss
JUDGED_EARLY = 0.75  # s before the limit at which silence is judged, so that the loss is told within the limit
MISSES = 3  # heartbeats that may go missing before contact counts as lost
REGULAR_HEARTBEATS = 5  # in a row before a device nobody adopted is supervised
MIN_REPORT_WITHIN = 20.0  # s; the least for which the interval allowed is still over 3 s
MAX_REPORT_WITHIN = 7 * 86_400.0
HABITS_TO_SUGGEST = 3  # frames with a seed device's habits before the dialect is suggested
NO_MOTIONS = (0, 0)
NOTHING: frozenset[Verb] = frozenset()
MAX_SLEEP = 86_400.0  # s that a device may declare to be silent
MAX_MUTE = 7 * 86_400.0  # s that its motion may be told nobody


class Sign(Enum):
    """What moves a device from one presence to another."""

    HEARD = auto()
    BECAME_REGULAR = auto()
    INTERVAL_MISSED = auto()
    LIMIT_REACHED = auto()
    SLEEP_DECLARED = auto()
    PEER_HEARS = auto()  # beyond its limit here; our own path is at fault
    PEER_CEASED = auto()  # to hear it, or to tell us


TRANSITIONS: dict[tuple[Presence, Sign], Presence] = {
    (Presence.NEW, Sign.HEARD): Presence.NEW,
    (Presence.NEW, Sign.BECAME_REGULAR): Presence.ONLINE,
    (Presence.NEW, Sign.SLEEP_DECLARED): Presence.ASLEEP,
    (Presence.ONLINE, Sign.HEARD): Presence.ONLINE,
    (Presence.ONLINE, Sign.INTERVAL_MISSED): Presence.LATE,
    (Presence.ONLINE, Sign.SLEEP_DECLARED): Presence.ASLEEP,
    (Presence.LATE, Sign.HEARD): Presence.ONLINE,
    (Presence.LATE, Sign.LIMIT_REACHED): Presence.LOST,
    (Presence.LATE, Sign.SLEEP_DECLARED): Presence.ASLEEP,
    (Presence.LATE, Sign.PEER_HEARS): Presence.ELSEWHERE,
    (Presence.LOST, Sign.HEARD): Presence.ONLINE,
    (Presence.LOST, Sign.SLEEP_DECLARED): Presence.ASLEEP,
    (Presence.LOST, Sign.PEER_HEARS): Presence.ELSEWHERE,
    (Presence.ELSEWHERE, Sign.HEARD): Presence.ONLINE,
    (Presence.ELSEWHERE, Sign.SLEEP_DECLARED): Presence.ASLEEP,
    (Presence.ELSEWHERE, Sign.PEER_CEASED): Presence.LATE,  # what the peer heard last counts as heard
    (Presence.ASLEEP, Sign.HEARD): Presence.ONLINE,
    (Presence.ASLEEP, Sign.INTERVAL_MISSED): Presence.LATE,
    (Presence.ASLEEP, Sign.SLEEP_DECLARED): Presence.ASLEEP,
}
ILLEGAL = frozenset(
    {
        (Presence.NEW, Sign.INTERVAL_MISSED),  # nobody supervises it yet
        (Presence.NEW, Sign.LIMIT_REACHED),
        (Presence.NEW, Sign.PEER_HEARS),
        (Presence.NEW, Sign.PEER_CEASED),
        (Presence.ONLINE, Sign.BECAME_REGULAR),
        (Presence.ONLINE, Sign.LIMIT_REACHED),  # it is late first
        (Presence.ONLINE, Sign.PEER_HEARS),  # and so do we
        (Presence.ONLINE, Sign.PEER_CEASED),
        (Presence.LATE, Sign.BECAME_REGULAR),
        (Presence.LATE, Sign.INTERVAL_MISSED),
        (Presence.LATE, Sign.PEER_CEASED),
        (Presence.LOST, Sign.BECAME_REGULAR),
        (Presence.LOST, Sign.INTERVAL_MISSED),
        (Presence.LOST, Sign.LIMIT_REACHED),
        (Presence.LOST, Sign.PEER_CEASED),
        (Presence.ELSEWHERE, Sign.BECAME_REGULAR),
        (Presence.ELSEWHERE, Sign.INTERVAL_MISSED),
        (Presence.ELSEWHERE, Sign.LIMIT_REACHED),  # it is late first
        (Presence.ELSEWHERE, Sign.PEER_HEARS),
        (Presence.ASLEEP, Sign.BECAME_REGULAR),
        (Presence.ASLEEP, Sign.LIMIT_REACHED),
        (Presence.ASLEEP, Sign.PEER_HEARS),
        (Presence.ASLEEP, Sign.PEER_CEASED),
    }
)


def allowed_interval(report_within: float) -> float:
    """The longest time between heartbeats, s, with which a loss is still told within report_within."""
    return (report_within - HOLD) / MISSES


class DeviceSession:
    """Times are monotonic seconds of the rules' own clock, which stands still while the server is blind."""

    __slots__ = (
        "alarm_incident",  # id of the motion alarm whose incident is going on
        "asleep_until",  # until when silence is normal: declared, or excused; None otherwise
        "boot_id",  # as last reported
        "bucket",  # of stored messages; made when the first one comes
        "cached",  # the listener answers its heartbeats from the cache
        "commands",  # made when the first one is queued
        "device",
        "filed",  # the wheel's bucket that it waits in
        "habits",  # frames seen that only a seed device sends
        "heartbeats_unanswered",  # in a row, on purpose
        "knows",  # commands that not every device knows, as last reported
        "loss_alarm",  # id of the alarm that tells of its loss, or that only the peer hears it
        "motion_at",  # of the incident's last motion
        "motions",  # of the incident that its alarm does not count yet, and the last one's wall clock
        "path",  # of its last heartbeat; None before the first
        "presence",
        "regular",  # heartbeats in a row within the interval allowed
        "reported_detector",
        "saved",  # when its contact was last written
        "seen",  # the last sign of life, or the start of the grace it was given
        "signed",  # what it has beside with a key
        "way",  # made when more than its path is known of where it is
    )

    def __init__(self, device: Device, presence: Presence, seen: float) -> None:
        self.device = device
        self.presence = presence
        self.seen = seen
        self.saved = seen
        self.path: Path | None = None
        self.filed: int | None = None
        self.asleep_until: float | None = None
        self.regular = 0
        self.cached = False
        self.commands: CommandQueue | None = None
        self.signed: SignedSession | None = None
        self.bucket: TokenBucket | None = None
        self.boot_id: str | None = None
        self.reported_detector: bool | None = None
        self.heartbeats_unanswered = 0
        self.habits = 0
        self.knows = NOTHING
        self.way: Way | None = None
        self.loss_alarm: int | None = None
        self.alarm_incident: int | None = None
        self.motion_at = 0.0
        self.motions = NO_MOTIONS

    def move(self, sign: Sign) -> bool:
        """Follow the table; True if the presence changed. KeyError for an illegal sign: a defect of ours."""
        before = self.presence
        self.presence = TRANSITIONS[before, sign]
        return self.presence is not before

    @property
    def dialect_suggested(self) -> bool:
        """Whether it showed enough of a seed device's habits."""
        return self.habits >= HABITS_TO_SUGGEST

    @property
    def is_heard(self) -> bool:
        """As far as the peer is told."""
        return self.presence in (Presence.ONLINE, Presence.ASLEEP)

    @property
    def interval(self) -> float:
        return allowed_interval(self.device.report_within)

    @property
    def stated_interval(self) -> int:
        """The longest time between heartbeats that it is told, whole s: less than supervision needs after a push was
        missed."""
        allowed = int(self.interval)
        return allowed if self.way is None or self.way.halved is None else min(allowed, self.way.halved.interval)

    def known_way(self) -> Way:
        if self.way is None:
            self.way = Way()
        return self.way

    def silent_since(self) -> float:
        """From when silence counts: declared sleep is none."""
        return self.seen if self.asleep_until is None else max(self.seen, self.asleep_until)

    def deadline(self) -> float | None:
        """When silence next changes its presence; None while nothing is expected of it."""
        if self.presence in (Presence.NEW, Presence.LOST, Presence.ELSEWHERE):
            return None
        if self.presence is Presence.LATE:
            return self.silent_since() + self.device.report_within - JUDGED_EARLY
        return self.silent_since() + self.interval
