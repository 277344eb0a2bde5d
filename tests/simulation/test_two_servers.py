"""A pair keeps its promises whatever happens to it: 200 runs here, as many as one likes with `make simulate`."""

import os

import pytest

from alarmd.core import standby
from tests.simulation.plan import KINDS, plan
from tests.simulation.runs import judged, main, report, verdict
from tests.simulation.shortening import shortened

SEEDS = int(os.environ.get("ALARMD_PAIR_SEEDS", "200"))


@pytest.mark.parametrize("kind", KINDS)
def test_two_servers_keep_their_promises(kind: str) -> None:
    for seed in range(KINDS.index(kind), SEEDS, len(KINDS)):
        assert not verdict(plan(seed)), report(seed)


def test_a_seed_is_a_run() -> None:
    seed = KINDS.index("everything")
    assert judged(plan(seed))[1].trace == judged(plan(seed))[1].trace


def test_a_failing_run_is_shortened_to_what_it_fails_by() -> None:
    long = plan(KINDS.index("crashes"))
    crashes = {act for act in long.acts if act.what == "crash"}
    short = shortened(long, lambda run: any(act in crashes for act in run.acts))
    assert [act.what for act in short.acts] == ["crash"]
    assert len(short.devices) == 1


def test_a_report_says_what_breaks_and_shows_the_shortest_run_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "due", lambda _state, wall: wall)  # both speak at once
    calm = range(KINDS.index("calm"), 50 * len(KINDS), len(KINDS))
    seed = next(seed for seed in calm if verdict(plan(seed)))
    said = report(seed)
    assert said.startswith(f"seed {seed} breaks:\nwhere_nothing_fails_nothing_is_told_twice")
    assert said.index("shortened:") < said.index("server_started")


def test_many_seeds_run_beside_each_other_and_none_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["6", "100"]) == 0
    assert capsys.readouterr().out == "6 seeds from 100: 0 promises broken\n"
