"""A device finds out how long its NAT remembers it, also on a line that loses every tenth packet."""

import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import PROVE
from tests.natlab.street import Home, Launch, Street, Way, street
from tests.netlab.relay import Line
from tests.waiting import wait_until

LADDER = (2, 4, 5, 8, 10, 13)  # s; the real one goes up to minutes
LIVES = {6: (4, 5, 8), 11: (8, 10, 13)}  # s that a mapping lives, and what is within one step of it
RUNS = 20 if PROVE else 2  # of each; half of them with either device
LINE = Line(loss=0.1)
LOOK_EVERY = 0.5  # s
LIMIT = 120.0  # s; two climbs and a heartbeat with a loss take 60


@pytest.mark.parametrize("kind", ["pr", "fc", "sym"] if PROVE else ["pr"])
def test_the_ladder_finds_the_life_of_a_mapping_within_one_step(tmp_path: Path, kind: str, both: Launch) -> None:
    ways = [Way(kind, life=life) for life in LIVES for _ in range(RUNS)]
    with street(tmp_path, ways, both, ladder=LADDER, line=LINE) as homes:
        found = Counter((home.way.life, life_found(homes, home)) for home in homes.homes)
    report = ", ".join(f"{count} x {found} s of {life} s" for (life, found), count in sorted(found.items()))
    sys.stdout.write(f"behind {kind}, {LINE.loss:.0%} lost: {report}\n")
    assert all(life and step in LIVES[life] for life, step in found), report


def life_found(homes: Street, home: Home) -> int:
    """What the device reports to the server, s."""

    def found() -> int:
        life: int | None = homes.house.device(home.device)["live"]["way"]["life"]
        return life or 0

    wait_until(found, f"what {home.device} found", LIMIT, LOOK_EVERY)
    return found()
