"""Simulated cameras against a real server: pictures with motion, SNAP, LIVE, and restarts in between."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from alarmd.core.records import Trigger
from alarmd.core.requests import CommandRequested
from alarmd.device import simulated_uploads
from alarmd.device.drawn_pictures import drawn
from alarmd.device.simulated_device import Behaviour
from alarmd.device.simulator import Server, Simulator
from tests.adapters.picture_site import Site
from tests.adapters.real_house import real_house
from tests.frames.pictures import inspect
from tests.waiting import LIMIT, until

NAMES = ("sim1", "sim2", "sim3")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    reactor = AsyncioSelectorReactor(asyncio.get_running_loop())
    async with real_house(tmp_path) as house:
        site = Site(house, reactor, tmp_path).listen()
        await house.adopt(*NAMES)
        yield site
        await site.stop()
    reactor.removeAll()


@asynccontextmanager
async def playing(site: Site, **behaviour: Any) -> AsyncIterator[Simulator]:
    made = Behaviour(interval=1, pictures=True, **behaviour)
    simulator = Simulator(Server("127.0.0.1", site.port), NAMES, lambda _: made, random.Random(1))
    stop = asyncio.Event()
    task = asyncio.create_task(simulator.run(stop))
    sessions = site.house.engine.state.sessions
    try:
        await until(lambda: all(sessions[name].knows for name in NAMES) or task.done())
        yield simulator
        assert not task.done()
    finally:
        stop.set()
        await task


async def send(site: Site, verb: str, *params: str) -> None:
    await site.house.runner.submit_request(CommandRequested("op", "sim1", verb, params))


async def test_each_motion_comes_with_a_picture(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_uploads, "MAX_CONNECTIONS", 1)
    async with playing(site, motion_every=1.0) as simulator:
        await until(lambda: len({one.device for one in site.taken}) == len(NAMES))
        await until(lambda: simulator.tally.pictures >= len(NAMES))
    assert Trigger.ALARM in {one.trigger for one in site.taken}  # the server asks for some besides


async def test_a_simulated_camera_obeys_snap_and_live(site: Site) -> None:
    async with playing(site) as simulator:
        await send(site, "SNAP")
        await until(lambda: simulator.tally.pictures == 1)
        with site.live.watch("sim1") as viewer:
            seen = {await asyncio.wait_for(anext(viewer), LIMIT) for _ in range(3)}
    assert len(seen) == 3
    assert [one.trigger for one in site.taken] == [Trigger.COMMAND]


async def test_a_restart_ends_what_was_under_way(site: Site) -> None:
    site.gate.clear()
    async with playing(site) as simulator:
        await send(site, "SNAP")
        await until(lambda: site.taken)
        await send(site, "RST")
        await until(lambda: simulator.tally.restarts == 1)
        site.gate.set()
        await until(lambda: not len(site.lfcp.connections))
    assert simulator.tally.pictures == 0


def test_a_drawn_picture_is_one_that_the_server_takes() -> None:
    assert drawn("sim1", 1) != drawn("sim1", 2)
    found = inspect(drawn("sim1", 1))
    assert (found.width, found.height, found.repair) == (320, 240, "")
