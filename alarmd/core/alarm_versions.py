"""A version of an alarm that came about elsewhere, filed here as if it had come about here. Nobody is told."""

from alarmd.core import follow_ups
from alarmd.core.alarms import count_motion, go_on
from alarmd.core.capture import ALARMD
from alarmd.core.device_session import NO_MOTIONS, DeviceSession
from alarmd.core.loss_causes import Loss, drop_loss
from alarmd.core.losses import cleared_by_hand
from alarmd.core.records import Alarm, AlarmKind, AlarmState
from alarmd.core.state import State
from alarmd.core.turn import Turn

LOSSES = (AlarmKind.CONTACT_LOST, AlarmKind.SITE_LOST, AlarmKind.UPLINK_LOST)


def keep(turn: Turn, before: Alarm | None, after: Alarm) -> None:
    """before: as it was known here, None: not at all."""
    state = turn.state
    session = state.by_id.get(after.device_id) if after.device_id is not None else None
    if after.state is AlarmState.CLEARED:
        _over(turn, session, after)
    elif after.kind is AlarmKind.MOTION:
        count_motion(state, after, session)
        join_incident(turn, session, after)
    turn.save_alarm(after)
    _file(state, session, after)
    follow_ups.replan(state, before, after, turn.now)


def join_incident(turn: Turn, session: DeviceSession | None, alarm: Alarm) -> None:
    """Motion here belongs to it until it has ended, unless there is another incident already."""
    if session is None:
        return
    if alarm.ended_at is not None:
        _leave_incident(session, alarm)
        return
    last = min(turn.now.mono, turn.now.mono_at(alarm.last_event_at))
    if session.alarm_incident is None:
        go_on(turn.state, session, alarm.id, last)
    elif session.alarm_incident == alarm.id:
        session.motion_at = max(session.motion_at, last)


def subject_of(alarm: Alarm) -> str:
    """What it is about, the last part of its identity."""
    return alarm.identity.split(":", 3)[3]


def _leave_incident(session: DeviceSession, alarm: Alarm) -> None:
    if session.alarm_incident == alarm.id:
        session.alarm_incident = None
        session.motions = NO_MOTIONS


def _over(turn: Turn, session: DeviceSession | None, alarm: Alarm) -> None:
    """As it was cleared there: by a person, or because its cause is gone."""
    if session is not None:
        _leave_incident(session, alarm)
    loss = turn.state.losses.get(alarm.id)
    if loss is None:
        return
    if loss.members and alarm.cleared_by != ALARMD:
        cleared_by_hand(turn, alarm.id)
    else:
        drop_loss(turn.state, alarm.id)


def _file(state: State, session: DeviceSession | None, alarm: Alarm) -> None:
    """The next loss here, or the next sign of a clone, belongs to it, unless there is another one of that already."""
    if alarm.state is AlarmState.CLEARED:
        return
    if alarm.kind in LOSSES:
        key = alarm.kind, subject_of(alarm)
        if alarm.id not in state.losses and key not in state.loss_alarms:
            state.losses[alarm.id] = Loss(key)
            state.loss_alarms[key] = alarm.id
        if alarm.id in state.losses:
            state.losses[alarm.id].told = max(state.losses[alarm.id].told, alarm.event_count)
    signed = session.signed if session is not None else None
    if alarm.kind is AlarmKind.TAMPER and signed is not None and signed.tamper_alarm not in state.alarms:
        signed.tamper_alarm = alarm.id
