"""The comparison of queries with metrics must see what it looks for."""

import pytest

from tests.deploy.queries import Selector, parse
from tests.deploy.shown import faults

QUANTILE = 'histogram_quantile(0.99, sum by (le) (rate(alarmd_commit_seconds_bucket{job="alarmd"}[5m]))) > 0.5'


def test_metrics_matchers_and_groupings_of_a_query_are_seen() -> None:
    query = parse(QUANTILE)
    assert query.selectors == [Selector("alarmd_commit_seconds_bucket", [("job", "=", "alarmd")])]
    assert query.grouping == {"le"}


def test_both_sides_of_an_operator_are_seen() -> None:
    query = parse('rate(up{job=~"a|b"}[5m]) - ignoring (le) x{le="1.0",a!="2"} and topk(10, y) or z offset 5m')
    assert query.metrics == {"up", "x", "y", "z"}


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("sum(alarmd_devices_online)", "no metric alarmd_devices_online"),
        ("alarmd_commit_seconds", "no metric alarmd_commit_seconds"),
        ('alarmd_devices{state="lost"}', "alarmd_devices has no label state"),
        ('alarmd_devices{presence="gone"}', "alarmd_devices has no presence gone"),
        ('alarmd_alarms_open{kind=~"site_lost|fire"}', "alarmd_alarms_open has no kind site_lost|fire"),
        (
            'alarmd_contact_loss_overdue_seconds_bucket{le="1"}',
            "alarmd_contact_loss_overdue_seconds_bucket has no le 1",
        ),
        ("sum by (verb) (alarmd_devices)", "no metric of the query has the label verb"),
    ],
)
def test_a_query_for_what_does_not_exist_is_found_out(query: str, fault: str) -> None:
    assert faults(query) == [fault]


def test_a_query_for_what_exists_has_no_fault() -> None:
    assert faults(QUANTILE) == []
