"""The metrics of a server to which everything happened that is counted, so that every series exists."""

from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry

from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import Effect, RejectFrame, SaveAlarm, SaveCommand, SendFrame
from alarmd.core.engine import Engine
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import FrameReceived
from alarmd.core.settings import Settings
from alarmd.core.signed_session import SignedSession
from alarmd.metrics import Metrics
from alarmd.metrics.catalogue import ARCHIVE_GAUGES
from alarmd.metrics.pairs import SENT, readings
from alarmd.metrics.scraped import Outbox
from tests.metrics.examples import (
    ALARM,
    COMMAND,
    LOSS,
    MOTION_FRAME,
    NOW,
    PATH,
    TICK,
    Counts,
    installation,
    lost,
    recorded,
)


def used() -> CollectorRegistry:
    registry = CollectorRegistry()
    metrics, snapshot = Metrics(registry), installation(adopted=2, admitted=1)
    metrics.loaded(snapshot)
    state = Engine(Settings(), snapshot, ZoneInfo, NOW).state
    _measure(state.sessions["cam1"])
    metrics.follow(state, lambda: NOW)
    registry.register(Outbox(Counts, lambda: None, lambda: NOW, lambda work: work()))
    metrics.queue("commit", lambda: 3, 20_000)
    _watch_turns(metrics)
    metrics.heartbeats(64)
    metrics.committed(40, 0.003)
    metrics.commit_failed("unavailable")
    metrics.dropped("udp", "send_buffer_full")
    metrics.connection_opened("tcp")
    metrics.upload("url", "accepted", 60_000)
    metrics.delivery("log", "delivered", 0.2)
    metrics.destination("log", takes=True)
    metrics.archive(dict.fromkeys(ARCHIVE_GAUGES, 7.0))
    metrics.archive_deleted("age", 3)
    metrics.blind(3.0)
    metrics.pair.replicated(SENT, 5)
    metrics.pair.stored(0.02)
    for definition, read in readings(_Linked(), lambda: 0.1).items():
        metrics.gauge_function(definition.name, definition.help, {}, read)
    return registry


def _measure(session: DeviceSession) -> None:
    session.signed = SignedSession("A", NOW)
    session.signed.round_trip = 0.04


class _Linked:
    is_up = True
    catching_up = False
    clock_offset = -0.001


def _watch_turns(metrics: Metrics) -> None:
    motion: list[Effect] = [recorded(EventKind.MOTION), SaveAlarm(ALARM), SendFrame(PATH, b"", promises=True)]
    metrics.watch(MOTION_FRAME, motion, 0.001)
    metrics.watch(FrameReceived(b"?", PATH), [RejectFrame(PATH, "no_fields", b"?")], 0.001)
    metrics.watch(TICK, [*lost(89), SaveAlarm(LOSS), SaveCommand(COMMAND)], 0.001)
