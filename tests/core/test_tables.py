"""The transition tables: every cell is defined or named as illegal, and the parts that keep time and order."""

from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.core import alarm_lifecycle, command_lifecycle, device_session, meeting_lifecycle, peer_lifecycle
from alarmd.core.deadlines import BUCKET, Agenda, Wheel
from alarmd.core.device_session import DeviceSession, Sign
from alarmd.core.engine import HANDLERS
from alarmd.core.hybrid_clock import HybridClock
from alarmd.core.inputs import Input
from alarmd.core.instant import Instant
from alarmd.core.rate_limits import TokenBucket
from alarmd.core.records import AlarmState, CommandState, Presence
from tests.playbook import Playbook

TABLES: list[tuple[type[Enum], type[Enum], Any]] = [
    (Presence, Sign, device_session),
    (AlarmState, alarm_lifecycle.AlarmSign, alarm_lifecycle),
    (CommandState, command_lifecycle.CommandSign, command_lifecycle),
    (peer_lifecycle.Peering, peer_lifecycle.PeerSign, peer_lifecycle),
    (meeting_lifecycle.MeetingState, meeting_lifecycle.MeetingSign, meeting_lifecycle),
]


@pytest.mark.parametrize(("states", "signs", "module"), TABLES)
def test_every_cell_is_defined_or_illegal_and_never_both(states: type[Enum], signs: type[Enum], module: Any) -> None:
    cells = {(state, sign) for state in states for sign in signs}
    assert set(module.TRANSITIONS) | module.ILLEGAL == cells
    assert not set(module.TRANSITIONS) & module.ILLEGAL


@pytest.mark.parametrize(("states", "signs", "module"), TABLES)
def test_every_state_is_reached(states: type[Enum], signs: type[Enum], module: Any) -> None:
    first = next(iter(states))
    assert {*module.TRANSITIONS.values(), first} == set(states)


def test_every_input_has_a_handler() -> None:
    assert set(HANDLERS) == set(Input.__args__)


def test_stamps_of_the_hybrid_clock_always_grow() -> None:
    clock = HybridClock()
    walls = [5_000_000, 5_000_000, 1_000, 9_000_000]
    stamps = [clock.stamp(Instant(wall, 0.0)) for wall in walls]
    assert stamps == sorted(set(stamps))


@given(st.lists(st.floats(0, 10), max_size=50), st.floats(0.1, 5), st.floats(1, 10))
def test_a_token_bucket_never_gives_more_than_its_burst_and_rate(waits: list[float], rate: float, burst: float) -> None:
    now = 0.0
    bucket = TokenBucket(burst, now)
    taken = 0
    for wait in waits:
        now += wait
        taken += bucket.take(now, rate, burst)
    assert taken <= burst + rate * now + 1e-6


def session() -> DeviceSession:
    play = Playbook().adopt("cam1")
    return play.engine.state.sessions["cam1"]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20))
def test_the_wheel_yields_a_session_once_at_its_earliest_deadline(deadlines: list[float]) -> None:
    wheel, one = Wheel(), session()
    one.filed = None
    for due in deadlines:
        wheel.file(one, due)
    first = min(deadlines)
    assert list(wheel.take_due(first - BUCKET)) == []
    assert list(wheel.take_due(first + BUCKET)) == [one]
    assert list(wheel.take_due(1000.0)) == []
    assert wheel.next_due() is None


def test_the_agenda_keeps_appointments_in_order() -> None:
    agenda = Agenda()
    for due in (3.0, 1.0, 2.0):
        agenda.add(due, "x", int(due))
    assert agenda.next_due() == 1.0
    assert list(agenda.take_due(2.5)) == [("x", 1), ("x", 2)]
