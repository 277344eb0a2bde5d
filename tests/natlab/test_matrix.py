"""Who connects directly through which NATs, and how soon; everybody else is on the relay at once."""

import itertools
import math
import statistics
import sys
from pathlib import Path

import pytest

from tests.conftest import PROVE
from tests.natlab.meetings import neighbourhood
from tests.natlab.nat_types import NAT_TYPES
from tests.natlab.street import c_device
from tests.netlab.relay import Line

HARD = {"adm", "sym", "symb"}
STRICT = {"pr", "prx", "prh"}
PREDICTABLE = {"syms"}
OPEN = set(NAT_TYPES) - HARD - STRICT - PREDICTABLE
ALL = list(itertools.product(NAT_TYPES, repeat=2))
SAMPLE = [("pr", "pr"), ("pr", "syms"), ("sym", "fc"), ("adm", "symb")]
RUNS = 25
HALF_WAY = Line(delay=0.025)  # from each home: 50 ms to a server and back, 100 ms to the other home and back
RELAYED_WITHIN = 0.3  # s
DIRECT_MEDIAN = 0.5  # s
PATIENCE = 100.0  # s for a direct path, where there may be one; the second round begins after 60


def can_meet(one: str, other: str) -> bool:
    """One open side suffices; strict ones meet each other, and who counts up."""
    both = {one, other}
    return bool(both & OPEN) or both <= STRICT or (bool(both & STRICT) and bool(both & PREDICTABLE))


def types_of(cells: list[tuple[str, str]]) -> tuple[set[str], set[str]]:
    return {one for one, _ in cells}, {other for _, other in cells}


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def test_who_can_meet_does_and_the_others_are_on_the_relay_at_once(tmp_path: Path) -> None:
    cells = ALL if PROVE else SAMPLE
    with neighbourhood(tmp_path, *types_of(cells), HALF_WAY) as made:
        found = {cell: made.meet(*cell, patience=PATIENCE * can_meet(*cell)) for cell in cells}
    direct = {cell for cell, met in found.items() if met.direct is not None}
    late = {cell: met.first for cell, met in found.items() if met.first > RELAYED_WITHIN}
    say(f"{len(direct)} of {len(cells)} pairs of NATs direct, {len(cells) - len(direct)} on the relay")
    for cell, met in found.items():
        say(f"{cell[0]} and {cell[1]}: first path {met.first:.3f} s, direct {met.direct} {met.kind}")
    assert all(met.answered for met in found.values())
    assert direct == {cell for cell in cells if can_meet(*cell)}
    assert late == {}


@pytest.mark.prove
@pytest.mark.parametrize("loss", [0.0, 0.1, 0.2])
def test_two_port_restricted_nats_are_passed_in_half_a_second(tmp_path: Path, loss: float) -> None:
    """loss: between the two homes, each way."""
    line = Line(delay=HALF_WAY.delay, loss=1 - math.sqrt(1 - loss))
    with neighbourhood(tmp_path, ["pr"], ["pr"], line) as made:
        runs = [made.meet("pr", "pr", patience=PATIENCE) for _ in range(RUNS)]
    taken = [met.direct for met in runs if met.direct is not None]
    median = statistics.median(taken)
    report = f"{len(taken)} of {RUNS} direct, median {median * 1000:.0f} ms, worst {max(taken):.2f} s"
    say(f"pr and pr, {loss:.0%} lost: {report}")
    assert len(taken) >= RUNS - 1
    assert median < DIRECT_MEDIAN


@pytest.mark.prove
@pytest.mark.parametrize("types", [("pr", "sym"), ("sym", "pr"), ("prx", "symb"), ("adm", "prh")])
def test_with_permission_a_hard_nat_is_passed_by_chance(tmp_path: Path, types: tuple[str, str]) -> None:
    with neighbourhood(tmp_path, types[:1], types[1:], HALF_WAY, RENDEZVOUS_BIRTHDAY="true") as made:
        met = made.meet(*types, "--birthday", patience=PATIENCE)
    say(f"{types[0]} and {types[1]}, with permission: direct after {met.direct} s")
    assert met.direct is not None


@pytest.mark.prove
def test_the_device_in_c_is_met_as_well(tmp_path: Path, lfcp_device: Path) -> None:
    cells = [("pr", "prh"), ("sym", "fc"), ("pr", "syms"), ("adm", "symb")]
    cells = cells if PROVE else cells[:2]
    with neighbourhood(tmp_path, *types_of(cells), HALF_WAY, launch=c_device(lfcp_device)) as made:
        found = {cell: made.meet(*cell, patience=PATIENCE * can_meet(*cell)) for cell in cells}
    say(
        "".join(
            f"{cell}: first path {met.first:.3f} s, direct {met.direct} {met.kind}\n" for cell, met in found.items()
        )
    )
    assert all(met.answered for met in found.values())
    assert {cell for cell, met in found.items() if met.direct is not None} == {c for c in cells if can_meet(*c)}


def test_in_one_home_they_meet_by_their_own_addresses(tmp_path: Path) -> None:
    """Also behind a NAT that sends nothing back to who is behind it, and is hard."""
    with neighbourhood(tmp_path, [], ["sym"], pair=False) as made:
        made.move_in_with("sym")
        met = made.meet("inside", "sym", patience=PATIENCE)
    say(f"in one home: first path {met.first:.3f} s, direct {met.direct} {met.kind}")
    assert (met.kind, met.answered) == ("host", True)


def test_with_ipv6_no_nat_stands_between_them(tmp_path: Path) -> None:
    with neighbourhood(tmp_path, ["sym"], ["adm"], pair=False, ipv6=True) as made:
        met = made.meet("sym", "adm", patience=PATIENCE)
    say(f"sym and adm with IPv6: first path {met.first:.3f} s, direct {met.direct} {met.kind}")
    assert (met.kind, met.answered) == ("ipv6", True)
