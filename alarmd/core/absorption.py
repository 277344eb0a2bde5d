"""One incident, one alarm: when both servers of a pair raised one before they heard of the other's, one of them stays.

The preferred server's stays. The other is cleared without a word, what is still to be told of it is hushed, and its
acknowledgement moves over; later news of it is news of the one that stayed. Both servers come to the same result, each
by itself.
"""

from dataclasses import replace

from alarmd.core import follow_ups
from alarmd.core.alarm_lifecycle import AlarmSign, moved
from alarmd.core.alarm_versions import LOSSES, join_incident, keep, subject_of
from alarmd.core.alarms import counted
from alarmd.core.capture import ALARMD
from alarmd.core.device_session import NO_MOTIONS, DeviceSession
from alarmd.core.effects import HushAlarm
from alarmd.core.instant import SECOND
from alarmd.core.joins import join_alarm, same
from alarmd.core.loss_causes import Loss
from alarmd.core.records import Alarm, AlarmKind, AlarmState
from alarmd.core.state import State
from alarmd.core.turn import Turn


def settle(turn: Turn, alarm: Alarm) -> None:
    """Look whether an open alarm that the peer told of has a double."""
    double = next((other for other in _about_the_same(turn.state, alarm) if _doubles(turn.state, alarm, other)), None)
    if double is not None:
        stays, gone = sorted((alarm, counted(turn, double)), key=lambda one: _precedence(turn.state, one))
        _absorb(turn, gone, stays)


def standing_for(state: State, alarm_id: int) -> int:
    """The alarm in whose place this one was absorbed, or itself."""
    return state.absorbed.get(alarm_id, alarm_id)


def pass_on(turn: Turn, news: Alarm) -> None:
    """What people did about an alarm that was absorbed counts for the one that stayed."""
    stays = turn.state.alarms.get(turn.state.absorbed.get(news.id, news.id))
    if stays is None or stays.id == news.id:
        return
    stays = counted(turn, stays)
    after = _known_too(stays, news)
    if not same(after, stays):
        keep(turn, stays, replace(after, **turn.made()))


def _label(alarm: Alarm) -> str:
    return alarm.identity.split(":", 3)[1]


def _precedence(state: State, alarm: Alarm) -> tuple[bool, int]:
    pair = state.settings.pair
    return pair is None or _label(alarm) != pair.preferred, alarm.id


def _about_the_same(state: State, alarm: Alarm) -> list[Alarm]:
    """Open alarms of the same kind and device, or of the same cause."""
    session = state.by_id.get(alarm.device_id) if alarm.device_id is not None else None
    if alarm.kind is AlarmKind.MOTION:
        ids = list(state.motion_of.get(alarm.device_id or 0, ()))
    elif alarm.kind in LOSSES:
        ids = [state.loss_alarms.get((alarm.kind, subject_of(alarm)), 0)]
    else:
        tamper = session.signed.tamper_alarm if session is not None and session.signed is not None else None
        ids = [tamper] if tamper is not None and alarm.kind is AlarmKind.TAMPER else []
    return [state.alarms[id_] for id_ in ids if id_ != alarm.id and id_ in state.alarms]


def _doubles(state: State, one: Alarm, other: Alarm) -> bool:
    """Two that one server raised are two, whatever they are about."""
    if _label(one) == _label(other) or one.told is not other.told:
        return False
    latest = max(one.raised_at, other.raised_at)
    return one.kind is not AlarmKind.MOTION or all(latest <= _quiet_at(state, alarm) for alarm in (one, other))


def _quiet_at(state: State, alarm: Alarm) -> int:
    """When its incident is over, as far as is known: that it goes on may be an old word of a server that was away."""
    quiet = alarm.last_event_at + round(state.settings.incident_quiet * SECOND)
    return quiet if alarm.ended_at is None else min(quiet, alarm.ended_at)


def _absorb(turn: Turn, gone: Alarm, stays: Alarm) -> None:
    state, wall = turn.state, turn.now.wall
    session = state.by_id.get(gone.device_id) if gone.device_id is not None else None
    over = follow_ups.end(state, moved(gone, AlarmSign.CLEARED, wall, ALARMD))
    turn.save_alarm(replace(over, ended_at=gone.ended_at or wall, **turn.made()))
    turn.effects.append(HushAlarm(gone.id, wall))
    state.remember(state.absorbed, gone.id, stays.id)
    after = replace(_known_too(stays, gone), last_event_at=max(stays.last_event_at, gone.last_event_at))
    if gone.kind is AlarmKind.MOTION:
        after = _one_incident(session, after, gone)
    elif session is not None and session.signed is not None and session.signed.tamper_alarm == gone.id:
        session.signed.tamper_alarm = stays.id
    _one_loss(state, gone, stays)
    if not same(after, stays):
        keep(turn, stays, replace(after, **turn.made()))
    elif gone.kind is AlarmKind.MOTION:
        join_incident(turn, session, stays)


def _known_too(stays: Alarm, news: Alarm) -> Alarm:
    """With what people did about another alarm. That alarmd cleared it says nothing."""
    by_hand = news.state is AlarmState.CLEARED and news.cleared_by != ALARMD
    known = AlarmState.ACKNOWLEDGED if news.acknowledged_at is not None else AlarmState.RAISED
    as_if = replace(
        stays,
        state=AlarmState.CLEARED if by_hand else known,
        acknowledged_at=news.acknowledged_at,
        acknowledged_by=news.acknowledged_by,
        cleared_at=news.cleared_at if by_hand else None,
        cleared_by=news.cleared_by if by_hand else None,
        ended_at=news.ended_at or news.cleared_at if by_hand else stays.ended_at,
    )
    return join_alarm(stays, as_if)


def _one_incident(session: DeviceSession | None, stays: Alarm, gone: Alarm) -> Alarm:
    """It goes on if either does."""
    if session is not None and session.alarm_incident == gone.id:
        session.alarm_incident = None
        session.motions = NO_MOTIONS
    if stays.ended_at is None or gone.ended_at is None:
        return replace(stays, ended_at=None)
    return replace(stays, ended_at=max(stays.ended_at, gone.ended_at))


def _one_loss(state: State, gone: Alarm, stays: Alarm) -> None:
    """Who was lost with the one is lost with the other."""
    lost = state.losses.pop(gone.id, None)
    if lost is None:
        return
    kept = state.losses.setdefault(stays.id, Loss(lost.key))
    kept.members |= lost.members
    kept.told = max(kept.told, len(kept.members))
    for device_id in lost.members:
        state.by_id[device_id].loss_alarm = stays.id
    state.loss_alarms[lost.key] = stays.id
