"""Raising, joining and ending alarms: motion by incident, loss by cause."""

from collections.abc import Iterable
from dataclasses import replace

from alarmd.core import capture, follow_ups, numbering
from alarmd.core.alarm_lifecycle import AlarmSign, moved
from alarmd.core.device_session import NO_MOTIONS, DeviceSession
from alarmd.core.event_kinds import EventKind
from alarmd.core.instant import SECOND
from alarmd.core.records import Alarm, AlarmKind, AlarmState, Standing
from alarmd.core.routing import tell
from alarmd.core.state import MAX_ALARMS, STRANGERS_SHARE, State
from alarmd.core.turn import Said, Turn
from alarmd.core.wording import sentence
from alarmd.core.zones import is_armed

INCIDENT = "incident"  # kind of appointment: has it gone quiet?


def room_for_motion(turn: Turn, session: DeviceSession) -> bool:
    """Whether a motion may raise an alarm; makes room by closing the oldest incident that is over."""
    state = turn.state
    if session.alarm_incident is not None:
        return True
    stranger = session.device.standing is not Standing.ADOPTED
    if stranger and len(state.strangers_alarms) >= MAX_ALARMS // STRANGERS_SHARE:
        return _close_oldest(turn, sorted(state.strangers_alarms))
    return len(state.motion_alarms) < MAX_ALARMS or _close_oldest(turn, state.motion_alarms)


def motion(turn: Turn, session: DeviceSession, text: str, said: Said | None = None) -> None:
    """Motion seen by a device: the start of an incident, or one more event of it.

    An incident that was told nobody ends when the zone is armed: who was there before is an alarm now. One that was
    told ends when the zone is disarmed, or it would swallow the motion after the zone is armed again.
    """
    state, now = turn.state, turn.now
    alarm = state.alarms.get(session.alarm_incident) if session.alarm_incident is not None else None
    told = _watched(turn, session)
    if alarm is not None and (_is_over(turn, session) or told is not alarm.told):
        end_incident(turn, session)
        alarm = None
    joins = alarm or _raised_by_the_peer(turn, session, told)
    alarm = joins or raise_alarm(turn, AlarmKind.MOTION, session, session.device.name, text, told)
    if session.alarm_incident != alarm.id:
        go_on(state, session, alarm.id, now.mono)
    if joins is not None:
        session.motions = session.motions[0] + 1, now.wall  # see counted: the events are stored one by one anyway
    session.motion_at = now.mono
    turn.record(EventKind.MOTION, text, session, alarm_id=alarm.id, said=said)


def _raised_by_the_peer(turn: Turn, session: DeviceSession, told: bool) -> Alarm | None:
    """Just now, while another incident went on here."""
    state, settings = turn.state, turn.state.settings
    if settings.pair is None:
        return None
    since = turn.now.wall - round(settings.incident_quiet * SECOND)
    known = (state.alarms[alarm_id] for alarm_id in state.motion_of.get(session.device.id, ()))
    alike = (alarm for alarm in known if alarm.told is told and alarm.ended_at is None)
    return next((alarm for alarm in alike if alarm.last_event_at >= since), None)


def go_on(state: State, session: DeviceSession, alarm_id: int, motion_at: float) -> None:
    """The device's incident is this alarm's until it was quiet for a while. motion_at: s, of its last motion."""
    session.alarm_incident = alarm_id
    session.motion_at = motion_at
    state.agenda.add(motion_at + state.settings.incident_quiet, INCIDENT, alarm_id)


def check_incident(turn: Turn, alarm_id: int) -> None:
    """The appointment of a motion alarm: its incident is over, or goes on."""
    alarm = turn.state.alarms.get(alarm_id)
    session = turn.state.by_id.get(alarm.device_id) if alarm and alarm.device_id is not None else None
    if alarm is None or session is None or session.alarm_incident != alarm_id:
        return
    quiet_at = session.motion_at + turn.state.settings.incident_quiet
    if turn.now.mono < quiet_at:
        turn.state.agenda.add(quiet_at, INCIDENT, alarm_id)
    else:
        end_incident(turn, session)


def raise_alarm(
    turn: Turn,
    kind: AlarmKind,
    session: DeviceSession | None,
    subject: str,
    text: str,
    told: bool,
) -> Alarm:
    """Make an alarm and tell of it. session: the device it concerns, None for a site or the server. subject: the
    device's name, the site's address, or nothing; the identity ends with it."""
    state, now, made = turn.state, turn.now, turn.made()
    alarm = Alarm(
        id=numbering.next_alarm(state),
        identity=f"{kind}:{made['origin']}:{made['hlc']:x}:{subject}",
        kind=kind,
        state=AlarmState.RAISED,
        device_id=session.device.id if session else None,
        zone_id=session.device.zone_id if session else None,
        text=text,
        raised_at=now.wall,
        last_event_at=now.wall,
        event_count=1,
        ended_at=None,
        told=told,
        acknowledged_at=None,
        acknowledged_by=None,
        cleared_at=None,
        cleared_by=None,
        followed_up=0,
        follow_up_at=None,
        picture_by=None,
        picture="",
        pictures=0,
        **made,
    )
    alarm = follow_ups.begin(turn, alarm)
    if kind is AlarmKind.MOTION and session is not None:
        alarm = capture.for_alarm(turn, alarm, session)
    turn.save_alarm(alarm)
    if kind is AlarmKind.MOTION:
        count_motion(state, alarm, session)
    turn.record(EventKind.ALARM_RAISED, text, session, alarm_id=alarm.id)
    tell(turn, alarm, "raised", sentence(alarm))
    return alarm


