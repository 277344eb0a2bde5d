"""Failover alarm mode of a device: without any server it watches by itself."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alarmd.device.device import Device
from alarmd.device.failover_mode import Failover, FailoverMode
from lfcp import Report, decode, encode, read_report
from lfcp.client import ClientSession
from lfcp.constants import FAILOVER_MISSES
from tests.device.test_device import api, closed_port, or_over
from tests.running_house import running_house
from tests.waiting import until

INTERVAL = 20


class Watched:
    """What a device can do, written down."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.reachable = True
        self.asked = 0
        self.answer_at: asyncio.Event | None = None
        self.failover = Failover(self._reachable, partial(self._do, "begin"), partial(self._do, "end"), self._do)

    async def _reachable(self) -> bool:
        self.asked += 1
        if self.answer_at is not None:
            await self.answer_at.wait()
        return self.reachable

    async def _do(self, what: str) -> None:
        self.done.append(what)


class Play:
    """A device towards two servers, played by hand. Each step lets what was begun come to its end."""

    def __init__(self) -> None:
        self.watched = Watched()
        report = Report(boot_id="1", detector=False)
        self.session = ClientSession("cam1", ("A", "B"), INTERVAL, lambda: 0.0, report=report)
        self.mode = FailoverMode(self.watched.failover, self.session, self._spawn)
        self.tasks: list[asyncio.Task[None]] = []
        self.now = 0.0

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.create_task(work))

    async def settle(self) -> None:
        while self.tasks:
            await self.tasks.pop()

    async def beat(self, times: int = 1) -> bytes:
        """The last heartbeat."""
        frames = []
        for _ in range(times):
            frames = self.session.poll(self.now)
            self.now += INTERVAL
            self.mode.look()
            if self.watched.answer_at is None:
                await self.settle()
        return frames[-1][1]

    async def answer(self, server: str = "A") -> None:
        self.session.receive(server, encode("cam1", "ACK"), self.now)
        self.mode.look()
        await self.settle()


@pytest.fixture
async def play() -> AsyncIterator[Play]:
    play = Play()
    yield play
    await play.settle()


async def test_it_begins_when_no_server_answered_often_enough(play: Play) -> None:
    await play.beat(FAILOVER_MISSES)
    assert play.watched.asked == 0
    await play.beat()
    assert play.watched.done == ["begin"]
    report = read_report(decode(await play.beat()))
    assert report is not None
    assert (report.failover, report.detector) == (True, True)


async def test_one_server_that_answers_keeps_it_away(play: Play) -> None:
    for _ in range(2 * FAILOVER_MISSES):
        await play.beat()
        await play.answer("B")
    assert play.watched.asked == 0


async def test_without_the_internet_the_fault_is_nearer_than_the_servers(play: Play) -> None:
    play.watched.reachable = False
    await play.beat(FAILOVER_MISSES + 2)
    assert (play.watched.asked, play.watched.done) == (2, [])
    play.watched.reachable = True
    await play.beat()
    assert play.watched.done == ["begin"]


async def test_it_is_asked_once_at_a_time_and_an_answer_meanwhile_decides(play: Play) -> None:
    play.watched.answer_at = asyncio.Event()
    await play.beat(FAILOVER_MISSES + 3)
    await asyncio.sleep(0)
    play.watched.answer_at.set()
    await play.answer()
    assert (play.watched.asked, play.watched.done) == (1, [])


async def test_it_ends_with_the_first_answer_of_a_server(play: Play) -> None:
    await play.beat(FAILOVER_MISSES + 1)
    await play.answer("B")
    assert play.watched.done == ["begin", "end"]
    report = read_report(decode(await play.beat()))
    assert report is not None
    assert (report.failover, report.detector) == (False, False)


async def test_motion_is_told_directly_only_then(play: Play) -> None:
    play.mode.tell("stairs")
    await play.beat(FAILOVER_MISSES + 1)
    play.mode.tell("gate")
    await play.answer()
    play.mode.tell("roof")
    await play.settle()
    assert play.watched.done == ["begin", "gate", "end"]


async def test_a_device_watches_by_itself_and_tells_the_server_when_it_is_back(tmp_path: Path) -> None:
    watched = Watched()
    port = closed_port()
    device = Device("cellar1", {"A": ("127.0.0.1", port)}, {}, 1, failover=watched.failover)
    async with device:
        running = asyncio.create_task(device.run())
        await until(partial(or_over, running, lambda: watched.done == ["begin"]))
        device.motion("stairs")
        await until(lambda: watched.done == ["begin", "stairs"])
        with running_house(tmp_path, udp_port=port) as house:
            await until(partial(or_over, running, lambda: watched.done == ["begin", "stairs", "end"]))
            await until(lambda: [alarm["text"] for alarm in api(house, "GET", "/alarms")["alarms"]] == ["stairs"])
        assert not running.done()
        running.cancel()


async def test_what_goes_wrong_then_is_logged_and_breaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    async def broken() -> bool:
        raise ZeroDivisionError

    watched = Watched()
    failover = watched.failover._replace(internet_reachable=broken)
    device = Device("cellar1", {"A": ("127.0.0.1", closed_port())}, {}, 1, failover=failover)
    told = ""

    def logged() -> bool:
        nonlocal told
        told += capsys.readouterr().out
        return told.count("a defect in what the device was told to do") > 1

    async with device:
        running = asyncio.create_task(device.run())
        await until(partial(or_over, running, logged))
        assert not running.done()
        running.cancel()
