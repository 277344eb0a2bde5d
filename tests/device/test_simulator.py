"""Fleets of simulated devices against a real server's rules, over real sockets."""

import asyncio
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alarmd.device import simulator
from alarmd.device.simulated_device import Behaviour
from alarmd.device.simulator import MAX_DEVICES, Server, Simulator
from tests.device.test_device import closed_port, or_over
from tests.running_house import RunningHouse, running_house
from tests.waiting import until


@pytest.fixture
def house(tmp_path: Path) -> Iterator[RunningHouse]:
    with running_house(tmp_path) as house:
        yield house


def fleet(house: RunningHouse, count: int, **behaviour: Any) -> Simulator:
    names = [f"sim{number:03}" for number in range(count)]
    return Simulator(
        Server("127.0.0.1", house.udp_port), names, lambda _: Behaviour(interval=1, **behaviour), random.Random(1)
    )


def devices(house: RunningHouse) -> list[dict[str, Any]]:
    with house.client() as client:
        answer: list[dict[str, Any]] = client.get("/devices").json()["devices"]
    return answer


async def until_stopped(simulated: Simulator, *conditions: Any) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(simulated.run(stop))
    for condition in conditions:
        await until(partial(or_over, running, condition))
    stop.set()
    await running


async def test_every_device_is_heard_and_answered(house: RunningHouse) -> None:
    simulated = fleet(house, 20)
    await until_stopped(simulated, lambda: simulated.tally.answered >= 20, lambda: len(devices(house)) == 20)
    assert simulated.tally.rejected == 0
    assert simulated.errors == 0
    seen = devices(house)
    assert len({device["address"] for device in seen}) == 20


async def test_every_alarm_is_stored_before_the_end(house: RunningHouse) -> None:
    simulated = fleet(house, 10, motion_every=1.0)
    await until_stopped(simulated, lambda: simulated.tally.alarms >= 10)
    assert simulated.owed == 0
    assert simulated.tally.stored == simulated.tally.alarms
    with house.client() as client:
        motions = client.get("/events", params={"kind": "motion", "limit": 1000}).json()["events"]
    assert len(motions) >= simulated.tally.alarms


async def test_devices_share_sockets_when_there_are_more_of_them(
    house: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulator, "MAX_SOCKETS", 3)
    simulated = fleet(house, 9)
    await until_stopped(simulated, lambda: len(devices(house)) == 9, lambda: simulated.tally.answered >= 9)
    assert len({device["address"] for device in devices(house)}) == 3


async def test_a_command_reaches_its_device(house: RunningHouse) -> None:
    simulated = fleet(house, 3)
    with house.client() as client:
        client.post("/devices/sim001/adopt", json={})
        client.post("/commands", json={"target": "sim001", "verb": "RST"})
    await until_stopped(simulated, lambda: simulated.tally.restarts)
    assert simulated.tally.commands == {"RST": 1}


async def test_some_devices_fall_silent(house: RunningHouse) -> None:
    names = ["loud", "quiet"]
    behaviours = [Behaviour(interval=1), Behaviour(interval=1, silent_after=0)]
    simulated = Simulator(
        Server("127.0.0.1", house.udp_port), names, lambda number: behaviours[number], random.Random(1)
    )
    await until_stopped(simulated, lambda: simulated.tally.answered)
    assert [device["name"] for device in devices(house)] == ["loud"]
    assert simulated.silent == 1


def test_what_is_owed_is_known_after_the_end(house: RunningHouse) -> None:
    simulated = fleet(house, 1)
    asyncio.run(simulated.run(asyncio.Event(), seconds=0.05))
    assert (simulated.owed, simulated.silent) == (0, 0)


async def test_the_simulation_ends_by_itself_when_its_time_is_over(house: RunningHouse) -> None:
    simulated = fleet(house, 2)
    await simulated.run(asyncio.Event(), seconds=0.05)
    assert simulated.owed == 0


async def test_a_server_that_is_not_there_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator, "LAST_CALL", 0.2)
    simulated = Simulator(Server("127.0.0.1", closed_port()), ["sim1"], lambda _: Behaviour(1, 0.2), random.Random(1))
    await until_stopped(simulated, lambda: simulated.errors, lambda: simulated.tally.alarms)
    assert simulated.tally.answered == 0
    assert simulated.owed > 0


async def test_a_name_that_cannot_be_resolved_is_an_error() -> None:
    simulated = Simulator(Server("nowhere.invalid", 8443), ["sim1"], lambda _: Behaviour(), random.Random(1))
    with pytest.raises(OSError):
        await simulated.run(asyncio.Event())


@pytest.mark.parametrize("count", [0, MAX_DEVICES + 1])
def test_no_devices_and_too_many_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=str(MAX_DEVICES)):
        Simulator(Server("127.0.0.1", 8443), ["sim"] * count, lambda _: Behaviour(), random.Random(1))
