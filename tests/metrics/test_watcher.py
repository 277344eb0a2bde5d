from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from alarmd.core.effects import RejectFrame, SaveAlarm, SaveCommand, SaveDevice, SavePicture, SendFrame
from alarmd.core.engine import Engine
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import ConnectionClosed, FrameReceived, PeerTold, ServerStarted, TimerFired
from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import AlarmKind, AlarmState, CommandState, Trigger
from alarmd.core.settings import Settings
from alarmd.core.snapshot import Snapshot
from alarmd.metrics import Metrics
from alarmd.metrics.watcher import verb_label
from lfcp.constants import VERBS
from lfcp.tunnel import Kind
from tests.metrics.examples import (
    ALARM,
    COMMAND,
    DEVICE,
    LOSS,
    MOTION_FRAME,
    NOW,
    PATH,
    PICTURE,
    TICK,
    installation,
    lost,
    recorded,
)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    return Metrics(registry)


def frames(registry: CollectorRegistry, verb: str, outcome: str, reason: str = "") -> float | None:
    labels = {"transport": "udp", "verb": verb, "outcome": outcome, "reason": reason}
    return registry.get_sample_value("alarmd_frames_received_total", labels)


def test_an_answered_frame_is_counted_by_its_verb(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.watch(MOTION_FRAME, [recorded(EventKind.MOTION), SendFrame(PATH, b"", promises=True)], 0.001)
    assert frames(registry, "MOAL", "answered") == 1


def test_a_frame_without_a_reply_is_counted_as_unanswered(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.watch(FrameReceived(b"cam1,ACK,0,0,0,0,0,0", PATH), [], 0.001)
    assert frames(registry, "ACK", "unanswered") == 1


def test_a_rejected_frame_is_counted_with_its_reason(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.watch(FrameReceived(b"\x00", PATH), [RejectFrame(PATH, "no_fields", b"\x00")], 0.001)
    assert frames(registry, "other", "rejected", "no_fields") == 1


def test_heartbeats_from_the_cache_are_counted_by_batch(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.heartbeats(64)
    metrics.heartbeats(3)
    assert frames(registry, "HEARTBEAT", "cached") == 67


@given(st.binary(max_size=80))
def test_no_label_is_made_of_what_a_stranger_sends(payload: bytes) -> None:
    assert verb_label(payload) in {*VERBS, "tunnel", "other"}


def test_what_sides_of_a_rendezvous_say_is_one_verb() -> None:
    assert {verb_label(bytes((kind,)) + bytes(40)) for kind in Kind} == {"tunnel"}


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\x00", b",0,0,0,0,0,0"])
def test_a_verb_is_known_however_the_frame_ends(end: bytes) -> None:
    assert verb_label(b"cam1,LOG" + end) == "LOG"


def test_turns_are_timed_by_kind_of_input(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.watch(MOTION_FRAME, [], 0.0004)
    metrics.watch(TICK, [], 0.2)
    metrics.watch(ConnectionClosed(PATH), [], 99.0)
    bucket = "alarmd_turn_seconds_bucket"
    assert registry.get_sample_value(bucket, {"input": "frame", "le": "0.0001"}) == 0
    assert registry.get_sample_value(bucket, {"input": "frame", "le": "0.0005"}) == 1
    assert registry.get_sample_value("alarmd_turn_seconds_sum", {"input": "timer"}) == 0.2
    assert registry.get_sample_value(bucket, {"input": "other", "le": "10.0"}) == 0
    assert registry.get_sample_value(bucket, {"input": "other", "le": "+Inf"}) == 1
    assert registry.get_sample_value("alarmd_turn_seconds_count", {"input": "other"}) == 1


def test_every_kind_of_event_is_shown_before_it_happens(registry: CollectorRegistry, metrics: Metrics) -> None:
    for kind in EventKind:
        assert registry.get_sample_value("alarmd_events_total", {"kind": kind}) == 0
    metrics.watch(TICK, [recorded(EventKind.SERVER_BLIND)], 0.0)
    assert registry.get_sample_value("alarmd_events_total", {"kind": "server_blind"}) == 1


def open_alarms(registry: CollectorRegistry, kind: AlarmKind, state: AlarmState) -> float | None:
    return registry.get_sample_value("alarmd_alarms_open", {"kind": kind, "state": state})


def raised(registry: CollectorRegistry, kind: AlarmKind) -> float | None:
    return registry.get_sample_value("alarmd_alarms_raised_total", {"kind": kind})


def test_an_alarm_is_open_until_it_is_cleared(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.watch(MOTION_FRAME, [SaveAlarm(ALARM)], 0.0)
    assert raised(registry, AlarmKind.MOTION) == 1
    assert open_alarms(registry, AlarmKind.MOTION, AlarmState.RAISED) == 1
    metrics.watch(MOTION_FRAME, [SaveAlarm(replace(ALARM, event_count=2))], 0.0)
    metrics.watch(TICK, [SaveAlarm(replace(ALARM, state=AlarmState.ACKNOWLEDGED))], 0.0)
    assert open_alarms(registry, AlarmKind.MOTION, AlarmState.RAISED) == 0
    assert open_alarms(registry, AlarmKind.MOTION, AlarmState.ACKNOWLEDGED) == 1
    metrics.watch(TICK, [SaveAlarm(replace(ALARM, state=AlarmState.CLEARED))], 0.0)
    assert open_alarms(registry, AlarmKind.MOTION, AlarmState.ACKNOWLEDGED) == 0
    assert raised(registry, AlarmKind.MOTION) == 1


def test_an_alarm_from_before_the_start_is_open_and_not_raised_again(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    metrics.loaded(Snapshot(alarms=(ALARM,)))
    metrics.watch(MOTION_FRAME, [SaveAlarm(replace(ALARM, event_count=2))], 0.0)
    assert open_alarms(registry, AlarmKind.MOTION, AlarmState.RAISED) == 1
    assert raised(registry, AlarmKind.MOTION) == 0


@pytest.mark.parametrize("state", [CommandState.ACKED, CommandState.FAILED, CommandState.EXPIRED])
def test_a_command_is_timed_from_request_to_outcome(
    registry: CollectorRegistry, metrics: Metrics, state: CommandState
) -> None:
    finished = replace(COMMAND, state=state, finished_at=NOW.wall + 7 * SECOND)
    metrics.watch(TICK, [SaveCommand(COMMAND), SaveCommand(finished)], 0.0)
    assert registry.get_sample_value("alarmd_command_seconds_sum", {"outcome": state}) == 7
    assert registry.get_sample_value("alarmd_command_seconds_count", {"outcome": state}) == 1


def test_what_the_peer_counts_is_not_counted_here_as_well(registry: CollectorRegistry, metrics: Metrics) -> None:
    finished = replace(COMMAND, state=CommandState.ACKED, finished_at=NOW.wall)
    metrics.watch(PeerTold(()), [SaveAlarm(ALARM), SaveCommand(finished)], 0.001)
    assert open_alarms(registry, AlarmKind.MOTION, AlarmState.RAISED) == 1
    assert raised(registry, AlarmKind.MOTION) == 0
    assert registry.get_sample_value("alarmd_command_seconds_count", {"outcome": CommandState.ACKED}) == 0
    assert registry.get_sample_value("alarmd_turn_seconds_count", {"input": "peer"}) == 1


def test_a_command_that_still_waits_is_not_timed(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.watch(TICK, [SaveCommand(replace(COMMAND, state=CommandState.SENT, sent_at=NOW.wall))], 0.0)
    for outcome in (CommandState.ACKED, CommandState.FAILED, CommandState.EXPIRED):
        assert registry.get_sample_value("alarmd_command_seconds_count", {"outcome": outcome}) == 0


def test_pictures_are_counted_by_why_they_were_taken(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.watch(TICK, [SavePicture(PICTURE), SavePicture(replace(PICTURE, trigger=Trigger.ALARM))], 0.0)
    metrics.watch(TICK, [SavePicture(PICTURE)], 0.0)
    counts = {one: registry.get_sample_value("alarmd_pictures_total", {"trigger": one}) for one in Trigger}
    assert counts == {Trigger.ALARM: 1, Trigger.COMMAND: 0, Trigger.SCHEDULE: 2, Trigger.DEVICE: 0}


def losses(registry: CollectorRegistry, kind: str) -> float | None:
    return registry.get_sample_value("alarmd_contact_losses_total", {"kind": kind})


def overdue(registry: CollectorRegistry, bound: str) -> float | None:
    return registry.get_sample_value("alarmd_contact_loss_overdue_seconds_bucket", {"le": bound})


def test_a_loss_told_within_its_limit_is_not_overdue(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.watch(TICK, [*lost(89.5), SaveAlarm(LOSS)], 0.0)
    assert losses(registry, "contact_lost") == 1
    assert registry.get_sample_value("alarmd_contact_loss_report_seconds_sum") == 89.5
    assert overdue(registry, "0.0") == 1


def test_a_loss_is_measured_against_the_limit_of_its_device(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.loaded(Snapshot(devices=(replace(DEVICE, report_within=30.0),)))
    metrics.watch(TICK, [SaveAlarm(LOSS), *lost(31.5)], 0.0)
    assert (overdue(registry, "1.0"), overdue(registry, "2.0")) == (0, 1)
    metrics.watch(TICK, [SaveDevice(replace(DEVICE, report_within=90.0))], 0.0)
    metrics.watch(TICK, [*lost(85)], 0.0)
    assert overdue(registry, "0.0") == 1


def test_declared_sleep_is_not_part_of_the_reporting_time(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.watch(TICK, [*lost(4000, slept_until=88)], 0.0)
    assert registry.get_sample_value("alarmd_contact_loss_report_seconds_sum") == 88


def test_a_loss_that_joins_the_alarm_of_its_site_is_counted_as_such(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    metrics.watch(TICK, [SaveAlarm(replace(LOSS, kind=AlarmKind.SITE_LOST)), *lost(80)], 0.0)
    metrics.watch(TICK, [*lost(80, device_id=2)], 0.0)
    assert losses(registry, "site_lost") == 2


def test_a_loss_without_alarm_or_contact_is_still_counted(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.watch(TICK, [recorded(EventKind.CONTACT_LOST)], 0.0)
    metrics.watch(TICK, [], 0.0)
    assert losses(registry, "unclassified") == 1
    assert registry.get_sample_value("alarmd_contact_loss_report_seconds_count") == 0


def test_the_rules_report_a_loss_within_the_limit(registry: CollectorRegistry, metrics: Metrics) -> None:
    """The real engine, second by second, from a start with one device to the end of its patience."""
    snapshot = installation(adopted=1, admitted=0)
    engine = Engine(Settings(), snapshot, ZoneInfo, NOW)
    metrics.loaded(snapshot)
    metrics.watch(ServerStarted("1"), engine.handle(ServerStarted("1"), NOW), 0.0)
    for second in range(round(DEVICE.report_within) + 1):
        now = Instant(NOW.wall + second * SECOND, NOW.mono + second)
        metrics.watch(TimerFired(now.mono), engine.handle(TimerFired(now.mono), now), 0.0)
    assert losses(registry, "contact_lost") == 1
    assert raised(registry, AlarmKind.CONTACT_LOST) == 1
    assert registry.get_sample_value("alarmd_events_total", {"kind": "contact_lost"}) == 1
    assert registry.get_sample_value("alarmd_contact_loss_report_seconds_count") == 1
    assert overdue(registry, "1.0") == 1
