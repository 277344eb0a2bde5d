"""Alarms of the peer: each has one life at both servers, whoever raised it, and what was known of it stays known."""

from dataclasses import replace

from alarmd.core import absorption
from alarmd.core.alarm_versions import keep
from alarmd.core.alarms import counted
from alarmd.core.joins import join_alarm, merged
from alarmd.core.peer_names import UselessRecordError, device_id_of, zone_id_of
from alarmd.core.records import Alarm, AlarmKind, Told
from alarmd.core.state import State
from alarmd.core.turn import Turn

IDENTITY_PARTS = 4  # kind, label, stamp, subject


def merge_alarm(turn: Turn, told: Told, alarm: Alarm) -> None:
    state = turn.state
    if len(alarm.identity.split(":", IDENTITY_PARTS - 1)) < IDENTITY_PARTS:
        raise UselessRecordError(f"alarm {alarm.id} is called {alarm.identity!r}")
    mine = state.alarms.get(alarm.id) or state.ended_alarms.get(alarm.id)
    if mine is not None and mine.identity != alarm.identity:
        raise UselessRecordError(f"alarm {alarm.id} is {mine.identity} here and {alarm.identity} there")
    mine = _counted(turn, mine) if mine is not None else None
    theirs = _as_seen_here(state, told, mine, alarm)
    result, new = merged(join_alarm, _of_no_incident(state, mine, theirs), theirs)
    if _ended_later(mine, theirs):
        result, new = result or mine, True
    if result is not None:
        keep(turn, mine, replace(result, **turn.made()) if new else result)
    absorption.pass_on(turn, theirs)
    if alarm.id in state.alarms:
        absorption.settle(turn, state.alarms[alarm.id])


def _counted(turn: Turn, alarm: Alarm) -> Alarm:
    """With motion here that no version tells of yet; then it is one of our own."""
    known = counted(turn, alarm)
    return known if known is alarm else replace(known, **turn.made())


def _as_seen_here(state: State, told: Told, mine: Alarm | None, alarm: Alarm) -> Alarm:
    """By our own numbers of devices and zones, and with our own pictures."""
    if mine is None:
        device_id, zone_id = device_id_of(state, told.device), zone_id_of(state, told.zone)
        return replace(alarm, device_id=device_id, zone_id=zone_id, picture_by=None, picture="", pictures=0)
    own = ("device_id", "zone_id", "picture_by", "picture", "pictures")
    return replace(alarm, **{name: getattr(mine, name) for name in own})


def _of_no_incident(state: State, mine: Alarm | None, theirs: Alarm) -> Alarm | None:
    """That it has not ended is the word of whoever has its incident; without one the peer's word counts."""
    if mine is None or mine.ended_at is not None or theirs.ended_at is None:
        return mine
    session = state.by_id.get(mine.device_id) if mine.device_id is not None else None
    ours = session is not None and session.alarm_incident == mine.id
    return mine if ours or mine.kind is not AlarmKind.MOTION else replace(mine, ended_at=theirs.ended_at)


def _ended_later(mine: Alarm | None, theirs: Alarm) -> bool:
    """Here than the peer thinks: it did not believe our word while the incident went on there, and has to hear it once
    more."""
    return mine is not None and theirs.ended_at is not None and (mine.ended_at or 0) > theirs.ended_at
