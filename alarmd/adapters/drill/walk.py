"""The drill, step by step: a device is made, its alarm is stored, shown, told, acknowledged and cleared, at both
servers of a pair, and the device is gone again. It has a zone of its own, so that nothing real is touched.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from alarmd.adapters.drill.camera import Address, DrillCamera
from alarmd.adapters.drill.operator import DrillError, DrillOperator
from lfcp.authenticator import key_from_text

DEVICE = "alarmd-drill"
ZONE = "alarmd-drill"
SITE = "home"
PATIENCE = 30.0  # s for each step
LOOK_EVERY = 0.1  # s
STATES = ("pending", "delivered", "dead", "dropped")
MAX_MESSAGES = 200  # the newest, among which those of the drill are


@dataclass(frozen=True, slots=True)
class Step:
    """seconds: how long it took. said: what was seen, or why it failed."""

    name: str
    passed: bool
    seconds: float
    said: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where the server is reached. lfcp: by devices. peer: where devices reach the other server of the pair; None: at
    its address on the link, on the port that it names there."""

    control_socket: Path
    lfcp: Address
    peer: Address | None = None


async def walk(places: Places, tell: Callable[[Step], None], patience: float = PATIENCE) -> bool:
    """Whether every step passed; tell hears of each as it ends. What comes after one that failed is left out, but for
    the other server's: without that, the rest is proved for this one."""
    async with DrillOperator(places.control_socket) as operator:
        return await _Walk(operator, places, tell, patience).run()


