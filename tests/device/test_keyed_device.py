"""A device with a key against a real server's rules, over real sockets: signed both ways, remembered in a file."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alarmd.device.device import CommandFailedError, Device
from alarmd.device.memory_file import MemoryFile
from lfcp import Verb
from lfcp.authenticator import key_as_text
from lfcp.client import ClientEvent, HeartbeatAcknowledged, Kept, MessageAcknowledged, VolatileMemory
from tests.device.test_device import api, at, closed_port, keyed, or_over, outcome, play
from tests.running_house import RunningHouse, running_house
from tests.waiting import until


@pytest.fixture
def house(tmp_path: Path) -> Iterator[RunningHouse]:
    with running_house(tmp_path) as house:
        yield house


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[MemoryFile]:
    memory = MemoryFile(tmp_path / "memory")
    yield memory
    memory.close()


class FullDisk(VolatileMemory):
    full = False

    def save(self, kept: Kept) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        super().save(kept)


def live(house: RunningHouse) -> Any:
    return api(house, "GET", "/devices/cellar1")["live"]


def state(house: RunningHouse, number: int = 1) -> Any:
    return api(house, "GET", f"/commands/{number}")["state"]


async def test_it_proves_its_path_and_its_motion_is_stored(house: RunningHouse, memory: MemoryFile) -> None:
    events: list[ClientEvent] = []
    device = Device("cellar1", at(house), {}, 1, events.append, key=keyed(house), memory=memory)
    device.motion("stairs")
    await play(
        device,
        lambda: any(isinstance(event, MessageAcknowledged) for event in events),
        lambda: live(house)["path_proven"],
    )
    assert [alarm["text"] for alarm in api(house, "GET", "/alarms")["alarms"]] == ["stairs"]


async def test_another_key_is_answered_by_nobody(house: RunningHouse, memory: MemoryFile) -> None:
    keyed(house)
    other = Device("cellar1", at(house), {}, 1, key=bytes(32), memory=memory)
    other.motion("stairs")
    events: list[ClientEvent] = []
    honest = Device("cellar2", at(house), {}, 1, events.append, key=keyed(house, "cellar2"), memory=VolatileMemory())
    async with other:
        running = asyncio.create_task(other.run())
        await play(honest, lambda: sum(isinstance(event, HeartbeatAcknowledged) for event in events) > 3)
        running.cancel()
    assert api(house, "GET", "/alarms")["alarms"] == []
    assert live(house)["path_proven"] is False


async def test_a_sealed_secret_arrives_opened(house: RunningHouse, memory: MemoryFile) -> None:
    got = []

    async def keep(params: tuple[str, ...]) -> None:
        got.append(params[:2])

    device = Device("cellar1", at(house), {Verb.TLGC: keep}, 1, key=keyed(house), memory=memory)
    api(house, "POST", "/commands", target="cellar1", verb="TLGC", params=["123:abc", "42"])
    await play(device, outcome(house))
    assert got == [("123:abc", "42")]
    assert state(house) == "acked"


async def test_a_setting_is_applied_and_known_to_the_next_start(house: RunningHouse, memory: MemoryFile) -> None:
    async def apply(_params: tuple[str, ...]) -> None: ...

    key = keyed(house)
    device = Device("cellar1", at(house), {Verb.CONF: apply}, 1, key=key, memory=memory)
    api(house, "POST", "/commands", target="cellar1", verb="CONF", params=["quality", "12"])
    await play(device, outcome(house))
    assert Device("cellar1", at(house), {}, key=key, memory=memory).settings == {"quality": 12}


async def test_a_restart_is_acknowledged_first_and_never_repeated(house: RunningHouse, memory: MemoryFile) -> None:
    restarts: list[str] = []

    async def restart(_params: tuple[str, ...]) -> None:
        restarts.append(state(house))

    key = keyed(house)
    api(house, "POST", "/commands", target="cellar1", verb="RST")
    async with Device("cellar1", at(house), {Verb.RST: restart}, 1, key=key, memory=memory) as device:
        running = asyncio.create_task(device.run())
        await until(partial(or_over, running, lambda: restarts))
        running.cancel()
    assert len(memory.load().commands) == 1
    device = Device("cellar1", at(house), {Verb.RST: restart}, 1, key=key, memory=memory)
    await play(device, outcome(house))
    assert state(house) == "acked"
    assert len(restarts) == 1


async def test_a_restart_that_goes_wrong_after_its_ack_is_told(house: RunningHouse, memory: MemoryFile) -> None:
    async def restart(_params: tuple[str, ...]) -> None:
        raise CommandFailedError("the supply is stuck")

    device = Device("cellar1", at(house), {Verb.RST: restart}, 1, key=keyed(house), memory=memory)
    api(house, "POST", "/commands", target="cellar1", verb="RST")
    await play(device, lambda: "the supply is stuck" in str(api(house, "GET", "/events")))


async def test_a_disk_that_is_full_fails_the_restart(house: RunningHouse) -> None:
    memory = FullDisk()
    events: list[ClientEvent] = []

    async def restart(_params: tuple[str, ...]) -> None:
        raise AssertionError("it would be repeated for ever")

    device = Device("cellar1", at(house), {Verb.RST: restart}, 1, events.append, key=keyed(house), memory=memory)
    async with device:
        running = asyncio.create_task(device.run())
        await until(partial(or_over, running, lambda: live(house)["path_proven"]))
        memory.full = True
        api(house, "POST", "/commands", target="cellar1", verb="RST")
        await until(partial(or_over, running, outcome(house)))
        running.cancel()
    assert state(house) == "failed"
    assert "No space left" in api(house, "GET", "/commands/1")["outcome"]


async def test_without_counters_it_says_nothing_until_there_is_room(
    house: RunningHouse, capsys: pytest.CaptureFixture[str]
) -> None:
    memory = FullDisk()
    memory.full = True
    events: list[ClientEvent] = []
    key = keyed(house)
    device = Device("cellar1", at(house), {}, 1, events.append, key=key, memory=memory)
    told = ""

    def logged() -> bool:
        nonlocal told
        told += capsys.readouterr().out
        return "nothing is sent" in told

    async with device:
        running = asyncio.create_task(device.run())
        await until(partial(or_over, running, logged))
        assert events == []
        memory.full = False
        await until(partial(or_over, running, lambda: events))
        running.cancel()
    told += capsys.readouterr().out
    assert told.count("nothing is sent") == 1
    assert key_as_text(key) not in told


async def test_a_sleep_is_declared_before_it_begins(house: RunningHouse, memory: MemoryFile) -> None:
    slept = asyncio.Event()

    async def sleep(_params: tuple[str, ...]) -> None:
        await device.declare_sleep(60)
        slept.set()

    device = Device("cellar1", at(house), {Verb.DSLP: sleep}, 1, key=keyed(house), memory=memory)
    api(house, "POST", "/commands", target="cellar1", verb="DSLP")
    await play(device, slept.is_set, lambda: api(house, "GET", "/devices/cellar1")["presence"] == "asleep")
    device.wake()


async def test_a_sleep_that_is_called_off_keeps_nobody_waiting(memory: MemoryFile) -> None:
    servers = {"A": ("127.0.0.1", closed_port())}
    async with Device("cellar1", servers, {}, 1, key=bytes(32), memory=memory) as device:
        declaring = asyncio.create_task(device.declare_sleep(60))
        await asyncio.sleep(0)
        device.wake()
        await declaring
