import subprocess

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from alarmd import __version__
from alarmd.metrics import Metrics
from alarmd.metrics.families import MAX_LABEL_VALUES
from tests.metrics.used import used
from tests.needs import need_program


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    return Metrics(registry)


def test_promtool_finds_no_fault_with_the_metrics() -> None:
    promtool = need_program("promtool", "prometheus")
    checked = subprocess.run([promtool, "check", "metrics"], input=generate_latest(used()), capture_output=True)
    assert (checked.returncode, checked.stderr.decode()) == (0, "")


def test_a_commit_is_timed_and_its_turns_are_counted(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.committed(40, 0.003)
    metrics.committed(1, 0.002)
    assert registry.get_sample_value("alarmd_commit_turns_sum") == 41
    assert registry.get_sample_value("alarmd_commit_turns_bucket", {"le": "1.0"}) == 1
    assert registry.get_sample_value("alarmd_commit_seconds_sum") == pytest.approx(0.005)


def test_database_errors_are_shown_before_the_first_one(registry: CollectorRegistry, metrics: Metrics) -> None:
    errors = "alarmd_database_errors_total"
    assert registry.get_sample_value(errors, {"reason": "unavailable"}) == 0
    metrics.commit_failed("unavailable")
    assert registry.get_sample_value(errors, {"reason": "unavailable"}) == 1


def test_drops_are_counted_by_place_and_reason(registry: CollectorRegistry, metrics: Metrics) -> None:
    dropped = "alarmd_dropped_total"
    assert registry.get_sample_value(dropped, {"where": "engine", "reason": "defect"}) == 0
    metrics.dropped("udp", "send_buffer_full")
    metrics.dropped("udp", "send_buffer_full", 3)
    assert registry.get_sample_value(dropped, {"where": "udp", "reason": "send_buffer_full"}) == 4


def test_connections_are_counted_while_open(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.connection_opened("tcp")
    metrics.connection_opened("tcp")
    metrics.connection_closed("tcp")
    assert registry.get_sample_value("alarmd_connections", {"listener": "tcp"}) == 1
    assert registry.get_sample_value("alarmd_connections_opened_total", {"listener": "tcp"}) == 2


def test_a_queue_is_shown_with_its_bound_as_it_is_at_the_scrape(registry: CollectorRegistry, metrics: Metrics) -> None:
    waiting: list[int] = []
    metrics.queue("commit", lambda: len(waiting), 20_000)
    metrics.queue("emergency", lambda: 7, 10)
    waiting.append(1)
    assert registry.get_sample_value("alarmd_queue_length", {"queue": "commit"}) == 1
    assert registry.get_sample_value("alarmd_queue_limit", {"queue": "commit"}) == 20_000
    assert registry.get_sample_value("alarmd_queue_length", {"queue": "emergency"}) == 7


def test_two_queues_may_not_hide_behind_one_name(metrics: Metrics) -> None:
    metrics.queue("uploads", lambda: 1, 10)
    with pytest.raises(ValueError, match="shown already"):
        metrics.queue("uploads", lambda: 2, 20)


def test_a_delivery_is_timed_by_destination_and_outcome(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.delivery("log", "delivered", 0.2)
    metrics.delivery("log", "delivered", -3.0)  # the wall clock was set back meanwhile
    labels = {"destination": "log", "outcome": "delivered"}
    assert registry.get_sample_value("alarmd_delivery_seconds_count", labels) == 2
    assert registry.get_sample_value("alarmd_delivery_seconds_sum", labels) == 0.2


def test_blindness_adds_up(registry: CollectorRegistry, metrics: Metrics) -> None:
    assert registry.get_sample_value("alarmd_server_blind_seconds_total") == 0
    metrics.blind(2.5)
    metrics.blind(60)
    assert registry.get_sample_value("alarmd_server_blind_seconds_total") == 62.5


def test_the_version_that_runs_is_shown(registry: CollectorRegistry, metrics: Metrics) -> None:
    [family] = [family for family in registry.collect() if family.name == "alarmd_build_info"]
    assert [sample.labels["version"] for sample in family.samples] == [__version__]


@pytest.mark.parametrize("reason", ["could not connect: password=secret", "", "x" * 65, "zeile\n", "ř"])
def test_what_is_no_code_becomes_no_label(registry: CollectorRegistry, metrics: Metrics, reason: str) -> None:
    metrics.commit_failed(reason)
    assert registry.get_sample_value("alarmd_database_errors_total", {"reason": "other"}) == 1


def test_there_are_only_so_many_label_values(registry: CollectorRegistry, metrics: Metrics) -> None:
    for number in range(MAX_LABEL_VALUES + 10):
        metrics.commit_failed(f"code_{number}")
    metrics.commit_failed("code_0")
    assert registry.get_sample_value("alarmd_database_errors_total", {"reason": "other"}) == 10
    assert registry.get_sample_value("alarmd_database_errors_total", {"reason": "code_0"}) == 2
