"""What a scrape reads: the live state of a real engine, and the outbox in a thread of its own."""

import threading
from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry

from alarmd.core.engine import Engine
from alarmd.core.instant import SECOND, Instant
from alarmd.core.mappings import CERTAIN
from alarmd.core.records import Presence
from alarmd.core.settings import Settings
from alarmd.core.snapshot import Snapshot
from alarmd.metrics import Metrics
from alarmd.metrics.catalogue import MAX_DEVICE_SERIES
from alarmd.metrics.scraped import OUTBOX_FRESH, OUTBOX_PATIENCE, LiveState, Outbox
from lfcp.candidates import Mapping
from tests.core.meeting import Scene
from tests.metrics.examples import CAMERA, NOW, PICTURE, Counts, installation

AGE = "alarmd_device_last_contact_age_seconds"
PICTURE_GAUGES = ("alarmd_picture_age_seconds", "alarmd_picture_interval_seconds")


def followed(snapshot: Snapshot) -> CollectorRegistry:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.loaded(snapshot)
    metrics.follow(Engine(Settings(), snapshot, ZoneInfo, NOW).state, lambda: NOW)
    return registry


def test_devices_are_shown_by_presence() -> None:
    registry = followed(installation(adopted=2, admitted=1))
    shown = {presence: registry.get_sample_value("alarmd_devices", {"presence": presence}) for presence in Presence}
    assert shown == dict.fromkeys(Presence, 0) | {Presence.ONLINE: 3}
    assert registry.get_sample_value("alarmd_devices_adopted") == 2


def test_only_adopted_devices_have_a_series_of_their_own() -> None:
    registry = followed(installation(adopted=1, admitted=1))
    assert registry.get_sample_value(AGE, {"device": "cam1"}) == 5
    assert registry.get_sample_value(AGE, {"device": "cam2"}) is None


def test_what_the_nats_of_adopted_devices_do_is_counted() -> None:
    state = Engine(Settings(), installation(adopted=3, admitted=1), ZoneInfo, NOW).state
    for number, (mapping, unfit) in enumerate(((Mapping.INDEPENDENT, 0), (Mapping.HARD, CERTAIN)), 1):
        way = state.sessions[f"cam{number}"].known_way()
        way.mapping, way.unfit = mapping, unfit
    registry = CollectorRegistry()
    registry.register(LiveState(state, lambda: NOW))
    shown = {
        mapping: registry.get_sample_value("alarmd_device_mappings", {"mapping": mapping.name.lower()})
        for mapping in Mapping
    }
    assert shown == {Mapping.UNKNOWN: 1, Mapping.INDEPENDENT: 1, Mapping.SEQUENTIAL: 0, Mapping.HARD: 1}
    assert registry.get_sample_value("alarmd_devices_beating_too_seldom") == 1


def test_sessions_what_is_relayed_and_refusals_are_counted() -> None:
    scene = Scene()
    scene.play << scene.laptop.conn("nobody")
    scene.connect()
    scene.passes(scene.laptop, bytes(67))
    registry = CollectorRegistry()
    registry.register(LiveState(scene.play.engine.state, lambda: scene.play.now))
    sessions = "alarmd_rendezvous_sessions"
    shown = {state: registry.get_sample_value(sessions, {"state": state}) for state in ("invited", "half_taken", "met")}
    assert shown == {"invited": 0, "half_taken": 0, "met": 1}
    assert registry.get_sample_value("alarmd_relayed_datagrams_total") == 1
    assert registry.get_sample_value("alarmd_relayed_bytes_total") == 100
    refusals = "alarmd_rendezvous_refusals_total"
    assert registry.get_sample_value(refusals, {"reason": "unknown_device"}) == 1
    assert registry.get_sample_value(refusals, {"reason": "too_many"}) == 0


def test_no_more_devices_have_a_series_than_the_bound_allows() -> None:
    registry = followed(installation(adopted=MAX_DEVICE_SERIES + 1, admitted=0))
    [family] = [family for family in registry.collect() if family.name == AGE]
    assert len(family.samples) == MAX_DEVICE_SERIES
    assert registry.get_sample_value("alarmd_devices_adopted") == MAX_DEVICE_SERIES + 1


def test_the_age_of_the_newest_picture_and_how_often_one_is_asked_for_are_shown() -> None:
    registry = followed(installation(adopted=2, admitted=0))
    shown = [registry.get_sample_value(name, {"device": "cam1"}) for name in PICTURE_GAUGES]
    assert shown == [7, 60]
    assert [registry.get_sample_value(name, {"device": "cam2"}) for name in PICTURE_GAUGES] == [None, None]


