"""Servers of a pair that die, freeze, stop and are replaced, under a stream of alarms."""

import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.pair.pair import Pair, accept, invite, pair
from tests.pair.reckoning import PEER_LOST, TAKEOVER, all_told, logs_alike, peer_lost_after
from tests.pair.storm import storm
from tests.waiting import wait_until

PREFERRED, OTHER = "a", "b"
SEEDS = (0, 1, 2)
IN_HAND = 5  # alarms that a killed server had stored and neither told nor copied: it tells them when it is back


def kill_and_return(house: Pair, victim: str, seed: int, what: str) -> None:
    server = getattr(house, victim)
    with storm(house, seed):
        server.stop(signal.SIGKILL)
        killed = time.monotonic()
    found = all_told(house, what)
    assert found.longest <= TAKEOVER
    assert peer_lost_after(house, killed, what) <= PEER_LOST
    server.start()
    wait_until(house.met, "the next meeting")
    logs_alike(house)
    again = all_told(house, f"{what}, and it came back")
    assert again.twice <= found.twice + IN_HAND
    wait_until(lambda: house.operator.about("peer_lost", "cleared"), "the end of the loss to be told")
    assert len(house.operator.about("peer_lost")) == 1


def test_the_preferred_server_is_killed_and_no_alarm_is_lost(house: Pair) -> None:
    kill_and_return(house, PREFERRED, 0, "kill -9 of the preferred")


@pytest.mark.prove
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("victim", [PREFERRED, OTHER])
def test_either_is_killed_at_random_moments(house: Pair, victim: str, seed: int) -> None:
    kill_and_return(house, victim, seed, f"kill -9 of {victim}, moment {seed}")


@pytest.mark.prove
def test_a_pair_on_postgresql_loses_no_alarm_by_a_kill(
    tmp_path: Path, postgresql_url: str, other_postgresql_url: str
) -> None:
    with pair(tmp_path, storage_urls={"a": postgresql_url, "b": other_postgresql_url}) as house:
        kill_and_return(house, PREFERRED, 1, "PostgreSQL, kill -9 of the preferred")


@pytest.mark.prove
def test_both_are_killed_and_come_back(house: Pair) -> None:
    with storm(house):
        for server in (house.a, house.b):
            server.stop(signal.SIGKILL)
        for server in (house.a, house.b):
            server.start()
    wait_until(house.met, "the next meeting")
    all_told(house, "kill -9 of both")
    logs_alike(house)


@pytest.mark.prove
@pytest.mark.parametrize("victim", [PREFERRED, OTHER])
def test_one_is_frozen_and_goes_on(house: Pair, victim: str) -> None:
    """Nobody may speak twice of what was settled meanwhile, but it may of what it heard in its sleep."""
    server = getattr(house, victim)
    with storm(house):
        server.process.send_signal(signal.SIGSTOP)
        frozen = time.monotonic()
    found = all_told(house, f"SIGSTOP of {victim}")
    assert found.longest <= TAKEOVER
    assert peer_lost_after(house, frozen, f"SIGSTOP of {victim}") <= PEER_LOST
    server.process.send_signal(signal.SIGCONT)
    wait_until(house.met, "the next meeting")
    logs_alike(house)
    all_told(house, f"SIGSTOP and SIGCONT of {victim}")


@pytest.mark.prove
@pytest.mark.parametrize("stopped", [PREFERRED, OTHER])
def test_each_is_restarted_in_turn_as_for_an_upgrade(house: Pair, stopped: str) -> None:
    server = getattr(house, stopped)
    with storm(house):
        assert server.stop() == 0
        server.start()
    wait_until(house.met, "the next meeting")
    found = all_told(house, f"planned restart of {stopped}")
    assert found.longest <= TAKEOVER
    logs_alike(house)
    assert house.operator.about("peer_lost") == []


@pytest.mark.prove
def test_a_replaced_machine_catches_up(house: Pair, tmp_path: Path) -> None:
    with storm(house):
        house.b.stop(signal.SIGKILL)
        shutil.rmtree(house.b.state)
    invitation = tmp_path / "again"
    invite(house.a.directory, house.lan.address("a"), invitation, "--renew", **house.a.settings)
    house.a.stop()
    house.a.start()
    accept(house.b.directory, invitation, **house.b.settings)
    house.b.start()
    wait_until(house.met, "the meeting with the new machine")
    logs_alike(house)
    all_told(house, "a machine replaced")
    with storm(house, 1):
        house.a.stop(signal.SIGKILL)
    all_told(house, "a machine replaced, then kill -9 of the other")
