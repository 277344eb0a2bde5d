"""alarmd's device in Python, with a key, on a machine that is a network namespace."""

import asyncio
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from alarmd.device.device import Device, Handler
from lfcp import Verb
from lfcp.client import ClientEvent, HeartbeatAcknowledged, Ladder, MessageAcknowledged, VolatileMemory
from tests.netlab.namespaces import Namespace


class PythonDevice(threading.Thread):
    """Use `living`. servers: host and port by label. interval, ladder, allow: of a Device. done: how often it obeyed
    which verb; it knows TLGS and RST."""

    def __init__(
        self,
        machine: Namespace,
        name: str,
        servers: Mapping[str, tuple[str, int]],
        key: bytes,
        interval: float | None,
        ladder: Ladder | None = None,
        allow: Collection[int] | None = None,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.done: Counter[Verb] = Counter()
        self._machine = machine
        self._heard: list[ClientEvent] = []
        self._device = Device(
            name,
            servers,
            {verb: self._obey(verb) for verb in (Verb.TLGS, Verb.RST)},
            interval,
            self._heard.append,
            key=key,
            memory=VolatileMemory(),
            ladder=ladder,
            allow=allow,
        )
        self._loop = asyncio.new_event_loop()
        self._life = self._loop.create_task(self._live())

    @property
    def answers(self) -> int:
        """To heartbeats."""
        return sum(isinstance(event, HeartbeatAcknowledged) for event in self._heard)

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

    def _obey(self, verb: Verb) -> Handler:
        async def obey(_params: tuple[str, ...]) -> None:
            self.done[verb] += 1

        return obey

    async def _live(self) -> None:
        async with self._device:
            await self._device.run()


@contextmanager
def living(device: PythonDevice) -> Iterator[PythonDevice]:
    device.start()
    try:
        yield device
    finally:
        device.close()
