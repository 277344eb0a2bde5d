"""Many simulated devices against one server, over UDP: one socket each while there are sockets, shared beyond."""

import asyncio
import heapq
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic, time
from typing import NamedTuple

from alarmd.device.datagrams import Datagrams
from alarmd.device.simulated_device import Behaviour, Identity, SimulatedDevice
from alarmd.device.simulated_uploads import SimulatedUploads
from alarmd.device.tally import Tally

MAX_SOCKETS = 500  # below the usual limit of 1024 open files; beyond, devices share them
MAX_DEVICES = 20_000
LAST_CALL = 5.0  # s that the server gets at the end for what it has not acknowledged
LONGEST_NAP = 1.0  # s
COUNTERS = 1 << 20  # a second: a device whose counter begins so goes on above every earlier run, without a memory
NO_KEYS: Mapping[str, bytes] = {}


class Server(NamedTuple):
    host: str
    port: int
    label: str = "A"


class Simulator:
    """behaviour: of the device with this number. dice: all chance comes from here, so a seed repeats a run. keys: by
    name, of those devices that sign."""

    def __init__(
        self,
        server: Server,
        names: Sequence[str],
        behaviour: Callable[[int], Behaviour],
        dice: random.Random,
        keys: Mapping[str, bytes] = NO_KEYS,
    ) -> None:
        if not 1 <= len(names) <= MAX_DEVICES:
            raise ValueError(f"1 to {MAX_DEVICES} devices, not {len(names)}")
        self.tally = Tally()
        self._server = server
        self._names = names
        self._keys = keys
        self._behaviour = behaviour
        self._dice = dice
        self._devices: list[SimulatedDevice] = []
        self._uploads = SimulatedUploads(server.label, (server.host, server.port))
        self._numbers: dict[bytes, int] = {}
        self._lines: list[Datagrams] = []
        self._agenda: list[tuple[float, int]] = []
        self._due: list[float] = []
        self._sooner = asyncio.Event()

    async def run(self, stop: asyncio.Event, seconds: float | None = None) -> None:
        """Until the time is over or somebody sets `stop`. Raises OSError when there are no sockets to be had."""
        listening: list[asyncio.Task[None]] = []
        try:
            for _ in range(min(len(self._names), MAX_SOCKETS)):
                self._lines.append(await Datagrams.connect(self._server.host, self._server.port))
            listening = [asyncio.create_task(self._listen(line)) for line in self._lines]
            await self._live(stop, seconds)
        finally:
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
            await self._uploads.stop()
            for line in self._lines:
                line.close()

    @property
    def errors(self) -> int:
        """How often the network said that the server is not there."""
        return sum(line.errors for line in self._lines)

    @property
    def silent(self) -> int:
        """Devices that fell silent, as they were told to."""
        now = monotonic()
        return sum(device.silent(now) for device in self._devices)

    @property
    def owed(self) -> int:
        """Alarms that devices still try to tell."""
        now = monotonic()
        return sum(device.untold(now) for device in self._devices)

    async def _live(self, stop: asyncio.Event, seconds: float | None) -> None:
        self._wake_up(monotonic())
        ending = asyncio.create_task(stop.wait())
        try:
            await self._play(lambda: ending.done(), seconds)
            for device in self._devices:
                device.quieten()
            await self._play(lambda: not self.owed, LAST_CALL)
        finally:
            ending.cancel()

    def _wake_up(self, start: float) -> None:
        counter = int(time() * COUNTERS)
        for number, name in enumerate(self._names):
            identity = Identity(name, self._server.label, self._keys.get(name), counter)
            behaviour = self._behaviour(number)
            self._devices.append(SimulatedDevice(identity, behaviour, start, self._dice, self.tally))
            self._numbers[name.encode()] = number
            self._due.append(0.0)
            self._file(number)

    async def _play(self, over: Callable[[], bool], seconds: float | None) -> None:
        end = None if seconds is None else monotonic() + seconds
        while not over() and (end is None or monotonic() < end):
            self._sooner.clear()
            await self._send_what_is_due()
            await self._nap(end)

    async def _send_what_is_due(self) -> None:
        while self._agenda and self._agenda[0][0] <= monotonic():
            due, number = heapq.heappop(self._agenda)
            if due != self._due[number]:
                continue  # it was filed again since
            for frame in self._devices[number].poll(monotonic()):
                await self._lines[number % len(self._lines)].send(frame)
            self._uploads.look(self._devices[number])
            self._file(number)

    async def _nap(self, end: float | None) -> None:
        now = monotonic()
        wakeups = [now + LONGEST_NAP, *([end] if end is not None else []), *(due for due, _ in self._agenda[:1])]
        with suppress(TimeoutError):
            async with asyncio.timeout(max(min(wakeups) - now, 0.0)):
                await self._sooner.wait()

    async def _listen(self, line: Datagrams) -> None:
        while True:
            datagram = await line.receive()
            if datagram is None:
                continue
            number = self._numbers.get(datagram.partition(b",")[0])
            if number is None:
                self.tally.rejected += 1
                continue
            self._devices[number].receive(datagram, monotonic())
            self._uploads.look(self._devices[number])
            self._file(number)

    def _file(self, number: int) -> None:
        """Note when this device acts next."""
        due = self._devices[number].next_wakeup()
        if due == self._due[number]:
            return
        self._due[number] = due
        heapq.heappush(self._agenda, (due, number))
        if self._agenda[0] == (due, number):
            self._sooner.set()
