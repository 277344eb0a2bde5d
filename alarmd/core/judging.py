"""In a cluster one member judges silence, or every site that fails would be told as many times as there are members.

The others hand over every device that is late: nobody hears it, so it is the same to whom it belongs, and the judge has
all late and lost devices in its own tallies. What it cannot see, where the others still hear devices, it is told as
LinesSeen while it matters. A device that is heard again anywhere leaves the judge with that datagram.
"""

from alarmd.core import failover, follow_ups
from alarmd.core.inputs import JudgeChosen, LinesSeen
from alarmd.core.loss_causes import SHARED, drop_loss, line_works
from alarmd.core.losses import expect_the_rest, leave_loss
from alarmd.core.records import AlarmKind
from alarmd.core.startup import restore_losses
from alarmd.core.state import State
from alarmd.core.turn import Turn


def judge_chosen(turn: Turn, chosen: JudgeChosen) -> None:
    """Alarms that are about no single device belong to the judge. Their lost devices join them as they are taken."""
    state = turn.state
    state.judges = chosen.judges
    if not chosen.judges:
        _let_go(state)
        return
    for alarm in chosen.alarms:
        state.enter_alarm(alarm)
    follow_ups.restore(state, chosen.alarms, turn.now)
    restore_losses(state, state.by_id.values(), turn.now)
    failover.expect_ends(state)


def lines_seen(turn: Turn, seen: LinesSeen) -> None:
    state = turn.state
    state.hosts_elsewhere, state.heard_elsewhere = seen.hosts, seen.anybody
    for alarm_id, loss in list(state.losses.items()):
        for device_id in loss.members.intersection(seen.found):
            leave_loss(turn, device_id, alarm_id, "contact with the last device is back")
    for key, alarm_id in list(state.loss_alarms.items()):
        if key[0] in SHARED and line_works(state, key):
            expect_the_rest(state, alarm_id, turn.now.mono)


def asked_lines(state: State) -> tuple[frozenset[str], frozenset[int]]:
    """What the judge has to know: addresses where devices are late or lost, and members of shared losses that are not
    here for the moment."""
    shared = [loss for loss in state.losses.values() if loss.key[0] in SHARED]
    sites = {loss.key[1] for loss in shared if loss.key[0] is AlarmKind.SITE_LOST}
    away = {device_id for loss in shared for device_id in loss.members if device_id not in state.by_id}
    return frozenset(state.late_at.keys() | sites), frozenset(away)


def _let_go(state: State) -> None:
    for alarm in [alarm for alarm in state.alarms.values() if alarm.device_id is None]:
        if alarm.id in state.losses:
            drop_loss(state, alarm.id)
        for line in state.follow_ups.values():
            line.pop(alarm.id, None)
        state.leave_alarm(alarm)
    state.hosts_elsewhere, state.heard_elsewhere = frozenset(), False
