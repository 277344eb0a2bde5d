"""The sessions of rendezvous that this server holds. Here they are meetings: a session is what the rules have of one
party. docs/protocol.md, "Rendezvous". Times are seconds of the rules' own clock.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from alarmd.core.device_session import DeviceSession
from alarmd.core.instant import Instant
from alarmd.core.meeting_lifecycle import TRANSITIONS, MeetingSign, MeetingState
from alarmd.core.paths import Path
from alarmd.core.rate_limits import TokenBucket
from lfcp import EventId
from lfcp.constants import RendezvousReason
from lfcp.tunnel import ROLES, Inbound

MAX_MEETINGS = 1000  # at a time
MAX_OF_OPERATOR = 4
MAX_OF_DEVICE = 2
REQUESTS_BURST = 10.0  # of one operator's machine
REQUESTS_RATE = REQUESTS_BURST / 60.0  # a second
MAX_REMEMBERED = 16  # requests of one operator's machine that are answered alike when they are repeated


class Request(NamedTuple):
    """What CONN asks for. port: at the device, 0: its LFCP. identity: the same in repetitions."""

    device: str
    port: int
    identity: EventId
    birthday: bool


class Side:
    __slots__ = (
        "inbound",  # what it seals
        "relayed_at",  # the last of it, at first when the meeting began
        "role",
        "sent",  # counters of its invitations
        "session",
        "taken",  # it acknowledged one
    )

    def __init__(self, session: DeviceSession, role: int, inbound: Inbound, mono: float) -> None:
        self.session = session
        self.role = role
        self.inbound = inbound
        self.relayed_at = mono
        self.sent: tuple[int, ...] = ()
        self.taken = False


class Meeting:
    """sides: by role. key: the session's; never shown, and dropped at the end."""

    __slots__ = (
        "allowance",  # of bytes to relay
        "began",  # wall µs
        "id",
        "invitations",  # to each side so far
        "key",
        "relayed_bytes",
        "request",
        "sides",
        "state",
        "why",  # it is over; None before
    )

    def __init__(
        self,
        number: int,
        key: bytes,
        request: Request,
        parties: tuple[DeviceSession, DeviceSession],
        allowance: float,
        now: Instant,
    ) -> None:
        """parties: who asked and the device. allowance: bytes that may be relayed at once."""
        self.id = number
        self.key = key
        self.request = request
        self.sides = tuple(Side(parties[role], role, Inbound(number, key, role), now.mono) for role in ROLES)
        self.state = MeetingState.INVITED
        self.why: RendezvousReason | None = None
        self.invitations = 0
        self.began = now.wall
        self.relayed_bytes = 0
        self.allowance = TokenBucket(allowance, now.mono)

    def __repr__(self) -> str:
        return f"Meeting({self.id:x}, {self.state})"

    def move(self, sign: MeetingSign) -> None:
        """Follow the table. KeyError for an illegal sign: a defect of ours."""
        self.state = TRANSITIONS[self.state, sign]

    @property
    def silent_since(self) -> float:
        """When something came last from the side that has been silent for longer."""
        return min(side.relayed_at for side in self.sides)

    def other(self, side: Side) -> Side:
        return self.sides[1 - side.role]

    def side_of(self, session: DeviceSession) -> Side | None:
        return next((side for side in self.sides if side.session is session), None)


class Asker:
    """An operator's machine that asked: its rate, and what became of its latest requests."""

    __slots__ = ("bucket", "requests")

    def __init__(self, mono: float) -> None:
        self.bucket = TokenBucket(REQUESTS_BURST, mono)
        self.requests: OrderedDict[EventId, Meeting] = OrderedDict()

    def remember(self, meeting: Meeting) -> None:
        self.requests[meeting.request.identity] = meeting
        if len(self.requests) > MAX_REMEMBERED:
            self.requests.popitem(last=False)


class Meetings:
    """Those under way. askers: by device id, as many as there are operators' machines. refusals: by reason, relayed_…:
    since the start."""

    __slots__ = ("_of", "askers", "by_id", "refusals", "relayed_bytes", "relayed_datagrams")

    def __init__(self) -> None:
        self.by_id: dict[int, Meeting] = {}
        self._of: dict[int, dict[int, Meeting]] = {}  # by the id of a party
        self.askers: dict[int, Asker] = {}
        self.refusals: Counter[RendezvousReason] = Counter()
        self.relayed_datagrams = 0
        self.relayed_bytes = 0

    def of(self, session: DeviceSession) -> list[Meeting]:
        return list(self._of.get(session.device.id, {}).values())

    def enter(self, meeting: Meeting) -> None:
        self.by_id[meeting.id] = meeting
        for side in meeting.sides:
            self._of.setdefault(side.session.device.id, {})[meeting.id] = meeting

    def leave(self, meeting: Meeting) -> None:
        del self.by_id[meeting.id]
        for party in _parties(meeting):
            del self._of[party][meeting.id]
            if not self._of[party]:
                del self._of[party]

    def asker(self, session: DeviceSession, mono: float) -> Asker:
        asker = self.askers.get(session.device.id)
        if asker is None:
            asker = self.askers[session.device.id] = Asker(mono)
        return asker

    def is_full(self, operator: DeviceSession, device: DeviceSession) -> bool:
        """For one more between these two."""
        counts = (len(self.by_id), len(self.of(operator)), len(self.of(device)))
        return any(
            count >= most for count, most in zip(counts, (MAX_MEETINGS, MAX_OF_OPERATOR, MAX_OF_DEVICE), strict=True)
        )


def proven_path(session: DeviceSession) -> Path | None:
    """Where datagrams reach it for sure; of two that compete the one it had."""
    path, signed = session.path, session.signed
    return path if signed is not None and signed.proven and path is not None and path.transport == "udp" else None


def _parties(meeting: Meeting) -> Iterator[int]:
    return (side.session.device.id for side in meeting.sides)
