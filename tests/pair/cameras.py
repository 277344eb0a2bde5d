"""Devices on their machine of a pair, talking to both servers: lfcp-device, and alarmd's device in Python."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from alarmd.device.device import Device
from lfcp.client import ClientEvent, HeartbeatAcknowledged, MessageAcknowledged, VolatileMemory
from tests.firmware.running_device import RunningDevice, running
from tests.pair.pair import LABELS, LFCP_PORT, Pair

INTERVAL = 2  # s between heartbeats


def c_device(house: Pair, stack: ExitStack, program: Path, directory: Path, *options: str) -> RunningDevice:
    """It runs until the stack is closed. directory: its own; made if need be."""
    directory.mkdir(exist_ok=True)
    addresses = [f"{label}={house.lan.address(name)}:{LFCP_PORT}" for name, label in LABELS.items()]
    servers = [option for address in addresses for option in ("--server", address)]
    with house.lan["devices"].entered():
        return stack.enter_context(running(program, directory, *servers, "--interval", str(INTERVAL), *options))


class PythonDevice(threading.Thread):
    """Use `python_device`. It has a key."""

    def __init__(self, house: Pair, name: str, key: bytes) -> None:
        super().__init__(name=name, daemon=True)
        servers = {label: (house.lan.address(host), LFCP_PORT) for host, label in LABELS.items()}
        self._machine = house.lan["devices"]
        self._heard: list[ClientEvent] = []
        self._device = Device(name, servers, {}, INTERVAL, self._heard.append, key=key, memory=VolatileMemory())
        self._loop = asyncio.new_event_loop()
        self._life = self._loop.create_task(self._live())

    @property
    def answered_by(self) -> set[str]:
        return {event.server for event in self._heard if isinstance(event, HeartbeatAcknowledged)}

    @property
    def stored_by(self) -> set[str]:
        return {event.server for event in self._heard if isinstance(event, MessageAcknowledged)}

    def motion(self, what: str) -> None:
        self._loop.call_soon_threadsafe(self._device.motion, what)

    def run(self) -> None:
        with self._machine.entered():
            self._loop.run_until_complete(asyncio.wait([self._life]))
        self._loop.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._life.cancel)
        self.join()

    async def _live(self) -> None:
        async with self._device:
            await self._device.run()


@contextmanager
def python_device(house: Pair, name: str, key: bytes) -> Iterator[PythonDevice]:
    made = PythonDevice(house, name, key)
    made.start()
    try:
        yield made
    finally:
        made.close()
