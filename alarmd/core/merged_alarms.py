"""Alarms of the peer: each has one life at both servers, whoever raised it, and what was known of it stays known."""

from dataclasses import replace

from alarmd.core import absorption
from alarmd.core.alarm_versions import keep
from alarmd.core.alarms import counted
from alarmd.core.joins import join_alarm, merged
from alarmd.core.peer_names import UselessRecordError, device_id_of, zone_id_of
from alarmd.core.records import Alarm, Told
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
    before, mine = mine, _counted(turn, mine) if mine is not None else None
    theirs = _as_seen_here(state, told, mine, alarm)
    result, new = merged(join_alarm, mine, theirs)
    if result is None and mine is not before:
        result = mine
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
