import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alarmd.adapters.open_storage import OpenStorage
from alarmd.core.effects import QueueDelivery
from alarmd.core.inputs import DeliveryAbandoned
from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import Delivery
from alarmd.relays import backoff, delivery_worker
from alarmd.relays.delivery_worker import LEASE, MAX_TRIES_AT_ONCE, DeliveryWorker
from alarmd.relays.emergency_outbox import EmergencyOutbox
from alarmd.relays.interface import Delivered, GiveUp, Outcome, TryAgain
from alarmd.relays.log_only import LogOnly
from alarmd.relays.registry import RELAYS, make_relays
from alarmd.storage.interface import OutboxState, StorageUnavailableError
from tests.adapters.parts import Counted, sqlite_url
from tests.contracts.records import DELIVERY, EVERYTHING, NOON, ORIGIN, VAULT
from tests.waiting import until


class Destination:
    """A destination that answers what the test wants; told: what it was handed, in order."""

    def __init__(self) -> None:
        self.told: list[Delivery] = []
        self.answer: Callable[[Delivery], Outcome] = lambda _delivery: Delivered()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.at_once = self.most_at_once = 0

    async def deliver(self, delivery: Delivery) -> Outcome:
        self.told.append(delivery)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.may_answer.wait()
        finally:
            self.at_once -= 1
        return self.answer(delivery)


class Working:
    """A worker on a real SQLite outbox, with a clock that the test moves."""

    def __init__(self, directory: Path) -> None:
        self.storage = OpenStorage(sqlite_url(directory), ORIGIN, VAULT)
        self.storage.store.commit([[one for one in EVERYTHING if not isinstance(one, QueueDelivery)]])
        self.destination = Destination()
        self.emergency = EmergencyOutbox()
        self.abandoned: list[DeliveryAbandoned] = []
        self.counted = Counted()
        self.moment = Instant(NOON, 1000.0)
        self.away = False
        self.worker = self.make_worker("this process")
        self.task: asyncio.Task[None] | None = None

    def make_worker(self, owner: str) -> DeliveryWorker:
        return DeliveryWorker(
            store=self.storage.store,
            call_store=self._call,
            relays={"log": self.destination},
            emergency=self.emergency,
            abandoned=self.abandoned.append,
            metrics=self.counted.metrics,
            now=lambda: self.moment,
            owner=owner,
            jitter=lambda: 0.0,
        )

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if self.away:
            raise StorageUnavailableError("gone")
        return await self.storage.call(function, *arguments)

    def start(self) -> None:
        self.task = asyncio.create_task(self.worker.run())

    def queue(self, number: int, destination: str = "log") -> Delivery:
        delivery = replace(DELIVERY, identity=f"{destination}:{number}", destination=destination)
        self.storage.store.commit([[QueueDelivery(delivery)]])
        self.worker.wake()
        return delivery

    def pass_time(self, seconds: float) -> None:
        self.moment = Instant(self.moment.wall + round(seconds * SECOND), self.moment.mono + seconds)
        self.worker.wake()

    @property
    def outbox(self) -> OutboxState:
        return self.storage.reader.outbox()

    async def settled(self) -> None:
        await until(lambda: self.outbox.pending == self.outbox.leased == 0, "the outbox")

    def outcomes(self, outcome: str) -> float:
        return self.counted.value("alarmd_delivery_seconds_count", destination="log", outcome=outcome)

    async def stop(self) -> None:
        self.destination.may_answer.set()
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        await self.worker.stop(30)
        await self.storage.close()


@pytest.fixture
async def working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Working]:
    monkeypatch.setattr(delivery_worker, "POLL", 0.02)
    monkeypatch.setattr(delivery_worker, "POLL_BROKEN", 0.02)
    working = Working(tmp_path)
    yield working
    await working.stop()


async def test_a_message_is_told_once_and_settled(working: Working) -> None:
    delivery = working.queue(1)
    working.start()
    await working.settled()
    assert [one.identity for one in working.destination.told] == [delivery.identity]
    assert working.outcomes("delivered") == 1


async def test_a_message_that_could_not_be_told_is_tried_again_later(working: Working) -> None:
    working.destination.answer = lambda _one: TryAgain(None, "busy")
    working.queue(1)
    working.start()
    await until(lambda: working.outcomes("failed") == 1 and working.outbox.leased == 0)
    assert len(working.destination.told) == 1
    working.destination.answer = lambda _one: Delivered()
    working.pass_time(backoff.delay(1, 0.0))
    await working.settled()
    assert len(working.destination.told) == 2


