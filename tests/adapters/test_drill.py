"""The steps of the drill, one by one, where they fail: a small real server on real sockets, and messages that a test
settles or leaves alone."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from alarmd.adapters.drill.places import from_here
from alarmd.adapters.drill.walk import Places, Step, walk
from alarmd.adapters.reactor_clock import now
from alarmd.core.link_condition import Link, LinkCondition
from alarmd.core.settings import Pair, Settings
from alarmd.storage.interface import Claim
from tests.running_house import RunningHouse, running_house
from tests.serving import LOOPBACK

MET = LinkCondition(Link.MET, 1, 1, "1.2", address=LOOPBACK, lfcp_port=9)
SHORT = 3.0  # s; of steps that are to fail, and long for those that are not
LONG = 30.0  # s


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[RunningHouse]:
    with running_house(tmp_path) as house:
        yield house


@pytest.fixture
def paired(tmp_path: Path) -> Iterator[RunningHouse]:
    """Server A of a pair; server B is a socket that says nothing."""
    with running_house(tmp_path, Settings(pair=Pair(peer="B", preferred="A"))) as house:
        house.link = MET
        yield house


@contextmanager
def nobody() -> Iterator[tuple[str, int]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((LOOPBACK, 0))
        yield silent.getsockname()


def take(house: RunningHouse, identity: str) -> None:
    house.store.finish_delivery(identity, "test", now().wall)


def refuse(house: RunningHouse, identity: str) -> None:
    house.store.abandon_delivery(identity, "test", now().wall, "it answers 403")


Teller = Callable[[RunningHouse, str], None]


def settle_everything(house: RunningHouse, how: Teller) -> None:
    """In place of the worker."""

    async def settle() -> None:
        for lease in house.store.claim_deliveries(Claim("test", "log", now(), 60.0, 100, 100)):
            how(house, lease.delivery.identity)

    house.run(settle())


def drilled(
    house: RunningHouse, patience: float, peer: tuple[str, int] | None = None, telling: Teller | None = None
) -> tuple[bool, list[Step]]:
    steps: list[Step] = []
    places = Places(house.control_socket, (LOOPBACK, house.udp_port), peer)

    async def keep_telling(how: Teller) -> None:
        while True:
            await asyncio.to_thread(settle_everything, house, how)
            await asyncio.sleep(0.02)

    async def go() -> bool:
        teller = asyncio.create_task(keep_telling(telling)) if telling else None
        try:
            return await walk(places, steps.append, patience)
        finally:
            if teller is not None:
                teller.cancel()

    return asyncio.run(go()), steps


def failure(steps: list[Step]) -> tuple[str, str]:
    """The last step, which failed, and why."""
    assert not steps[-1].passed, steps
    return steps[-1].name, steps[-1].said


def test_every_step_passes_and_nothing_is_left(alone: RunningHouse) -> None:
    passed, steps = drilled(alone, LONG, telling=take)
    assert (passed, [step.name for step in steps if not step.passed]) == (True, [])
    assert alone.engine.state.sessions == {}
    assert alone.engine.state.alarms == {}


def test_a_message_that_nobody_takes_in_time_fails(alone: RunningHouse) -> None:
    passed, steps = drilled(alone, SHORT)
    assert not passed
    assert failure(steps) == ("the alarm is told", "not within 3 s")
    assert alone.engine.state.sessions == {}


def test_a_destination_that_takes_nothing_is_named(alone: RunningHouse) -> None:
    name, said = failure(drilled(alone, LONG, telling=refuse)[1])
    assert (name, said) == ("the alarm is told", "log does not take it: it answers 403")


def test_an_installation_that_tells_nobody_fails(tmp_path: Path) -> None:
    with running_house(tmp_path, Settings(routes=())) as house:
        name, said = failure(drilled(house, LONG)[1])
    assert (name, "alarms.destinations" in said) == ("the alarm is told", True)


def test_what_a_drill_that_was_killed_left_behind_is_in_nobodys_way(alone: RunningHouse) -> None:
    with alone.client() as client:
        assert client.post("/devices/alarmd-drill-a/adopt", json={}).is_success
    alone.frame("alarmd-drill-a,MOAL,gate,0,0,0,0,0")
    assert drilled(alone, LONG, telling=take)[0]


def test_a_server_that_devices_do_not_reach_is_named(alone: RunningHouse) -> None:
    with nobody() as place:
        alone.udp_port = place[1]
        name, said = failure(drilled(alone, SHORT)[1])
    assert (name, said) == ("its heartbeats are answered", f"no answer from server A at {LOOPBACK} port {place[1]}")


def test_what_the_server_refuses_is_told_in_its_words(alone: RunningHouse) -> None:
    alone.run(_rename_home(alone))
    name, said = failure(drilled(alone, LONG)[1])
    assert (name, "no site 'home'" in said) == ("a device for the test is made", True)


def test_a_server_that_is_gone_is_told(tmp_path: Path) -> None:
    steps: list[Step] = []
    assert not asyncio.run(walk(Places(tmp_path / "none.sock", (LOOPBACK, 9)), steps.append))
    assert failure(steps) == ("this server answers", "the server does not answer: ConnectError")


def test_a_peer_that_is_gone_fails_and_the_rest_is_proved_for_this_server(paired: RunningHouse) -> None:
    paired.link = LinkCondition(Link.GONE, 1, reason="silent for 6 s")
    passed, steps = drilled(paired, LONG, telling=take)
    assert not passed
    assert [(step.name, step.said) for step in steps if not step.passed] == [
        ("the other server is there", "server B is gone: silent for 6 s")
    ]
    assert steps[-1].name == "it is cleared, and that is told"


def test_a_peer_that_does_not_store_is_waited_for_and_fails(paired: RunningHouse) -> None:
    paired.link = replace(MET, waiting=3)
    assert failure(drilled(paired, SHORT)[1])[0] == "a device for the test is made"


def test_a_peer_that_devices_do_not_reach_is_named(paired: RunningHouse) -> None:
    with nobody() as place:
        name, said = failure(drilled(paired, SHORT, place)[1])
    assert (name, said) == ("its heartbeats are answered", f"no answer from server B at {LOOPBACK} port {place[1]}")


def test_a_place_without_a_way_to_it_is_told(paired: RunningHouse) -> None:
    name, said = failure(drilled(paired, LONG, ("nowhere.invalid", 9))[1])
    assert (name, said.startswith("no way to a server: ")) == ("its heartbeats are answered", True)


@pytest.mark.parametrize(
    ("listens", "reached"), [("*", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("192.0.2.1", "192.0.2.1")]
)
def test_a_server_that_listens_everywhere_is_reached_on_loopback(listens: str, reached: str) -> None:
    assert from_here(listens, 8443) == (reached, 8443)


async def _rename_home(house: RunningHouse) -> None:
    state = house.engine.state
    state.sites = {number: replace(site, name="elsewhere") for number, site in state.sites.items()}