def test_of_devices_that_nobody_adopted_no_picture_is_shown() -> None:
    registry = followed(installation(adopted=0, admitted=1))
    assert [registry.get_sample_value(name, {"device": "cam1"}) for name in PICTURE_GAUGES] == [None, None]


def test_a_clock_that_is_ahead_makes_no_picture_young() -> None:
    snapshot = installation(adopted=1, admitted=0)
    ahead = replace(snapshot, pictures=(replace(PICTURE, captured_at=NOW.wall + 3600 * SECOND),))
    assert followed(ahead).get_sample_value(PICTURE_GAUGES[0], {"device": "cam1"}) == 5


def test_a_camera_without_a_schedule_has_no_interval() -> None:
    snapshot = replace(installation(adopted=1, admitted=0), cameras=(replace(CAMERA, every=0),))
    assert followed(snapshot).get_sample_value(PICTURE_GAUGES[1], {"device": "cam1"}) is None


def test_a_device_that_the_rules_no_longer_know_is_not_shown() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.loaded(installation(adopted=1, admitted=0))
    metrics.follow(Engine(Settings(), Snapshot(), ZoneInfo, NOW).state, lambda: NOW)
    assert registry.get_sample_value(AGE, {"device": "cam1"}) is None


class Reading:
    """An outbox, a clock that is set by hand, and a thread that runs when it is told to."""

    def __init__(self) -> None:
        self.mono = NOW.mono
        self.counts: Counts | None = Counts()
        self.failures = 0
        self.work: list[Callable[[], None]] = []
        self.registry = CollectorRegistry()
        self.registry.register(Outbox(self.read, self.failed, self.now, self.work.append))

    def now(self) -> Instant:
        return Instant(NOW.wall, self.mono)

    def read(self) -> Counts:
        if self.counts is None:
            raise OSError("the database is gone")
        return self.counts

    def failed(self) -> None:
        self.failures += 1

    def let_thread_run(self) -> None:
        while self.work:
            self.work.pop()()

    def scrape(self) -> dict[str, float]:
        return {
            "".join((sample.name, *sample.labels.values())): sample.value
            for family in self.registry.collect()
            for sample in family.samples
        }


@pytest.fixture
def outbox() -> Reading:
    return Reading()


SHOWN = {
    "alarmd_outbox_deliveriespending": 3,
    "alarmd_outbox_deliveriesleased": 1,
    "alarmd_outbox_deliveriesdead": 2,
    "alarmd_outbox_oldest_age_seconds": 40,
}


def test_the_first_scrape_shows_the_outbox_as_it_was_at_the_start(outbox: Reading) -> None:
    assert outbox.scrape() == {}
    outbox.let_thread_run()
    assert outbox.scrape() == SHOWN


def test_an_empty_outbox_has_no_age(outbox: Reading) -> None:
    outbox.counts = Counts(pending=0, oldest_pending_at=None)
    outbox.let_thread_run()
    assert outbox.scrape()["alarmd_outbox_oldest_age_seconds"] == 0


def test_many_scrapes_read_the_outbox_once(outbox: Reading) -> None:
    outbox.let_thread_run()
    outbox.mono += OUTBOX_FRESH - 1
    outbox.scrape()
    assert outbox.work == []
    outbox.mono += 1
    outbox.scrape()
    outbox.scrape()
    assert len(outbox.work) == 1


def test_an_outbox_that_cannot_be_read_is_counted_and_not_shown_until_it_can(outbox: Reading) -> None:
    outbox.let_thread_run()
    outbox.counts = None
    outbox.mono += OUTBOX_FRESH
    assert outbox.scrape() == SHOWN
    outbox.let_thread_run()
    assert outbox.scrape() == {}
    assert outbox.failures == 1
    outbox.counts = Counts()
    outbox.mono += OUTBOX_FRESH
    outbox.scrape()
    outbox.let_thread_run()
    assert outbox.scrape() == SHOWN


def test_a_reading_that_hangs_hides_the_old_numbers_and_is_not_started_twice(outbox: Reading) -> None:
    outbox.let_thread_run()
    outbox.mono += OUTBOX_FRESH
    outbox.scrape()
    outbox.mono += OUTBOX_PATIENCE
    assert outbox.scrape() == SHOWN
    outbox.mono += 1
    assert outbox.scrape() == {}
    assert len(outbox.work) == 1


def test_the_outbox_is_read_in_a_thread_of_its_own() -> None:
    readers: list[threading.Thread] = []
    read = threading.Event()

    def read_outbox() -> Counts:
        readers.append(threading.current_thread())
        read.set()
        return Counts()

    Metrics(CollectorRegistry()).follow_outbox(read_outbox, lambda: NOW)
    assert read.wait(60)
    assert readers != [threading.current_thread()]