async def test_a_destination_that_asks_for_more_time_gets_it(working: Working) -> None:
    working.destination.answer = lambda _one: TryAgain(100.0, "slow down")
    working.queue(1)
    working.start()
    await until(lambda: working.outcomes("failed") == 1 and working.outbox.leased == 0)
    working.pass_time(99.0)
    lease = await working.storage.call(
        working.storage.store.claim_deliveries, "another", working.moment.wall, working.moment.mono, LEASE, 10
    )
    assert lease == []
    working.pass_time(1.0)
    await until(lambda: len(working.destination.told) == 2)


async def test_a_refusal_for_good_is_told_to_the_rules(working: Working) -> None:
    working.destination.answer = lambda _one: GiveUp("no such chat")
    working.queue(1)
    working.start()
    await until(lambda: working.abandoned)
    assert working.abandoned == [DeliveryAbandoned("log:1", "log", 1, "no such chat")]
    assert working.outbox.dead == 1


async def test_a_message_is_given_up_after_many_attempts(working: Working, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "MAX_ATTEMPTS", 1)
    working.destination.answer = lambda _one: TryAgain(None, "busy")
    working.queue(1)
    working.start()
    await until(lambda: working.abandoned)
    assert working.abandoned[0].reason == "1 attempts failed, the last one: busy"


async def test_a_destination_that_is_no_longer_configured_is_given_up(working: Working) -> None:
    working.queue(1, "telegram")
    working.start()
    await until(lambda: working.abandoned)
    assert working.abandoned[0].reason == "this destination is no longer configured"
    assert working.destination.told == []


async def test_a_relay_that_raises_is_tried_again_and_its_words_are_kept_out(working: Working) -> None:
    def fail(_one: Delivery) -> Outcome:
        raise RuntimeError("https://api.telegram.org/bot123:abc/")

    working.destination.answer = fail
    working.queue(1)
    working.start()
    await until(lambda: working.outcomes("failed") == 1 and working.outbox.pending == 1)


async def test_a_destination_that_never_answers_is_left_after_a_while(
    working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_worker, "DELIVERY_TIMEOUT", 0.01)
    working.destination.may_answer.clear()
    working.queue(1)
    working.start()
    await until(lambda: working.outcomes("failed") == 1)
    assert working.destination.at_once == 0


async def test_only_so_many_are_told_at_once(working: Working) -> None:
    working.destination.may_answer.clear()
    for number in range(MAX_TRIES_AT_ONCE + 5):
        working.queue(number)
    working.start()
    await until(lambda: working.destination.at_once == MAX_TRIES_AT_ONCE)
    working.destination.may_answer.set()
    await working.settled()
    assert working.destination.most_at_once == MAX_TRIES_AT_ONCE
    assert len(working.destination.told) == MAX_TRIES_AT_ONCE + 5


async def test_after_a_crash_another_process_tells_what_this_one_had_claimed(working: Working) -> None:
    working.queue(1)
    store, moment = working.storage.store, working.moment
    assert len(store.claim_deliveries("a process that died", moment.wall, moment.mono, LEASE, 10)) == 1
    working.start()
    await working.settled()
    assert len(working.destination.told) == 1


async def test_an_urgent_message_is_told_while_the_database_is_away_and_settled_when_it_is_back(
    working: Working,
) -> None:
    working.away = True
    working.start()
    delivery = replace(DELIVERY, identity="log:1")
    working.emergency.put(delivery)
    await until(lambda: working.outcomes("delivered") == 1)
    working.away = False
    working.queue(1)
    working.emergency.recovered()
    await working.settled()
    assert working.destination.told == [delivery]


async def test_an_urgent_message_that_is_being_told_when_the_database_comes_back_is_told_once(
    working: Working,
) -> None:
    working.destination.may_answer.clear()
    working.start()
    working.emergency.put(replace(DELIVERY, identity="log:1"))
    await until(lambda: working.destination.at_once == 1)
    working.queue(1)
    working.emergency.recovered()
    await until(lambda: working.worker._tries)
    working.destination.may_answer.set()
    await working.settled()
    assert len(working.destination.told) == 1


