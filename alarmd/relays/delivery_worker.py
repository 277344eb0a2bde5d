"""Takes messages out of the outbox, hands them to their destinations and writes down what became of them.

Claim, send, confirm: at least once. A message whose confirmation is lost is told again, unless this process still
remembers that it was told. A try is shorter than its lease, so no second worker can have the message meanwhile.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from alarmd.relays.interface import GiveUp, Outcome, Relay
from alarmd.relays.lane import POLL_BROKEN, House, Lane
from alarmd.storage.interface import Lease, StorageError

MAX_WRITES_AT_ONCE = 2  # each is a transaction that a device's ACK may have to wait behind


class DeliveryWorker:
    """relays: by the name of the destination. A destination that messages wait for and that is configured no longer
    has them given up, so that a person hears of it."""

    def __init__(self, relays: Mapping[str, Relay], house: House) -> None:
        self._writes = asyncio.Semaphore(MAX_WRITES_AT_ONCE)
        self._call_store = house.call_store
        self._house = replace(house, call_store=self._call)
        self._lanes = {name: Lane(name, relay, self._house) for name, relay in relays.items()}
        house.emergency.wake = self.wake

    def left_alone(self) -> list[str]:
        """Destinations that take no messages."""
        return sorted(name for name, lane in self._lanes.items() if lane.is_left_alone)

    def wake(self) -> None:
        """Something may be due."""
        for lane in self._lanes.values():
            lane.wake()

    async def run(self) -> None:
        """Work until cancelled; tries under way are then finished by stop()."""
        async with asyncio.TaskGroup() as lanes:
            for lane in self._lanes.values():
                lanes.create_task(lane.run())
            for name in await self._not_configured():
                lane = self._lanes[name] = Lane(name, NotConfigured(), self._house)
                lanes.create_task(lane.run())

    async def stop(self, seconds: float) -> None:
        """Let the tries under way end, for so long; what is cut off is told again after the restart."""
        await asyncio.gather(*(lane.stop(seconds) for lane in self._lanes.values()))

    async def _not_configured(self) -> list[str]:
        while True:
            try:
                found: list[str] = await self._call(self._house.store.waiting_destinations)
            except StorageError:
                await asyncio.sleep(POLL_BROKEN)
                continue
            return [name for name in found if name not in self._lanes]

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        async with self._writes:
            return await self._call_store(function, *arguments)


class NotConfigured:
    """The relay of a destination that is gone."""

    async def deliver(self, _lease: Lease) -> Outcome:
        return GiveUp("this destination is no longer configured")

    def busy(self, *, urgent: bool) -> Mapping[str, float]:  # noqa: ARG002  of the interface
        return {}

    async def close(self) -> None:
        """Nothing to let go of."""
