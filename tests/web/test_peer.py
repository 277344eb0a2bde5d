"""GET /peer: the other server, as this one sees it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from alarmd.core.link_condition import Link, LinkCondition
from alarmd.core.settings import Pair, Settings
from tests.running_house import RunningHouse, running_house


@pytest.fixture
def paired(tmp_path: Path) -> Iterator[RunningHouse]:
    """Server B of a pair of A and B."""
    with running_house(tmp_path, Settings(label="B", pair=Pair(peer="A", preferred="A"))) as house:
        yield house


def shown(house: RunningHouse) -> dict[str, object]:
    with house.client() as client:
        answer: dict[str, object] = client.get("/peer").json()
    return answer


def test_a_server_without_a_pair_says_so_and_speaks(client: httpx.Client) -> None:
    answer = client.get("/peer").json()
    assert (answer["standing"], answer["label"], answer["speaks"], answer["peer"]) == ("alone", "A", True, "")


def test_a_peer_that_was_met_is_shown_with_all_that_is_known_of_it(paired: RunningHouse) -> None:
    paired.link = LinkCondition(Link.MET, 1_000_000, 2_000_000, "1.2", -0.00061, 7)
    paired.engine.state.peer_met = True
    assert shown(paired) == {
        "standing": "met",
        "label": "B",
        "speaks": False,
        "peer": "A",
        "preferred": "A",
        "since": "1970-01-01T00:00:01.000000Z",
        "seen_at": "1970-01-01T00:00:02.000000Z",
        "address": "",
        "lfcp_port": 0,
        "version": "1.2",
        "clock_offset": -0.001,
        "waiting": 7,
        "reason": "",
    }


def test_a_peer_that_is_gone_is_shown_with_the_reason_and_who_speaks(paired: RunningHouse) -> None:
    paired.link = LinkCondition(Link.GONE, 1_000_000, reason="silent for 6 s")
    answer = shown(paired)
    assert (answer["standing"], answer["speaks"], answer["seen_at"]) == ("gone", True, None)
    assert answer["reason"] == "silent for 6 s"
