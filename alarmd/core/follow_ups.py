"""What happens while nobody acknowledges an alarm: more people are told, and those who know are reminded.

Both follow from the alarm's age, in whole seconds, by a plan that is the same for all alarms: its steps are the ages at
which somebody is told. Alarms on the way to one step come up in the order in which they were raised, so each step has
one line of them and one appointment. A line holds open alarms only.
"""

import math
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from alarmd.core.instant import Instant
from alarmd.core.records import Alarm, AlarmState
from alarmd.core.routing import reached_routes, tell
from alarmd.core.settings import Settings
from alarmd.core.state import State
from alarmd.core.turn import Turn
from alarmd.core.wording import sentence

FOLLOW_UP = "follow_up"  # kind of appointment: of a step; who has not been acknowledged by then?
AT_ONCE = 500  # alarms followed up in one turn
BREATH = 0.1  # s between two such turns
GRACE = 10.0  # s before what the peer told of late is followed up here


def begin(turn: Turn, alarm: Alarm) -> Alarm:
    """Plan the first step of a new alarm."""
    return _planned(turn.state, alarm, turn.now)


def end(state: State, alarm: Alarm) -> Alarm:
    """Somebody knows of it, or it is over."""
    step = next_step(state.settings, alarm.followed_up)
    if step is not None:
        state.follow_ups.get(step, OrderedDict()).pop(alarm.id, None)
    return replace(alarm, follow_up_at=None)


def replan(state: State, before: Alarm | None, after: Alarm, now: Instant) -> None:
    """The peer told of it: who is told next, and when, may have changed. What came due meanwhile waits for a moment, so
    that the peer may say first that somebody knows."""
    if before is not None:
        end(state, before)
    step = next_step(state.settings, after.followed_up)
    if after.state is AlarmState.RAISED and after.told and step is not None:
        _wait(state, step, after.id, max(now.mono + GRACE, now.mono_at(after.raised_at) + step))


def restore(state: State, alarms: Iterable[Alarm], now: Instant) -> None:
    """After a restart. What came due meanwhile comes up at once; what follows it keeps its distance. An alarm without a
    plan gets one, if there is one now."""
    open_ = [alarm for alarm in alarms if alarm.state is AlarmState.RAISED and alarm.told]
    for alarm in sorted(open_, key=lambda alarm: (alarm.follow_up_at or now.wall, alarm.id)):
        step = next_step(state.settings, alarm.followed_up)
        if step is not None:
            latest = now.mono + step - alarm.followed_up
            due = latest if alarm.follow_up_at is None else min(latest, now.mono_at(alarm.follow_up_at))
            _wait(state, step, alarm.id, due)


def check(turn: Turn, step: int) -> None:
    """The appointment of a step."""
    state, mono = turn.state, turn.now.mono
    if mono < state.follow_ups_expected.get(step, mono):  # an earlier appointment came up meanwhile
        return
    state.follow_ups_expected.pop(step, None)
    line = state.follow_ups[step]
    for alarm_id in [alarm_id for alarm_id, due in islice(line.items(), AT_ONCE) if due <= mono]:
        del line[alarm_id]
        _follow_up(turn, state.alarms[alarm_id], step)
    if line:
        _expect(state, step, max(min(islice(line.values(), AT_ONCE)), mono + BREATH))


def next_step(settings: Settings, age: int) -> int | None:
    """The age at which somebody is told next, after this one; None: nobody any more."""
    steps = [route.after for route in settings.routes if route.after > age]
    every = settings.remind_every
    if every and age // every < settings.reminders:
        steps.append((age // every + 1) * every)
    return min(steps, default=None)


def _follow_up(turn: Turn, alarm: Alarm, step: int) -> None:
    settings = turn.state.settings
    knew = reached_routes(settings, alarm)
    alarm = replace(alarm, followed_up=step, **turn.made())
    alarm = _planned(turn.state, alarm, turn.now)
    turn.save_alarm(alarm)
    new = [route for route in reached_routes(settings, alarm) if route not in knew]
    tell(turn, alarm, "raised", sentence(alarm), routes=new)
    if alarm.picture:
        tell(turn, alarm, "picture", f"alarm {alarm.id}: picture 1", 1, routes=new, attachment=alarm.picture)
    number = step // settings.remind_every if settings.remind_every else 0
    if number and step % settings.remind_every == 0 and number <= settings.reminders:
        minutes = f"{step / 60:.0f} min" if step >= 60 else f"{step} s"
        text = f"nobody has acknowledged this for {minutes}: {sentence(alarm)}"
        tell(turn, alarm, "reminder", text, number, routes=knew)


def _planned(state: State, alarm: Alarm, now: Instant) -> Alarm:
    step = next_step(state.settings, alarm.followed_up) if alarm.told else None
    if step is None:
        return replace(alarm, follow_up_at=None)
    due = now.mono + step - alarm.followed_up
    _wait(state, step, alarm.id, due)
    return replace(alarm, follow_up_at=now.wall_at(due))


def _wait(state: State, step: int, alarm_id: int, due: float) -> None:
    """One of the peer's may be due before others that wait: it goes to the front, where the next check sees it."""
    line = state.follow_ups.setdefault(step, OrderedDict())
    early = bool(line) and due < next(reversed(line.values()))
    line[alarm_id] = due
    line.move_to_end(alarm_id, last=not early)
    if due < state.follow_ups_expected.get(step, math.inf):
        _expect(state, step, due)


def _expect(state: State, step: int, due: float) -> None:
    state.follow_ups_expected[step] = due
    state.agenda.add(due, FOLLOW_UP, step)
