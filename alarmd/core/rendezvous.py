"""Who may meet whom: requests of operators' machines, invitations to both sides, and the end; docs/protocol.md,
"Rendezvous". What the two then say to each other is in relaying.py.
"""

import re

from alarmd.core.device_session import DeviceSession
from alarmd.core.event_kinds import EventKind
from alarmd.core.instant import SECOND
from alarmd.core.invitations import acknowledge_request, dismiss, invite
from alarmd.core.meeting_lifecycle import MeetingSign, MeetingState
from alarmd.core.meetings import REQUESTS_BURST, REQUESTS_RATE, Asker, Meeting, Request, Side, proven_path
from alarmd.core.records import Standing
from alarmd.core.rejections import Rejection
from alarmd.core.signed_commands import REACHABLE
from alarmd.core.signed_exchange import SignedExchange
from alarmd.core.turn import Turn
from lfcp import Message
from lfcp.constants import PNCH_FIRST_MS, PNCH_RESENDS, RELAY_IDLE_MS, RendezvousReason, Verb
from lfcp.signed_fields import read_event
from lfcp.tunnel import session_key

MEETING = "meeting"  # kind of appointment: invite again, or is it idle?
FIRST_WAIT = PNCH_FIRST_MS / 1000  # s
IDLE = RELAY_IDLE_MS / 1000  # s
MAX_PORT = 65535
BIRTHDAY = "b"  # the option
_PORT = re.compile(r"0|[1-9][0-9]{0,4}")
_OPTIONS = re.compile(r"-|[a-z]{1,8}")
_REASONS = {str(reason): reason for reason in RendezvousReason}


def requested(turn: Turn, exchange: SignedExchange) -> Rejection | None:
    """CONN. Every one that can be read is answered once; a repeated one gets what the first one got."""
    request = _read(exchange.message)
    if request is None:
        return Rejection.BAD_FIELDS
    session, state = exchange.session, turn.state
    if session.device.standing is not Standing.OPERATOR:
        _refuse(turn, exchange, request, RendezvousReason.NOT_OPERATOR)
        return None
    if proven_path(session) != exchange.frame.path:
        _refuse(turn, exchange, request, RendezvousReason.UNPROVEN)
        return None
    asker = state.meetings.asker(session, turn.now.mono)
    meeting = asker.requests.get(request.identity)
    if meeting is not None:
        acknowledge_request(turn, exchange, meeting.why, meeting.id)
        return None
    device = _whom(turn, asker, session, request)
    if isinstance(device, RendezvousReason):
        _refuse(turn, exchange, request, device)
        return None
    meeting = _arrange(turn, exchange, request, device)
    asker.remember(meeting)
    acknowledge_request(turn, exchange, None, meeting.id)
    _invite(turn, meeting)
    return None


def answered(turn: Turn, session: DeviceSession, counter: int, meeting_id: int, refused: str | None) -> None:
    """The ACK of the invitation that had this counter. refused: why, None: it is taken. Nothing for one of a session
    that is over: a late copy."""
    meeting = turn.state.meetings.by_id.get(meeting_id)
    side = meeting.side_of(session) if meeting is not None else None
    if meeting is None or side is None or counter not in side.sent:
        return
    if refused is not None:
        end(turn, meeting, _REASONS.get(refused, RendezvousReason.REFUSED), side)
    elif not side.taken:
        _take(turn, meeting, side)


def look(turn: Turn, meeting_id: int) -> None:
    """The appointment, of which each meeting always has one."""
    meeting = turn.state.meetings.by_id.get(meeting_id)
    if meeting is None:
        return
    idle_at = meeting.silent_since + IDLE
    if meeting.state is not MeetingState.MET:
        if meeting.invitations > PNCH_RESENDS:
            end(turn, meeting, RendezvousReason.UNANSWERED)
        else:
            _invite(turn, meeting)
    elif idle_at > turn.now.mono:
        turn.state.agenda.add(idle_at, MEETING, meeting_id)
    else:
        end(turn, meeting, RendezvousReason.ENDED)


def end(
    turn: Turn,
    meeting: Meeting,
    why: RendezvousReason,
    besides: Side | None = None,
    about: DeviceSession | None = None,
) -> None:
    """besides: the side that knows, or that nothing more is to be sent to. about: whom the event is filed under, the
    device if it is None."""
    _close(turn, meeting, why, about or meeting.sides[1].session)
    for side in meeting.sides:
        path = proven_path(side.session)
        if side is not besides and path is not None:
            dismiss(turn, side.session, path, meeting.id, why)


def _close(turn: Turn, meeting: Meeting, why: RendezvousReason, about: DeviceSession) -> None:
    met = meeting.state is MeetingState.MET
    meeting.move(MeetingSign.ENDED)
    meeting.why = why
    meeting.key = b""
    turn.state.meetings.leave(meeting)
    if met:
        text = f"{_title(meeting)} is over: {why}; {meeting.relayed_bytes} bytes were relayed"
        turn.record(EventKind.CONNECTION_ENDED, text, about)
    else:
        turn.state.meetings.refusals[why] += 1
        turn.record(EventKind.CONNECTION_REFUSED, f"{_title(meeting)}: {why}", about)