async def test_an_urgent_message_does_not_wait_for_a_database_that_never_answers(working: Working) -> None:
    answers = asyncio.Event()

    async def hang(*_call: object) -> list[object]:
        await answers.wait()
        return []

    working.worker._call_store = hang
    working.start()
    await until(lambda: working.worker._writes._value < delivery_worker.MAX_WRITES_AT_ONCE)
    working.emergency.put(replace(DELIVERY, identity="log:1"))
    await until(lambda: working.outcomes("delivered") == 1)
    answers.set()


async def test_a_stored_copy_that_is_claimed_first_is_the_only_one_told(working: Working) -> None:
    working.emergency.put(replace(DELIVERY, identity="log:1", due_at=NOON + SECOND))
    working.queue(1)
    working.start()
    await working.settled()
    working.pass_time(10.0)
    assert not len(working.emergency)
    assert len(working.destination.told) == 1


async def test_an_urgent_message_that_cannot_be_told_waits_and_is_tried_again(working: Working) -> None:
    working.away = True
    working.destination.answer = lambda _one: TryAgain(5.0, "busy")
    working.start()
    working.emergency.put(replace(DELIVERY, identity="log:1"))
    await until(lambda: working.outcomes("failed") == 1 and not working.worker._urgent)
    working.destination.answer = lambda _one: Delivered()
    working.pass_time(5.0)
    await until(lambda: working.outcomes("delivered") == 1)
    assert len(working.destination.told) == 2


async def test_an_urgent_message_that_is_refused_is_left_to_its_stored_copy(working: Working) -> None:
    working.away = True
    working.destination.answer = lambda _one: GiveUp("no such chat")
    working.start()
    working.emergency.put(replace(DELIVERY, identity="log:1"))
    await until(lambda: working.outcomes("abandoned") == 1 and not len(working.emergency))
    assert working.abandoned == []


async def test_a_message_whose_confirmation_failed_is_not_told_again(working: Working) -> None:
    working.destination.may_answer.clear()
    working.queue(1)
    working.start()
    await until(lambda: working.destination.at_once == 1)
    working.away = True
    working.destination.may_answer.set()
    await until(lambda: working.emergency.was_told("log:1") and not working.worker._tries)
    working.away = False
    working.pass_time(LEASE + 1)
    await working.settled()
    assert len(working.destination.told) == 1


async def test_a_failure_that_could_not_be_written_down_is_tried_again_after_its_lease(working: Working) -> None:
    working.destination.may_answer.clear()
    working.destination.answer = lambda _one: TryAgain(None, "busy")
    working.queue(1)
    working.start()
    await until(lambda: working.destination.at_once == 1)
    working.away = True
    working.destination.may_answer.set()
    await until(lambda: not working.worker._tries)
    working.away, working.destination.answer = False, lambda _one: Delivered()
    working.pass_time(LEASE + 1)
    await working.settled()
    assert len(working.destination.told) == 2


async def test_a_defect_in_one_delivery_does_not_end_the_worker(
    working: Working, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail_once(abandoned: DeliveryAbandoned) -> None:
        working.worker._abandoned = working.abandoned.append
        raise ZeroDivisionError

    working.worker._abandoned = fail_once
    working.destination.answer = lambda _one: GiveUp("no")
    working.queue(1)
    working.start()
    await until(lambda: working.outcomes("abandoned") == 1 and not working.worker._tries)
    working.queue(2)
    await until(lambda: working.abandoned)
    assert "unforeseen" in capsys.readouterr().out


async def test_a_stop_lets_tries_end_and_cuts_off_what_does_not(working: Working) -> None:
    await working.worker.stop(30)
    working.queue(1)
    working.destination.may_answer.clear()
    working.start()
    await until(lambda: working.destination.at_once == 1)
    await working.worker.stop(0.01)
    assert working.destination.at_once == 0
    assert working.outbox.leased + working.outbox.pending == 1


async def test_the_log_is_a_destination_and_shows_nothing_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(RELAYS) == {"log"}
    relay = make_relays(["log"])["log"]
    assert isinstance(relay, LogOnly)
    assert await relay.deliver(replace(DELIVERY, text="motion \x1b[2J\u202e")) == Delivered()
    shown = capsys.readouterr().out
    assert r"motion \x1b[2J\u202e" in shown.replace("\\\\", "\\")
