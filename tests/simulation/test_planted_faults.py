"""The checker checks: faults that alarmd must never have are planted, and the promise that each breaks finds it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from alarmd.core import joins, standby
from alarmd.core.effects import Effect, SendFrame
from alarmd.core.inputs import DeliverySettled
from alarmd.storage.interface import Lease
from tests.simulation.company import WaitingTurn
from tests.simulation.plan import KINDS, plan
from tests.simulation.runs import verdict
from tests.simulation.server import SimulatedServer
from tests.simulation.telegram import SimulatedVoice

ENOUGH = 60  # seeds of a kind in which a fault is found


def is_found(promise: str, kind: str) -> bool:
    seeds = range(KINDS.index(kind), ENOUGH * len(KINDS), len(KINDS))
    return any(one.promise == promise for seed in seeds for one in verdict(plan(seed)))


def test_who_acknowledges_before_it_stores_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = SimulatedServer._perform

    def hasty(self: SimulatedServer, turn: WaitingTurn, effect: Effect) -> None:
        honest(self, turn, replace(effect, promises=False) if isinstance(effect, SendFrame) else effect)

    monkeypatch.setattr(SimulatedServer, "_perform", hasty)
    monkeypatch.setattr("tests.simulation.server.MAX_COMMIT", 2.0)
    assert is_found("what_is_acknowledged_is_stored", "crashes")


def test_who_marks_as_told_before_it_tells_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = SimulatedVoice._send

    def hasty(self: SimulatedVoice, lease: Lease) -> None:
        self.server.handle(DeliverySettled(lease.delivery.identity))
        honest(self, lease)

    monkeypatch.setattr(SimulatedVoice, "_send", hasty)
    monkeypatch.setattr("tests.simulation.telegram.MAX_ANSWER", 5.0)
    assert is_found("an_acknowledged_alarm_is_told", "everything")


def test_who_forgets_what_it_stored_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alarmd.core.boots.Boots.stored", lambda _boots, _event: False)
    assert is_found("what_a_device_says_once_is_stored_once", "network")


def test_two_alarms_of_one_incident_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alarmd.core.absorption.settle", lambda *_: None)
    assert is_found("where_nothing_fails_nothing_is_told_twice", "calm")


def test_an_acknowledgement_that_the_last_writer_takes_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alarmd.core.merged_alarms.join_alarm", joins.newest)
    assert is_found("what_an_operator_acknowledged_stays_so", "everything")


@pytest.mark.parametrize(
    ("due", "promise", "kind"),
    [
        (
            lambda state, wall: wall if standby.speaks(state) else wall + 10**12,
            "an_alarm_is_told_in_time",
            "partitions",
        ),
        (lambda state, wall: wall, "where_nothing_fails_nothing_is_told_twice", "calm"),
    ],
    ids=["the other one never speaks", "both speak at once"],
)
def test_two_voices_or_none_are_found(
    monkeypatch: pytest.MonkeyPatch, due: Callable[..., int], promise: str, kind: str
) -> None:
    monkeypatch.setattr(standby, "due", due)
    assert is_found(promise, kind)
