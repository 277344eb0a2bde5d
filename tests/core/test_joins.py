"""Two versions of one record: whoever joins them, in whatever order and however often, comes to the same."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.core.command_lifecycle import FINAL
from alarmd.core.command_queue import UNANSWERED
from alarmd.core.joins import ALARM_CLIMBS, join_alarm, join_command, join_device, merged, newest, same, version
from alarmd.core.records import (
    Alarm,
    AlarmKind,
    AlarmState,
    Arming,
    Command,
    CommandState,
    Device,
    Dialect,
    Signing,
    Standing,
    Zone,
)
from alarmd.core.signed_commands import SAID_FAILED

ALARM = Alarm(
    1, "motion:A:ff:cam1", AlarmKind.MOTION, AlarmState.RAISED, 1, 1, "gate", 100, 100, 1, None, True,
    None, None, None, None, 0, None, None, "", 0, "A", 1,
)  # fmt: skip
COMMAND = Command(1, "A.ff", 1, "GPIO", (), CommandState.QUEUED, "op", 100, 900, 0, None, None, "", "A", 1)
DEVICE = Device(
    1, "cam1", 1, Standing.ADMITTED, Dialect.AUTO, 90.0, False, None, None, 0, None, (), Signing.OPEN, None, 100, None,
    "A", 1,
)  # fmt: skip
ZONE = Zone(1, 1, "garden", Arming.ARMED, "", "A", 1)
MOMENTS = st.integers(100, 104)
STAMPS = st.integers(1, 10**6)


def of_stamp(strategy: st.SearchStrategy[Any], say: Callable[[Any, int], dict[str, Any]]) -> st.SearchStrategy[Any]:
    """A stamp belongs to one version: what only the last writer says follows from it."""
    return st.builds(
        lambda made, stamp: replace(made, origin="AB"[stamp % 2], hlc=stamp, **say(made, stamp)), strategy, STAMPS
    )


@st.composite
def alarms(draw: st.DrawFn) -> Alarm:
    state = draw(st.sampled_from(AlarmState))
    acknowledged = draw(MOMENTS) if state is not AlarmState.RAISED and draw(st.booleans()) else None
    if state is AlarmState.ACKNOWLEDGED:
        acknowledged = draw(MOMENTS)
    cleared = draw(MOMENTS) if state is AlarmState.CLEARED else None
    return replace(
        ALARM,
        state=state,
        acknowledged_at=acknowledged,
        acknowledged_by=draw(st.sampled_from(["ann", "bob"])) if acknowledged is not None else None,
        cleared_at=cleared,
        cleared_by=draw(st.sampled_from(["ann", "alarmd"])) if cleared is not None else None,
        ended_at=draw(MOMENTS) if cleared is not None else draw(st.none() | MOMENTS),
        last_event_at=draw(MOMENTS),
        event_count=draw(st.integers(1, 3)),
        told=draw(st.booleans()),
        followed_up=draw(st.sampled_from([0, 60])),
    )


@st.composite
def commands(draw: st.DrawFn) -> Command:
    state = draw(st.sampled_from(CommandState))
    failed = st.sampled_from([UNANSWERED, SAID_FAILED, "jammed"])
    return replace(
        COMMAND,
        state=state,
        attempts=draw(st.integers(0, 3)),
        sent_at=draw(st.none() | MOMENTS),
        finished_at=draw(MOMENTS) if state in FINAL else None,
        outcome=draw(failed) if state is CommandState.FAILED else "",
        params=() if state in FINAL else ("secret",),
    )


@st.composite
def devices(draw: st.DrawFn) -> Device:
    return replace(DEVICE, standing=draw(st.sampled_from(Standing)), first_seen=draw(MOMENTS))


def plans(alarm: Alarm, stamp: int) -> dict[str, Any]:
    said = {"text": str(stamp), "follow_up_at": stamp if alarm.state is AlarmState.RAISED else None}
    return said if alarm.state is AlarmState.CLEARED else said | {"ended_at": (None, 100 + stamp)[stamp % 2]}


def wishes(_device: Device, stamp: int) -> dict[str, Any]:
    """One version of what is wanted is one wish."""
    wanted = stamp % 4
    return {"report_within": 90.0 + stamp, "wanted_version": wanted, "detector_wish": (None, True, False, True)[wanted]}


ALARMS = of_stamp(alarms(), plans)
COMMANDS = of_stamp(commands(), lambda _command, _stamp: {})
DEVICES = of_stamp(devices(), wishes)
ZONES = of_stamp(st.just(ZONE), lambda _zone, stamp: {"schedule": str(stamp)})
JOINS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (join_alarm, ALARMS),
    (join_command, COMMANDS),
    (join_device, DEVICES),
    (newest, ZONES),
]
each_join = pytest.mark.parametrize(("join", "versions"), JOINS)


@each_join
@given(st.data())
def test_who_joins_does_not_matter(join: Any, versions: Any, data: st.DataObject) -> None:
    one, other = data.draw(versions), data.draw(versions)
    if one.hlc != other.hlc:
        assert join(one, other) == join(other, one)


@each_join
@given(st.data())
def test_in_what_order_does_not_matter(join: Any, versions: Any, data: st.DataObject) -> None:
    one, two, three = (data.draw(versions) for _ in range(3))
    if len({one.hlc, two.hlc, three.hlc}) == 3:
        assert join(join(one, two), three) == join(one, join(two, three))


@each_join
@given(st.data())
def test_how_often_does_not_matter(join: Any, versions: Any, data: st.DataObject) -> None:
    one, other = data.draw(versions), data.draw(versions)
    assert join(one, one) == one
    if one.hlc != other.hlc:
        both = join(one, other)
        assert join(both, other) == join(both, one) == both


@each_join
@given(st.data())
def test_two_servers_that_tell_each_other_come_to_rest_with_the_same(
    join: Any, versions: Any, data: st.DataObject
) -> None:
    """As replication does it: what is new to both is stamped anew and goes back."""
    here, there = data.draw(versions), data.draw(versions)
    if here.hlc == there.hlc:
        return
    clock, told = max(here.hlc, there.hlc), [(0, here), (1, there)]
    stored = [here, there]
    for _ in range(10):
        if not told:
            break
        teller, record = told.pop(0)
        result, new = merged(join, stored[1 - teller], record)
        if new and result is not None:
            clock += 1
            result = replace(result, origin="AB"[1 - teller], hlc=clock)
            told.append((1 - teller, result))
        if result is not None:
            stored[1 - teller] = result
    assert not told
    assert same(stored[0], stored[1])


@given(ALARMS, ALARMS)
def test_nothing_that_was_acknowledged_or_cleared_is_ever_less_than_that(one: Alarm, other: Alarm) -> None:
    joined = join_alarm(one, other)
    for before in (one, other):
        assert ALARM_CLIMBS.index(joined.state) >= ALARM_CLIMBS.index(before.state)
        assert before.acknowledged_at is None or (joined.acknowledged_at or 999) <= before.acknowledged_at
        assert before.cleared_by != "ann" or joined.cleared_by == "ann"
        assert before.cleared_by != joined.cleared_by or (joined.cleared_at or 999) <= (before.cleared_at or 999)
        assert joined.event_count >= before.event_count
        assert joined.told or not before.told
    assert joined.follow_up_at is None or joined.state is AlarmState.RAISED


@given(COMMANDS, COMMANDS)
def test_a_command_with_an_outcome_keeps_one_and_no_secret_comes_back(one: Command, other: Command) -> None:
    joined = join_command(one, other)
    if one.state in FINAL or other.state in FINAL:
        assert joined.state in FINAL
        assert joined.params == ()
    assert joined.attempts == max(one.attempts, other.attempts)


def test_whether_an_incident_goes_on_is_the_last_writers_word_until_it_is_cleared() -> None:
    ended, goes_on = replace(ALARM, ended_at=200, hlc=5), replace(ALARM, hlc=9)
    assert join_alarm(ended, ALARM).ended_at == 200
    assert join_alarm(ended, goes_on).ended_at is None
    over = replace(ALARM, state=AlarmState.CLEARED, cleared_at=250, cleared_by="ann", ended_at=250)
    assert join_alarm(over, goes_on).ended_at == join_alarm(replace(ended, hlc=10), over).ended_at == 250


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ((CommandState.QUEUED, ""), (CommandState.SENT, "")),
        ((CommandState.SENT, ""), (CommandState.EXPIRED, "its time to live ran out")),
        ((CommandState.EXPIRED, "its time to live ran out"), (CommandState.FAILED, UNANSWERED)),
        ((CommandState.FAILED, UNANSWERED), (CommandState.ACKED, "")),
        ((CommandState.ACKED, ""), (CommandState.FAILED, "the lens is jammed")),
        ((CommandState.FAILED, SAID_FAILED), (CommandState.FAILED, "the lens is jammed")),
    ],
)
def test_what_the_device_did_weighs_more_than_what_it_did_not_say(
    weaker: tuple[CommandState, str], stronger: tuple[CommandState, str]
) -> None:
    one, other = (replace(COMMAND, state=state, outcome=outcome) for state, outcome in (weaker, stronger))
    assert join_command(replace(one, hlc=9), other).state is stronger[0]
    assert join_command(other, replace(one, hlc=9)).outcome == stronger[1]


def test_of_two_outcomes_alike_the_earlier_counts() -> None:
    one, other = (replace(COMMAND, state=CommandState.ACKED, finished_at=at) for at in (200, 300))
    assert join_command(replace(other, hlc=9), one).finished_at == 200


def test_a_device_that_nobody_decided_on_gives_way_to_the_operators_word_however_old() -> None:
    seen = replace(DEVICE, first_seen=50, hlc=9)
    adopted = replace(DEVICE, standing=Standing.ADOPTED, zone_id=2)
    joined = join_device(seen, adopted)
    assert (joined.standing, joined.zone_id, joined.first_seen) == (Standing.ADOPTED, 2, 50)


def test_who_is_let_out_of_quarantine_is_out_and_who_is_admitted_elsewhere_is_not() -> None:
    quarantined = replace(DEVICE, standing=Standing.QUARANTINED, hlc=5)
    elsewhere = replace(DEVICE, hlc=9)
    released = replace(elsewhere, wanted_version=1)
    assert join_device(quarantined, released).standing is Standing.ADMITTED
    assert join_device(quarantined, elsewhere).standing is Standing.QUARANTINED


def test_wishes_go_together_by_their_version_and_else_by_the_last_writer() -> None:
    older = replace(DEVICE, wanted_version=7, wanted_detector=True, settings=("quality=3",))
    newer = replace(DEVICE, wanted_version=6, wanted_detector=False, report_within=60.0, hlc=9)
    joined = join_device(older, newer)
    assert (joined.wanted_version, joined.wanted_detector, joined.settings) == (7, True, ("quality=3",))
    assert joined.report_within == 60.0
    again = replace(older, settings=("quality=5",), hlc=8)
    assert join_device(older, again).settings == ("quality=5",)


def test_what_is_equal_needs_no_answer_and_keeps_the_later_stamp() -> None:
    assert merged(newest, None, ZONE) == (ZONE, False)
    assert merged(newest, ZONE, ZONE) == (None, False)
    later = replace(ZONE, origin="B", hlc=9)
    assert merged(newest, ZONE, later) == (later, False)
    assert merged(newest, later, ZONE) == (None, False)


def test_of_two_versions_with_one_stamp_the_labels_decide() -> None:
    assert version(replace(ZONE, origin="B")) > version(ZONE)