def count_motion(state: State, alarm: Alarm, session: DeviceSession | None) -> None:
    """Losses do not count: many lost devices must not keep the motion of others from being told."""
    state.motion_alarms[alarm.id] = None
    if session is None:
        return
    state.motion_of.setdefault(session.device.id, {})[alarm.id] = None
    if session.device.standing is not Standing.ADOPTED:
        state.strangers_alarms.add(alarm.id)


def count_as_adopted(state: State, session: DeviceSession) -> None:
    """What strangers do closes alarms of strangers only."""
    own = {alarm_id for alarm_id in state.strangers_alarms if state.alarms[alarm_id].device_id == session.device.id}
    state.strangers_alarms -= own


def acknowledge(turn: Turn, alarm: Alarm, by: str) -> Alarm:
    """A person knows of it. Saying so twice changes nothing: the first name stays."""
    alarm = counted(turn, alarm)
    after = moved(alarm, AlarmSign.ACKNOWLEDGED, turn.now.wall, by)
    if after is not alarm:
        after = replace(follow_ups.end(turn.state, after), **turn.made())
        turn.save_alarm(after)
        _record(turn, EventKind.ALARM_ACKNOWLEDGED, after, f"by {by}")
        tell(turn, after, "acknowledged", f"alarm {alarm.id} acknowledged by {by}")
    return after


def clear(turn: Turn, alarm: Alarm, by: str, text: str) -> Alarm:
    """It is over: a person said so, or its cause is gone."""
    now, alarm = turn.now, counted(turn, alarm)
    after = follow_ups.end(turn.state, moved(alarm, AlarmSign.CLEARED, now.wall, by))
    after = replace(after, ended_at=alarm.ended_at or now.wall, **turn.made())
    turn.save_alarm(after)
    session = turn.state.by_id.get(alarm.device_id) if alarm.device_id is not None else None
    if session is not None and session.alarm_incident == alarm.id:
        session.alarm_incident = None
    _record(turn, EventKind.ALARM_CLEARED, after, text)
    tell(turn, after, "cleared", text)
    return after


def _watched(turn: Turn, session: DeviceSession) -> bool:
    """Whether motion of this device is told: its zone is armed and the operator has not set it aside."""
    if turn.now.mono < turn.state.muted.get(session.device.id, 0.0):
        return False
    zone = turn.state.zones[session.device.zone_id]
    return session.device.standing is not Standing.QUARANTINED and is_armed(turn.state, zone, turn.now.wall)


def _is_over(turn: Turn, session: DeviceSession) -> bool:
    return turn.now.mono - session.motion_at >= turn.state.settings.incident_quiet


def counted(turn: Turn, alarm: Alarm) -> Alarm:
    """The alarm with the motion since it was last written. Copying 20 fields at every motion would cost a third of
    what the rules do for it."""
    session = turn.state.by_id.get(alarm.device_id) if alarm.device_id is not None else None
    if session is None or session.alarm_incident != alarm.id or session.motions is NO_MOTIONS:
        return alarm
    more, last = session.motions
    session.motions = NO_MOTIONS
    known = turn.state.alarms[alarm.id] = replace(alarm, event_count=alarm.event_count + more, last_event_at=last)
    return known


def end_incident(turn: Turn, session: DeviceSession) -> None:
    """The alarm stays raised until a person deals with it; the next motion is a new one. Nothing if there is none."""
    if session.alarm_incident is None:
        return
    alarm = counted(turn, turn.state.alarms[session.alarm_incident])
    session.alarm_incident = None
    turn.save_alarm(replace(alarm, ended_at=turn.now.wall, **turn.made()))


def _close_oldest(turn: Turn, candidates: Iterable[int]) -> bool:
    for alarm_id in candidates:
        alarm = turn.state.alarms[alarm_id]
        if alarm.ended_at is not None:
            clear(turn, alarm, "alarmd", f"alarm {alarm_id} closed: too many open alarms")
            return True
    return False


def _record(turn: Turn, kind: EventKind, alarm: Alarm, text: str) -> None:
    session = turn.state.by_id.get(alarm.device_id) if alarm.device_id is not None else None
    turn.record(kind, text, session, zone_id=alarm.zone_id, alarm_id=alarm.id)
