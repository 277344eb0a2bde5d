"""Takes messages out of the outbox, hands them to their destinations and writes down what became of them.

Claim, send, confirm: at least once. A message whose confirmation is lost is told again, unless this process still
remembers that it was told. A try is shorter than its lease, so no second worker can have the message meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from alarmd.core.inputs import DeliveryAbandoned
from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import Delivery
from alarmd.metrics import Metrics
from alarmd.relays import backoff
from alarmd.relays.emergency_outbox import EmergencyOutbox
from alarmd.relays.interface import Delivered, GiveUp, Outcome, Relay, TryAgain
from alarmd.storage.interface import Lease, StorageError, Store

MAX_TRIES_AT_ONCE = 16
MAX_WRITES_AT_ONCE = 2  # each is a transaction that a device's ACK may have to wait behind
DELIVERY_TIMEOUT = 30.0  # s for one try
LEASE = 60.0  # s; longer than a try and its confirmation
POLL = 2.0  # s between looks at the outbox when nobody says that something came in
POLL_BROKEN = 5.0  # s between looks while the database is away

_log = structlog.get_logger(__name__)

CallStore = Callable[..., Awaitable[Any]]


class DeliveryWorker:
    """call_store(method, *args) runs a method of the store on the writer's thread. owner: this process's incarnation
    id. abandoned: takes the input that tells the rules. jitter: random numbers from 0 to 1."""

    def __init__(
        self,
        *,
        store: Store,
        call_store: CallStore,
        relays: Mapping[str, Relay],
        emergency: EmergencyOutbox,
        abandoned: Callable[[DeliveryAbandoned], None],
        metrics: Metrics,
        now: Callable[[], Instant],
        owner: str,
        jitter: Callable[[], float],
    ) -> None:
        self._store = store
        self._call_store = call_store
        self._writes = asyncio.Semaphore(MAX_WRITES_AT_ONCE)
        self._relays = relays
        self._emergency = emergency
        self._abandoned = abandoned
        self._metrics = metrics
        self._now = now
        self._owner = owner
        self._jitter = jitter
        self._urgent_due = asyncio.Event()
        self._stored_due = asyncio.Event()
        self._tries: dict[str, asyncio.Task[None]] = {}
        self._urgent: dict[str, asyncio.Task[None]] = {}
        emergency.wake = self.wake

    def wake(self) -> None:
        """Something may be due."""
        self._urgent_due.set()
        self._stored_due.set()

    async def run(self) -> None:
        """Work until cancelled; tries under way are then finished by stop(). What is urgent does not wait for a
        database that does not answer, so it has a loop of its own."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._tell_what_is_urgent())
            loops.create_task(self._tell_what_is_stored())

    async def _tell_what_is_urgent(self) -> None:
        while True:
            self._urgent_due.clear()
            self._start_urgent()
            await _wait(self._urgent_due, POLL)

    async def _tell_what_is_stored(self) -> None:
        while True:
            self._stored_due.clear()
            await _wait(self._stored_due, await self._start_stored())

    async def stop(self, seconds: float) -> None:
        """Let the tries under way end, for so long; what is cut off is told again after the restart."""
        tasks = [*self._tries.values(), *self._urgent.values()]
        if not tasks:
            return
        _, unfinished = await asyncio.wait(tasks, timeout=seconds)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

    def _start_urgent(self) -> None:
        free = MAX_TRIES_AT_ONCE - len(self._urgent)
        due = self._emergency.due(self._now().wall, free + len(self._urgent))
        for delivery in [one for one in due if one.identity not in self._urgent][:free]:
            self._start(self._urgent, delivery.identity, self._tell_urgent(delivery))

    async def _start_stored(self) -> float:
        """Claim as many as may be tried now; how long to wait for the next look, s."""
        free = MAX_TRIES_AT_ONCE - len(self._tries)
        if free <= 0:
            return POLL
        now = self._now()
        try:
            leases: list[Lease] = await self._call(
                self._store.claim_deliveries, self._owner, now.wall, now.mono, LEASE, free
            )
        except StorageError:
            return POLL_BROKEN
        for lease in leases:
            self._start(self._tries, lease.delivery.identity, self._tell_stored(lease))
        return POLL

    def _start(self, tasks: dict[str, asyncio.Task[None]], identity: str, work: Any) -> None:
        task = tasks[identity] = asyncio.create_task(work)
        task.add_done_callback(lambda done: self._ended(tasks, identity, done))

    def _ended(self, tasks: dict[str, asyncio.Task[None]], identity: str, task: asyncio.Task[None]) -> None:
        del tasks[identity]
        if not task.cancelled() and task.exception() is not None:
            _log.error("a delivery failed in an unforeseen way", exc_info=task.exception())
        self.wake()

    async def _tell_urgent(self, delivery: Delivery) -> None:
        outcome = await self._try(delivery)
        if isinstance(outcome, Delivered):
            self._emergency.told(delivery.identity)
        elif isinstance(outcome, TryAgain):
            due = self._now().wall + round(self._pause(outcome, 1) * SECOND)
            self._emergency.postpone(replace(delivery, due_at=due))
        else:
            self._emergency.drop(delivery.identity)

    async def _tell_stored(self, lease: Lease) -> None:
        delivery = lease.delivery
        urgent = self._urgent.get(delivery.identity)
        if urgent is not None:
            await asyncio.wait([urgent])
        told = self._emergency.was_told(delivery.identity)
        self._emergency.drop(delivery.identity)  # this copy is told now, and no other
        outcome = Delivered() if told else await self._try(delivery)
        try:
            await self._confirm(lease, outcome)
        except StorageError as error:
            if isinstance(outcome, Delivered):
                self._emergency.told(delivery.identity)
            _log.error("what became of a message could not be stored", reason=str(error))

    async def _try(self, delivery: Delivery) -> Outcome:
        relay = self._relays.get(delivery.destination)
        if relay is None:
            return GiveUp("this destination is no longer configured")
        try:
            async with asyncio.timeout(DELIVERY_TIMEOUT):
                outcome = await relay.deliver(delivery)
        except TimeoutError:
            outcome = TryAgain(None, f"no answer within {DELIVERY_TIMEOUT:.0f} s")
        except Exception as error:  # whatever a destination's library raises; its text may hold a token
            outcome = TryAgain(None, type(error).__name__)
        age = (self._now().wall - delivery.created_at) / SECOND
        self._metrics.delivery(delivery.destination, _LABELS[type(outcome)], age)
        return outcome

    async def _confirm(self, lease: Lease, outcome: Outcome) -> None:
        store, identity, now = self._store, lease.delivery.identity, self._now()
        if isinstance(outcome, TryAgain) and lease.attempt >= backoff.MAX_ATTEMPTS:
            outcome = GiveUp(f"{lease.attempt} attempts failed, the last one: {outcome.reason}")
        if isinstance(outcome, Delivered):
            await self._call(store.finish_delivery, identity, self._owner, now.wall)
        elif isinstance(outcome, TryAgain):
            due = now.wall + round(self._pause(outcome, lease.attempt) * SECOND)
            await self._call(store.retry_delivery, identity, self._owner, due, outcome.reason)
        else:
            await self._call(store.abandon_delivery, identity, self._owner, now.wall, outcome.reason)
            self._abandoned(
                DeliveryAbandoned(identity, lease.delivery.destination, lease.delivery.alarm_id, outcome.reason)
            )

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        async with self._writes:
            return await self._call_store(function, *arguments)

    def _pause(self, outcome: TryAgain, attempt: int) -> float:
        return max(outcome.seconds or 0.0, backoff.delay(attempt, self._jitter()))


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """For the event, at most so long. Not wait_for: until Python 3.12 it loses a cancellation that comes with it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


_LABELS = {Delivered: "delivered", TryAgain: "failed", GiveUp: "abandoned"}
