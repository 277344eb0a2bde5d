"""Numbers that two servers give out without asking each other.

Alarms and commands have the same number at both, so each gives out the even or the odd ones. Events are numbered by
their server; in a pair a start goes on from the wall clock, so that a server that was replaced, or restored from a
backup, repeats no number that the other one has.
"""

from alarmd.core.instant import Instant
from alarmd.core.state import State


def begin(state: State, now: Instant) -> None:
    """At a start, before anything is recorded."""
    if state.settings.pair is not None:
        state.last_event = max(state.last_event, now.wall)


def next_alarm(state: State) -> int:
    state.last_alarm = _next(state, state.last_alarm)
    return state.last_alarm


def next_command(state: State) -> int:
    state.last_command = _next(state, state.last_command)
    return state.last_command


def lift(state: State, alarm: int = 0, command: int = 0) -> None:
    """The peer knows of numbers up to these: those given out from now on are higher."""
    state.last_alarm = max(state.last_alarm, alarm)
    state.last_command = max(state.last_command, command)


def _next(state: State, last: int) -> int:
    """The lowest number above `last` that is this server's to give."""
    settings = state.settings
    if settings.pair is None:
        return state.after(last)
    slot = 0 if settings.label < settings.pair.peer else 1
    return last + 1 + (last + 1 + slot) % 2
