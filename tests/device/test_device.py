"""A device in Python against a real server's rules, over real sockets."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alarmd.device.device import CommandFailedError, Device
from lfcp import Verb
from lfcp.authenticator import key_from_text
from lfcp.client import ClientEvent, HeartbeatAcknowledged, MessageAcknowledged
from tests.running_house import RunningHouse, running_house
from tests.waiting import LIMIT, until


@pytest.fixture
def house(tmp_path: Path) -> Iterator[RunningHouse]:
    with running_house(tmp_path) as house:
        yield house


def closed_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def at(house: RunningHouse) -> dict[str, tuple[str, int]]:
    return {"A": ("127.0.0.1", house.udp_port)}


async def play(device: Device, *steps: Callable[[], object]) -> None:
    """Run the device until each condition came true in turn."""
    async with device:
        running = asyncio.create_task(device.run())
        for step in steps:
            await until(partial(or_over, running, step))
        assert not running.done()
        running.cancel()


def or_over(running: "asyncio.Task[None]", step: Callable[[], object]) -> object:
    return running.done() or step()


def api(house: RunningHouse, method: str, path: str, **body: Any) -> Any:
    with house.client() as client:
        return client.request(method, path, json=body or None).json()


def keyed(house: RunningHouse, name: str = "cellar1") -> bytes:
    """The device's new key."""
    return key_from_text(api(house, "POST", f"/devices/{name}/key", zone="home")["key"])


def outcome(house: RunningHouse) -> Callable[[], bool]:
    """Whether the newest command has one."""
    return lambda: api(house, "GET", "/commands")["commands"][0]["finished_at"] is not None


async def test_a_device_is_seen_and_its_motion_is_stored(house: RunningHouse) -> None:
    events: list[ClientEvent] = []
    device = Device("cellar1", at(house), {}, interval=1, heard=events.append)
    assert device.motion("stairs")
    assert device.log("all well")
    await play(device, lambda: sum(isinstance(event, MessageAcknowledged) for event in events) == 2)
    assert any(isinstance(event, HeartbeatAcknowledged) for event in events)
    assert [alarm["text"] for alarm in api(house, "GET", "/alarms")["alarms"]] == ["stairs"]
    assert api(house, "GET", "/devices/cellar1")["address"].startswith("udp:127.0.0.1:")


async def test_a_command_is_carried_out_and_acknowledged(house: RunningHouse) -> None:
    done = []

    async def camera_on(params: tuple[str, ...]) -> None:
        done.append(params)

    api(house, "POST", "/devices/cellar1/adopt", zone="home")
    api(house, "POST", "/commands", target="cellar1", verb="WCAM")
    await play(Device("cellar1", at(house), {Verb.WCAM: camera_on}, interval=1), outcome(house))
    assert done == [("0",) * 6]
    assert api(house, "GET", "/commands/1")["state"] == "acked"


async def _impossible(_params: tuple[str, ...]) -> None:
    raise CommandFailedError("no camera is connected")


async def _broken(_params: tuple[str, ...]) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("handlers", "words"),
    [
        ({}, "WCAM is not supported"),
        ({Verb.WCAM: _impossible}, "no camera is connected"),
        ({Verb.WCAM: _broken}, "WCAM failed"),
    ],
)
async def test_a_command_that_fails_is_reported_with_the_reason(
    house: RunningHouse, handlers: dict[Verb, Any], words: str
) -> None:
    api(house, "POST", "/devices/cellar1/adopt", zone="home")
    api(house, "POST", "/commands", target="cellar1", verb="WCAM")
    device = Device("cellar1", at(house), handlers, interval=1)
    await play(device, lambda: api(house, "GET", "/commands/1")["state"] == "failed")
    assert words in api(house, "GET", "/commands/1")["outcome"]


async def test_a_server_that_is_away_does_not_break_the_device_for_the_other(house: RunningHouse) -> None:
    events: list[ClientEvent] = []
    servers = {"A": ("127.0.0.1", closed_port()), "B": ("127.0.0.1", house.udp_port)}
    device = Device("cellar1", servers, {}, interval=1, heard=events.append)
    device.motion("stairs")
    await play(
        device,
        lambda: sum(isinstance(event, HeartbeatAcknowledged) for event in events) > 2,
        lambda: any(isinstance(event, MessageAcknowledged) for event in events),
    )
    assert {event.server for event in events} == {"B"}


async def test_a_server_that_comes_back_hears_what_was_kept_for_it(tmp_path: Path) -> None:
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    silent.setblocking(False)
    port = silent.getsockname()[1]
    events: list[ClientEvent] = []
    device = Device("cellar1", {"A": ("127.0.0.1", port)}, {}, interval=1, heard=events.append)
    device.motion("stairs")
    async with device:
        running = asyncio.create_task(device.run())
        with silent:
            for _ in range(3):
                await asyncio.get_running_loop().sock_recv(silent, 200)
        with running_house(tmp_path, udp_port=port) as house:
            await until(lambda: any(isinstance(event, MessageAcknowledged) for event in events))
            assert [alarm["text"] for alarm in api(house, "GET", "/alarms")["alarms"]] == ["stairs"]
        running.cancel()


async def test_a_full_queue_is_said(house: RunningHouse) -> None:
    device = Device("cellar1", at(house), {})
    async with device:
        told = [device.motion(str(number)) for number in range(100)]
    assert told[0]
    assert not told[-1]


async def test_a_watcher_that_fails_does_not_leave_a_deaf_device(house: RunningHouse) -> None:
    def fail(_event: ClientEvent) -> None:
        raise LookupError("a defect")

    async with Device("cellar1", at(house), {}, interval=1, heard=fail) as device:
        with pytest.raises(ExceptionGroup) as ended:
            await asyncio.wait_for(device.run(), LIMIT)
    assert ended.group_contains(LookupError)
