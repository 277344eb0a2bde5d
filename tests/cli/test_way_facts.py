"""What `alarmd device show` says of addresses and NATs."""

from datetime import UTC, datetime

import pytest

from alarmd.cli.way_facts import way_facts
from alarmd.web.place_schemas import DeviceLive, Stay, Way
from lfcp.candidates import Mapping

THEN = datetime(2026, 11, 21, 12, tzinfo=UTC)
STAYS = [Stay(address=f"udp:203.0.113.{number}:4000", first=None, last=THEN) for number in (7, 8, 9)]


def facts(*, keys: bool = True, proven: bool = True, **way: object) -> dict[str, str]:
    """Those that say something; of several with one name the first."""
    known = {
        "mapping": None, "life": None, "interval": None, "stated_interval": 26, "safe_interval": None, "fits": True,
        "round_trip": None, "disputed": "", "stays": [],
    }  # fmt: skip
    live = DeviceLive(
        armed=True,
        allowed_interval=26.7,
        pending_commands=0,
        reported_detector=None,
        key_epochs=[1] if keys else [],
        path_proven=proven,
        way=Way.model_validate(known | way),
        failover_causes=[],
        dialect_suggested=False,
        picture_at=None,
    )
    return {name: value for name, value in reversed(way_facts(live)) if value}


def test_a_device_without_a_key_proves_nothing_and_nothing_is_said() -> None:
    assert facts(keys=False, proven=False) == {}


def test_a_learned_life_says_how_often_to_beat() -> None:
    said = facts(mapping="e", life=115, safe_interval=105, interval=105, stated_interval=196, round_trip=0.0421)
    assert said == {
        "path": "proven: commands go out at once",
        "round trip": "42 ms",
        "NAT mapping": "the same for every address (endpoint-independent)",
        "mapping lives": "115 s at least: heartbeats every 105 s keep it",
        "it beats every": "105 s",
    }


@pytest.mark.parametrize("mapping", Mapping)
def test_every_mapping_has_its_words_and_a_life_that_nobody_measured_is_no_number(mapping: Mapping) -> None:
    said = facts(mapping=mapping, life=0)
    assert said["NAT mapping"]
    assert said["mapping lives"] == "not measured yet"


@pytest.mark.parametrize(("safe", "wanted"), [(15, 15), (105, 26), (None, 26)])
def test_too_seldom_says_what_is_wanted(safe: int | None, wanted: int) -> None:
    said = facts(mapping="h", life=25, safe_interval=safe, interval=60, fits=False)
    assert said["it beats every"] == f"60 s, too seldom: at most {wanted} s is wanted"


def test_a_port_that_changes_each_time_is_said_of_a_device_that_reports_nothing() -> None:
    assert facts(keys=False, fits=False)["it beats every"] == "too seldom: its port changed each time"


def test_a_disputed_address_and_those_before_are_shown_newest_first() -> None:
    said = facts(disputed="udp:198.51.100.1:4000", stays=STAYS)
    assert said["path"].startswith("disputed: udp:198.51.100.1:4000 was proven too")
    assert said["address before"].startswith("udp:203.0.113.8:4000, until 2026-11-21")