class _Walk:
    def __init__(self, operator: DrillOperator, places: Places, tell: Callable[[Step], None], patience: float) -> None:
        self._operator = operator
        self._places = places
        self._tell = tell
        self._patience = patience
        self._servers: dict[str, Address] = {}
        self._has_peer = False
        self._device = DEVICE
        self._key = b""
        self._all_passed = True

    async def run(self) -> bool:
        if not await self._step("this server answers", self._meet_server):
            return False
        await self._step("the other server is there", self._meet_peer)
        try:
            if await self._step("a device for the test is made", self._make_device):
                await self._go_through()
        finally:
            await self._operator.forget(self._device)
        return self._all_passed

    async def _go_through(self) -> None:
        try:
            async with DrillCamera(self._device, self._key, self._servers) as camera:
                await self._steps(
                    {
                        "its heartbeats are answered": lambda: self._greet(camera),
                        "its alarm is stored": lambda: self._raise(camera),
                        "the alarm is shown": self._see,
                        "the alarm is told": lambda: self._told("raised"),
                        "it is acknowledged, and that is told": lambda: self._settle("acknowledge", "acknowledged"),
                        "it is cleared, and that is told": lambda: self._settle("clear", "cleared"),
                    }
                )
        except OSError as error:
            self._end("its heartbeats are answered", monotonic(), f"no way to a server: {error.strerror}", passed=False)

    async def _steps(self, steps: Mapping[str, Callable[[], Awaitable[str | None]]]) -> None:
        for name, work in steps.items():
            if not await self._step(name, work):
                return

    async def _step(self, name: str, work: Callable[[], Awaitable[str | None]]) -> bool:
        """work: what was seen; None: there is nothing of that kind here."""
        began = monotonic()
        try:
            async with asyncio.timeout(self._patience):
                said = await work()
        except TimeoutError:
            return self._end(name, began, f"not within {self._patience:.0f} s", passed=False)
        except DrillError as error:
            return self._end(name, began, str(error), passed=False)
        return said is None or self._end(name, began, said, passed=True)

    def _end(self, name: str, began: float, said: str, *, passed: bool) -> bool:
        self._all_passed = self._all_passed and passed
        self._tell(Step(name, passed, monotonic() - began, said))
        return passed

    async def _meet_server(self) -> str:
        status = await self._operator.ask("GET", "/status")
        self._device = f"{DEVICE}-{status['label'].lower()}"  # the two servers of a pair may drill at once
        self._servers = {status["label"]: self._places.lfcp}
        return f"server {status['label']}, alarmd {status['version']}"

    async def _meet_peer(self) -> str | None:
        peer = await self._operator.ask("GET", "/peer")
        if peer["standing"] == "alone":
            return None
        if peer["standing"] != "met":
            raise DrillError(f"server {peer['peer']} is {peer['standing']}: {peer['reason'] or 'no link'}")
        host, port = self._places.peer or (peer["address"], peer["lfcp_port"])
        self._servers[peer["peer"]] = (host, port)
        self._has_peer = True
        return f"server {peer['peer']} at {host} port {port}, alarmd {peer['version']}"

    async def _make_device(self) -> str:
        """Whatever a drill that was killed left behind is cleared first."""
        for alarm in await self._open_alarms():
            await self._operator.ask("POST", f"/alarms/{alarm['id']}/clear")
        await self._operator.forget(self._device)
        await self._operator.ask("PUT", f"/zones/{ZONE}", {"site": SITE})
        await self._operator.ask("POST", f"/zones/{ZONE}/arming", {"arming": "armed"})
        made = await self._operator.ask("POST", f"/devices/{self._device}/key", {"zone": ZONE})
        self._key = key_from_text(made["key"])
        await self._copied()
        return f"{self._device} in zone {ZONE}, with a key"

    async def _greet(self, camera: DrillCamera) -> str:
        await self._by_all(camera.greeted)
        return f"by {' and '.join(sorted(self._servers))}"

    async def _raise(self, camera: DrillCamera) -> str:
        camera.motion(f"TEST of the whole alarm path, {datetime.now().astimezone():%H:%M:%S}")
        await self._by_all(camera.stored)
        return ", ".join(f"{label} says {count} stored" for label, count in sorted(camera.copies.items()))

    async def _by_all(self, events: Mapping[str, asyncio.Event]) -> None:
        """Raises DrillError with those servers that did not."""
        try:
            async with asyncio.timeout(self._patience * 0.9):
                await asyncio.gather(*(event.wait() for event in events.values()))
        except TimeoutError:
            silent = sorted(label for label, event in events.items() if not event.is_set())
            places = (f"{label} at {self._servers[label][0]} port {self._servers[label][1]}" for label in silent)
            raise DrillError(f"no answer from server {', '.join(places)}") from None

    async def _see(self) -> str:
        """One, also where both servers raised it: they have agreed on one by then."""
        await self._copied()
        while len(found := await self._open_alarms()) != 1:
            await asyncio.sleep(LOOK_EVERY)
        if not found[0]["told"]:
            raise DrillError(f"alarm {found[0]['id']} is told nobody: zone {ZONE} is disarmed")
        return f"alarm {found[0]['id']}{' at both servers' if self._has_peer else ''}"

    async def _told(self, subject: str) -> str:
        (alarm,) = await self._open_alarms()
        return await self._delivered(alarm["id"], subject)

    async def _settle(self, how: str, subject: str) -> str:
        (alarm,) = await self._open_alarms()
        await self._operator.ask("POST", f"/alarms/{alarm['id']}/{how}")
        said = await self._delivered(alarm["id"], subject)
        await self._copied()
        return said

    async def _delivered(self, alarm_id: int, subject: str) -> str:
        while True:
            messages = await self._messages(alarm_id, subject)
            dead = [one for one in messages if one["state"] == "dead"]
            if dead:
                raise DrillError(f"{dead[0]['destination']} does not take it: {dead[0]['last_error']}")
            if not messages:
                raise DrillError("it is told nobody: alarms.destinations names none that is told at once")
            if all(one["state"] == "delivered" for one in messages):
                return f"to {', '.join(sorted({one['destination'] for one in messages}))}"
            await asyncio.sleep(LOOK_EVERY)

    async def _messages(self, alarm_id: int, subject: str) -> list[dict[str, Any]]:
        found = await self._operator.ask("GET", "/outbox", state=STATES, limit=MAX_MESSAGES)
        return [one for one in found["deliveries"] if (one["alarm_id"], one["subject"]) == (alarm_id, subject)]

    async def _open_alarms(self) -> list[dict[str, Any]]:
        found = await self._operator.ask("GET", "/alarms", device=self._device)
        alarms: list[dict[str, Any]] = found["alarms"]
        return alarms

    async def _copied(self) -> None:
        """The other server has stored everything there is."""
        while self._has_peer:
            peer = await self._operator.ask("GET", "/peer")
            if peer["standing"] != "met":
                raise DrillError(f"server {peer['peer']} went away during the test")
            if not peer["waiting"]:
                return
            await asyncio.sleep(LOOK_EVERY)
