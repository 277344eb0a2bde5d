"""Two versions of one record become one, alike at both servers, in whatever order they come and however often.

Each join is commutative and idempotent and, for versions that servers can make, associative: nothing that was known is
ever less known afterwards (conflict-free replicated data types; Shapiro et al., INRIA RR-7506, 2011). Both versions
name devices, zones and sites by the same ids; whoever joins sees to that.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from alarmd.core.capture import ALARMD
from alarmd.core.command_lifecycle import FINAL
from alarmd.core.command_queue import UNANSWERED
from alarmd.core.records import (
    Alarm,
    AlarmState,
    Camera,
    Command,
    CommandState,
    Device,
    Replicated,
    Site,
    Standing,
    Zone,
)
from alarmd.core.signed_commands import SAID_FAILED

R = TypeVar("R", Alarm, Camera, Command, Device, Site, Zone)
ALARM_CLIMBS = tuple(AlarmState)  # in the order of the lifecycle
WISHES = ("detector_wish", "wanted_detector", "wanted_version", "camera_wish", "settings")


def version(record: Replicated) -> tuple[int, str]:
    """What orders the versions of a record; of two servers' with one stamp the labels decide."""
    return record.hlc, record.origin


def merged(join: Callable[[R, R], R], mine: R | None, theirs: R) -> tuple[R | None, bool]:
    """What is to be stored instead of `mine`, None: nothing; and whether that is a version that neither server has yet.

    It ends: who has nothing new to say answers nothing, and what is joined only ever climbs, and so do versions."""
    if mine is None:
        return theirs, False
    if mine.origin == theirs.origin:  # who made both knew the older one when it made the newer
        return (theirs, False) if theirs.hlc > mine.hlc else (None, False)
    result = join(mine, theirs)
    if same(result, theirs) and version(theirs) > version(mine):
        return theirs, False
    return (None, False) if same(result, mine) else (result, True)


def same(one: R, other: R) -> bool:
    """Whether two versions say the same, whoever made them."""
    return replace(one, origin=other.origin, hlc=other.hlc) == other


def newest(mine: R, theirs: R) -> R:
    """The last writer wins."""
    return max(mine, theirs, key=version)


def join_device(mine: Device, theirs: Device) -> Device:
    """Of devices that are not forgotten. What nobody decided on gives way to what a person did, however new it is: both
    servers admit a stranger by themselves. Wishes go together, since their version belongs to all of them."""
    winner = max(mine, theirs, key=lambda device: (_is_decided(device), version(device)))
    wishing = max(mine, theirs, key=lambda device: (device.wanted_version, device is winner))
    return replace(
        winner,
        first_seen=min(mine.first_seen, theirs.first_seen),
        **{name: getattr(wishing, name) for name in WISHES},
    )


def join_alarm(mine: Alarm, theirs: Alarm) -> Alarm:
    """Who acknowledged or cleared it first did; what was told to somebody was told."""
    newer = newest(mine, theirs)
    state = max(mine.state, theirs.state, key=ALARM_CLIMBS.index)
    acknowledged_at, acknowledged_by = _first(mine, theirs, "acknowledged")
    cleared_at, cleared_by = _first(mine, theirs, "cleared")
    return replace(
        newer,
        state=state,
        last_event_at=max(mine.last_event_at, theirs.last_event_at),
        event_count=max(mine.event_count, theirs.event_count),
        ended_at=_ended(mine, theirs),
        told=mine.told or theirs.told,
        acknowledged_at=acknowledged_at,
        acknowledged_by=acknowledged_by,
        cleared_at=cleared_at,
        cleared_by=cleared_by,
        followed_up=max(mine.followed_up, theirs.followed_up),
        follow_up_at=newer.follow_up_at if state is AlarmState.RAISED else None,
    )


def join_command(mine: Command, theirs: Command) -> Command:
    """One outcome: what the device did weighs more than what it did not say, and its last word more than its first
    (LFCP/1 acknowledges, then reports an error). Of two alike, the earlier."""
    decided = max(mine, theirs, key=_weight)
    return replace(
        newest(mine, theirs),
        state=decided.state,
        finished_at=decided.finished_at,
        outcome=decided.outcome,
        params=decided.params,
        attempts=max(mine.attempts, theirs.attempts),
        sent_at=max(mine.sent_at, theirs.sent_at, key=lambda at: at or 0),
    )


def _is_decided(device: Device) -> bool:
    """Whether the operator said anything about it; to let it out of quarantine counts as a wish."""
    return device.standing is not Standing.ADMITTED or device.wanted_version > 0


def _first(mine: Alarm, theirs: Alarm, what: str) -> tuple[int | None, str | None]:
    """When and by whom it was acknowledged or cleared first; a person's word goes before alarmd's own."""
    said = [(getattr(alarm, f"{what}_at"), getattr(alarm, f"{what}_by")) for alarm in (mine, theirs)]
    return min(said, key=lambda one: (one[0] is None, one[1] == ALARMD, one[0] or 0, one[1] or ""))


def _ended(mine: Alarm, theirs: Alarm) -> int | None:
    """When the incident went quiet is the last writer's word; one that is cleared has ended, whatever a version from
    before says."""
    cleared = [alarm.ended_at for alarm in (mine, theirs) if alarm.state is AlarmState.CLEARED]
    return max(cleared, key=lambda at: at or 0) if cleared else newest(mine, theirs).ended_at


def _weight(command: Command) -> tuple[int, int, str, tuple[str, ...]]:
    return _rank(command), -(command.finished_at or 0), command.outcome, command.params


def _rank(command: Command) -> int:
    if command.state not in FINAL:
        return 0 if command.state is CommandState.QUEUED else 1
    if command.state is CommandState.EXPIRED:
        return 2
    if command.state is CommandState.ACKED:
        return 4
    return {UNANSWERED: 3, SAID_FAILED: 5}.get(command.outcome, 6)
