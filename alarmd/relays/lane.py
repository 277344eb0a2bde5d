"""One destination's share of the outbox. A lane waits for its own destination only, so a dead one delays no other."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import structlog

from alarmd.core.inputs import DeliveryAbandoned, DeliverySettled
from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import Delivery
from alarmd.metrics import Metrics
from alarmd.relays import backoff
from alarmd.relays.breaker import Breaker
from alarmd.relays.emergency_outbox import EmergencyOutbox
from alarmd.relays.interface import Delivered, GiveUp, Later, Obsolete, Outcome, Relay, TryAgain, Uploads
from alarmd.storage.interface import Claim, Lease, StorageError, Store, StoredAlarm

MAX_TRIES_AT_ONCE = 16  # of one destination
FOR_URGENT = 4  # of these are kept free of everything else
DELIVERY_TIMEOUT = 30.0  # s for one try
UPLOAD_TIMEOUT = 300.0  # s for one with an attachment: 50 MB take 200 s at 2 Mbit/s
LEASE = 360.0  # s; longer than a try and its confirmation
POLL = 2.0  # s between looks at the outbox when nobody says that something came in
POLL_BROKEN = 5.0  # s between looks while the database is away

_log = structlog.get_logger(__name__)
_LABELS = {Delivered: "delivered", TryAgain: "failed", GiveUp: "abandoned", Obsolete: "obsolete"}


@dataclass(frozen=True, slots=True)
class House:
    """What all lanes share. call_store(method, *args) runs a method of the store on the writer's thread. owner: this
    process's incarnation id. abandoned, settled: take the input that tells the rules; in no pair nothing is settled.
    live_alarm: an open alarm by its id, from the live state. jitter: random numbers from 0 to 1."""

    store: Store
    call_store: Callable[..., Awaitable[Any]]
    emergency: EmergencyOutbox
    abandoned: Callable[[DeliveryAbandoned], None]
    settled: Callable[[DeliverySettled], None] | None
    live_alarm: Callable[[int], StoredAlarm | None]
    metrics: Metrics
    now: Callable[[], Instant]
    owner: str
    jitter: Callable[[], float]


class Lane:
    def __init__(self, destination: str, relay: Relay, house: House) -> None:
        self._destination = destination
        self._relay = relay
        self._house = house
        self._breaker = Breaker()
        self._urgent_due = asyncio.Event()
        self._stored_due = asyncio.Event()
        self._tries: dict[str, asyncio.Task[None]] = {}
        self._urgent: dict[str, asyncio.Task[None]] = {}
        house.metrics.destination(destination, takes=True)

    @property
    def is_left_alone(self) -> bool:
        """The destination takes no messages; it is tried now and then."""
        return self._breaker.is_open

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

    async def stop(self, seconds: float) -> None:
        """Let the tries under way end, for so long; what is cut off is told again after the restart."""
        tasks = [*self._tries.values(), *self._urgent.values()]
        if tasks:
            _, unfinished = await asyncio.wait(tasks, timeout=seconds)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        await self._relay.close()

    async def _tell_what_is_urgent(self) -> None:
        while True:
            self._urgent_due.clear()
            self._start_urgent()
            await _wait(self._urgent_due, self._pause_until_look())

    async def _tell_what_is_stored(self) -> None:
        while True:
            self._stored_due.clear()
            await _wait(self._stored_due, await self._start_stored())

    def _start_urgent(self) -> None:
        free, now = self._room(self._urgent), self._house.now().wall
        busy = frozenset(self._relay.busy(urgent=True))
        due = self._house.emergency.due(self._destination, now, free + len(self._urgent), busy)
        for delivery in [one for one in due if one.identity not in self._urgent][:free]:
            self._start(self._urgent, delivery.identity, self._tell_urgent(delivery))

    async def _start_stored(self) -> float:
        """Claim as many as may be tried now; how long to wait for the next look, s."""
        free, now = self._room(self._tries), self._house.now()
        if free <= 0:
            return self._pause_until_look()
        wish = self._wish(now, free)
        try:
            leases: list[Lease] = await self._house.call_store(self._house.store.claim_deliveries, wish)
        except StorageError:
            return POLL_BROKEN
        for lease in leases:
            self._start(self._tries, lease.delivery.identity, self._tell_stored(lease))
        return self._pause_until_look()

    def _wish(self, now: Instant, free: int) -> Claim:
        calm = MAX_TRIES_AT_ONCE - FOR_URGENT - len(self._tries)
        busy, calm_busy = (frozenset(self._relay.busy(urgent=urgent)) for urgent in (True, False))
        uploading = frozenset(self._uploading())
        return Claim(self._house.owner, self._destination, now, LEASE, free, calm, busy, calm_busy, uploading)

    def _uploading(self) -> Mapping[str, float]:
        return self._relay.uploading() if isinstance(self._relay, Uploads) else {}

    def _room(self, tasks: dict[str, asyncio.Task[None]]) -> int:
        """An open breaker's one try may be either an urgent one or a stored one."""
        under_way = len(self._urgent) + len(self._tries) if self._breaker.is_open else len(tasks)
        return self._breaker.room(self._house.now().mono, under_way, MAX_TRIES_AT_ONCE)

    def _pause_until_look(self) -> float:
        """Until something may be tried that may not be tried now."""
        waits = {**self._relay.busy(urgent=False), **self._relay.busy(urgent=True)}  # urgent ones may begin earlier
        uploads = self._uploading().values()
        return min(POLL, self._breaker.wait(self._house.now().mono) or POLL, *waits.values(), *uploads)

    def _start(self, tasks: dict[str, asyncio.Task[None]], identity: str, work: Coroutine[Any, Any, None]) -> None:
        task = tasks[identity] = asyncio.create_task(work)
        task.add_done_callback(lambda done: self._ended(tasks, identity, done))

    def _ended(self, tasks: dict[str, asyncio.Task[None]], identity: str, task: asyncio.Task[None]) -> None:
        del tasks[identity]
        if not task.cancelled() and task.exception() is not None:
            _log.error("a delivery failed in an unforeseen way", exc_info=task.exception())
        self.wake()

    async def _tell_urgent(self, delivery: Delivery) -> None:
        emergency, number = self._house.emergency, delivery.alarm_id
        alarm = self._house.live_alarm(number) if number is not None else None
        if alarm is None:  # cleared meanwhile: the stored copy, which knows the alarm for ever, tells it
            emergency.drop(delivery.identity)
            return
        outcome = await self._try(Lease(delivery, 1, alarm, uncertain=emergency.is_uncertain(delivery.identity)))
        if isinstance(outcome, Delivered):
            emergency.told(delivery.identity, outcome.reference)
        elif isinstance(outcome, GiveUp | Obsolete):
            emergency.drop(delivery.identity)
        else:
            due = self._house.now().wall + round(self._pause(outcome, 1) * SECOND)
            uncertain = isinstance(outcome, TryAgain) and outcome.uncertain
            emergency.postpone(replace(delivery, due_at=due), uncertain)

    async def _tell_stored(self, lease: Lease) -> None:
        delivery, emergency = lease.delivery, self._house.emergency
        urgent = self._urgent.get(delivery.identity)
        if urgent is not None:
            await asyncio.wait([urgent])
        reference = emergency.reference(delivery.identity)
        emergency.drop(delivery.identity)  # this copy is told now, and no other
        uncertain = lease.uncertain or emergency.is_uncertain(delivery.identity)
        if reference is not None:
            outcome: Outcome = Delivered(reference)
        else:
            outcome = await self._try(replace(lease, uncertain=uncertain))
        try:
            await self._confirm(lease, outcome)
        except StorageError as error:
            if isinstance(outcome, Delivered):
                emergency.told(delivery.identity, outcome.reference)
            _log.error("what became of a message could not be stored", reason=str(error))

    async def _try(self, lease: Lease) -> Outcome:
        seconds = UPLOAD_TIMEOUT if lease.delivery.attachment else DELIVERY_TIMEOUT
        try:
            async with asyncio.timeout(seconds):
                outcome = await self._relay.deliver(lease)
        except TimeoutError:
            outcome = TryAgain(None, f"no answer within {seconds:.0f} s", uncertain=True)
        except Exception as error:  # whatever a destination's library raises; its text may hold a token
            outcome = TryAgain(None, type(error).__name__, uncertain=True)
        if not isinstance(outcome, Later):
            age = (self._house.now().wall - lease.delivery.created_at) / SECOND
            self._house.metrics.delivery(self._destination, _LABELS[type(outcome)], age)
            self._learn(outcome)
        return outcome

    def _learn(self, outcome: Outcome) -> None:
        """What an outcome says of the destination itself."""
        if isinstance(outcome, Obsolete):  # it was not asked
            return
        mono = self._house.now().mono
        if not isinstance(outcome, TryAgain):
            if self._breaker.answered():
                self._house.metrics.destination(self._destination, takes=True)
                _log.info("a destination takes messages again", destination=self._destination)
            return
        if outcome.seconds is not None:
            self._breaker.asked(mono, outcome.seconds)
        if self._breaker.failed(mono, self._house.jitter()):
            self._house.metrics.destination(self._destination, takes=False)
            _log.error(
                "a destination takes no messages; it is tried now and then, and nothing is lost",
                destination=self._destination,
                reason=outcome.reason,
            )

    async def _confirm(self, lease: Lease, outcome: Outcome) -> None:
        house, identity, now = self._house, lease.delivery.identity, self._house.now()
        if isinstance(outcome, TryAgain) and lease.attempt >= backoff.MAX_ATTEMPTS:
            outcome = GiveUp(f"{lease.attempt} attempts failed, the last one: {outcome.reason}")
        due = now.wall + round(self._pause(outcome, lease.attempt) * SECOND)
        if isinstance(outcome, Delivered):
            told = now.wall, outcome.reference, outcome.moved_to
            await house.call_store(house.store.finish_delivery, identity, house.owner, *told)
            if house.settled is not None and not lease.delivery.attachment:
                house.settled(DeliverySettled(identity))
        elif isinstance(outcome, TryAgain):
            tried = outcome.reason, outcome.uncertain
            await house.call_store(house.store.retry_delivery, identity, house.owner, due, *tried)
        elif isinstance(outcome, Later):
            await house.call_store(house.store.postpone_delivery, identity, house.owner, due)
        elif isinstance(outcome, Obsolete):
            await house.call_store(house.store.drop_delivery, identity, house.owner, now.wall, outcome.reason)
        else:
            await house.call_store(house.store.abandon_delivery, identity, house.owner, now.wall, outcome.reason)
            house.abandoned(
                DeliveryAbandoned(identity, lease.delivery.destination, lease.delivery.alarm_id, outcome.reason)
            )

    def _pause(self, outcome: Outcome, attempt: int) -> float:
        """Seconds until the next attempt, if there is to be one."""
        if isinstance(outcome, Later):
            return outcome.seconds
        asked = outcome.seconds if isinstance(outcome, TryAgain) else None
        return max(asked or 0.0, backoff.delay(attempt, self._house.jitter()))


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """For the event, at most so long. Not wait_for: until Python 3.12 it loses a cancellation that comes with it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