def restarted(turn: Turn, session: DeviceSession) -> None:
    """It started anew, or uses another key: the keys of its sessions are lost to it, or may be somebody else's. Of an
    operator's machine another program may still run, where the first one was."""
    is_device = session.device.standing is not Standing.OPERATOR
    for meeting in turn.state.meetings.of(session):
        end(turn, meeting, RendezvousReason.ENDED, meeting.side_of(session) if is_device else None)


def left(turn: Turn, session: DeviceSession) -> None:
    """It is forgotten, in quarantine, or another server's by now, which alone may store what happens to it."""
    for meeting in turn.state.meetings.of(session):
        for side in meeting.sides:
            if side.session is session:
                end(turn, meeting, RendezvousReason.ENDED, side, meeting.other(side).session)
    turn.state.meetings.askers.pop(session.device.id, None)


def stop(turn: Turn) -> None:
    """This server stops, and the next run knows none of them. Nobody is told: two sides that reach each other directly
    need no server, and those that do not notice."""
    for meeting in list(turn.state.meetings.by_id.values()):
        _close(turn, meeting, RendezvousReason.ENDED, meeting.sides[1].session)


def _read(message: Message) -> Request | None:
    device, port, asked, options = message.params[:4]
    identity = read_event(asked)
    if identity is None or _PORT.fullmatch(port) is None or int(port) > MAX_PORT or _OPTIONS.fullmatch(options) is None:
        return None
    return Request(device, int(port), identity, BIRTHDAY in options)


def _whom(turn: Turn, asker: Asker, operator: DeviceSession, request: Request) -> DeviceSession | RendezvousReason:
    """The device, or why it cannot be met."""
    state, settings = turn.state, turn.state.settings
    device = state.sessions.get(request.device)
    if not settings.rendezvous.enabled:
        return RendezvousReason.DISABLED
    if not asker.bucket.take(turn.now.mono, REQUESTS_RATE, REQUESTS_BURST):
        return RendezvousReason.TOO_MANY
    if device is None and settings.member is not None:  # of a cluster another member may have it
        return RendezvousReason.UNREACHABLE
    if device is None or device.device.standing is not Standing.ADOPTED or device.signed is None:
        return RendezvousReason.UNKNOWN_DEVICE
    if proven_path(device) is None or device.presence not in REACHABLE:
        return RendezvousReason.UNREACHABLE
    if Verb.PNCH not in device.knows:
        return RendezvousReason.NOT_ABLE
    full = state.backlog_full or state.meetings.is_full(operator, device)
    return RendezvousReason.TOO_MANY if full else device


def _refuse(turn: Turn, exchange: SignedExchange, request: Request, why: RendezvousReason) -> None:
    turn.state.meetings.refusals[why] += 1
    acknowledge_request(turn, exchange, why, None)
    text = f"it asked for {_what(request)}, from {exchange.frame.path}: {why}"
    turn.record_sometimes(EventKind.CONNECTION_REFUSED, text, exchange.session, exchange.signed)


def _arrange(turn: Turn, exchange: SignedExchange, request: Request, device: DeviceSession) -> Meeting:
    """Its number is one of the counters to role 0, of which none comes twice: so no key of a session does."""
    state, signed, parties = turn.state, exchange.signed, (exchange.session, device)
    number = signed.next_counter(turn.now.mono, exchange.frame.path)
    while number in state.meetings.by_id:
        number = signed.next_counter(turn.now.mono, exchange.frame.path)
    key = session_key(_seal_key(exchange.session), _seal_key(device), number)
    allowance = state.settings.rendezvous.relay_bytes_per_second
    meeting = Meeting(number, key, request, parties, allowance, turn.now)
    state.meetings.enter(meeting)
    return meeting


def _seal_key(session: DeviceSession) -> bytes:
    signed = session.signed
    assert signed is not None
    return signed.sub_keys(signed.active).seal_down


def _invite(turn: Turn, meeting: Meeting) -> None:
    """Both, or the one that has not acknowledged it, and look again."""
    birthday = meeting.request.birthday and turn.state.settings.rendezvous.birthday
    for side in meeting.sides:
        path, other = proven_path(side.session), meeting.other(side).session
        if not side.taken and path is not None and other.path is not None:
            invite(turn, meeting, side, path, BIRTHDAY if birthday else "-")
    turn.state.agenda.add(turn.now.mono + FIRST_WAIT * (1 << meeting.invitations), MEETING, meeting.id)
    meeting.invitations += 1


def _take(turn: Turn, meeting: Meeting, side: Side) -> None:
    side.taken = True
    meeting.move(MeetingSign.TAKEN)
    if meeting.state is MeetingState.MET:
        seconds = (turn.now.wall - meeting.began) / SECOND
        turn.record(EventKind.CONNECTED, f"{_title(meeting)}, after {seconds:.1f} s", meeting.sides[1].session)


def _title(meeting: Meeting) -> str:
    return f"session {meeting.id:x} of {meeting.sides[0].session.device.name} with {_what(meeting.request)}"


def _what(request: Request) -> str:
    return f"{request.device}, UDP port {request.port}" if request.port else f"{request.device}, its LFCP"
