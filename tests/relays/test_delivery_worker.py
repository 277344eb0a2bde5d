import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alarmd.adapters.open_storage import OpenStorage
from alarmd.core.effects import QueueDelivery
from alarmd.core.inputs import DeliveryAbandoned, DeliverySettled
from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import Delivery
from alarmd.relays import backoff, delivery_worker, lane
from alarmd.relays.breaker import FAILURES
from alarmd.relays.delivery_worker import DeliveryWorker
from alarmd.relays.emergency_outbox import EmergencyOutbox
from alarmd.relays.interface import Delivered, GiveUp, Later, Obsolete, Outcome, TryAgain
from alarmd.relays.lane import FOR_URGENT, LEASE, MAX_TRIES_AT_ONCE, House
from alarmd.relays.log_only import LogOnly
from alarmd.storage.interface import (
    FRESH,
    Claim,
    DeliveryFilter,
    DeliveryState,
    Lease,
    OutboxState,
    StorageUnavailableError,
    StoredAlarm,
)
from tests.adapters.parts import Counted, sqlite_url
from tests.contracts.records import DELIVERY, EVERYTHING, NOON, ORIGIN, VAULT, alarm
from tests.relays.parts import lease
from tests.waiting import until


class Destination:
    """A destination that answers what the test wants; told: what it was handed, in order."""

    def __init__(self) -> None:
        self.told: list[Delivery] = []
        self.answer: Callable[[Delivery], Outcome] = lambda _delivery: Delivered()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.at_once = self.most_at_once = 0
        self.closed = False
        self.busy_now: dict[str, float] = {}
        self.calm_busy: dict[str, float] = {}
        self.upload_busy: dict[str, float] = {}
        self.uncertain: list[bool] = []

    async def deliver(self, lease: Lease) -> Outcome:
        delivery = lease.delivery
        self.uncertain.append(lease.uncertain)
        self.told.append(delivery)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.may_answer.wait()
        finally:
            self.at_once -= 1
        return self.answer(delivery)

    def busy(self, *, urgent: bool) -> Mapping[str, float]:
        return self.busy_now if urgent else {**self.busy_now, **self.calm_busy}

    def uploading(self) -> Mapping[str, float]:
        return self.upload_busy

    async def close(self) -> None:
        assert self.at_once == 0
        self.closed = True

    @property
    def names(self) -> list[str]:
        return [delivery.identity for delivery in self.told]


class Working:
    """A worker on a real SQLite outbox, with a clock that the test moves."""

    def __init__(self, directory: Path) -> None:
        self.storage = OpenStorage(sqlite_url(directory), ORIGIN, VAULT)
        place = [one for one in EVERYTHING if not isinstance(one, QueueDelivery)]
        self.storage.store.commit([place, [alarm(number) for number in range(2, 100)]])
        self.destination, self.other = Destination(), Destination()
        self.emergency = EmergencyOutbox()
        self.abandoned: list[DeliveryAbandoned] = []
        self.told_to_rules = self.abandoned.append
        self.marked: list[DeliverySettled] = []
        self.live: StoredAlarm | None = lease().alarm
        self.counted = Counted()
        self.moment = Instant(NOON, 1000.0)
        self.away = False
        self.calls = 0
        self.worker = self.make_worker("this process")
        self.task: asyncio.Task[None] | None = None

    def make_worker(self, owner: str) -> DeliveryWorker:
        house = House(
            store=self.storage.store,
            call_store=self._call,
            emergency=self.emergency,
            abandoned=lambda abandoned: self.told_to_rules(abandoned),
            settled=self.marked.append,
            live_alarm=lambda _id: self.live,
            metrics=self.counted.metrics,
            now=lambda: self.moment,
            owner=owner,
            jitter=lambda: 0.0,
        )
        return DeliveryWorker({"log": self.destination, "other": self.other}, house)

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        self.calls += 1
        if self.away:
            raise StorageUnavailableError("gone")
        return await self.storage.call(function, *arguments)

    def start(self) -> None:
        self.task = asyncio.create_task(self.worker.run())

    def queue(self, number: int, destination: str = "log", **changes: Any) -> Delivery:
        """Each about an alarm of its own."""
        named = replace(DELIVERY, identity=f"{destination}:{number}", destination=destination, alarm_id=number)
        delivery = replace(named, **changes)
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

    def outcomes(self, outcome: str, destination: str = "log") -> float:
        return self.counted.value("alarmd_delivery_seconds_count", destination=destination, outcome=outcome)

    def takes(self, destination: str = "log") -> float:
        return self.counted.value("alarmd_destination_takes_messages", destination=destination)

    async def stop(self) -> None:
        self.destination.may_answer.set()
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        await self.worker.stop(30)
        await self.storage.close()


@pytest.fixture
async def working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Working]:
    monkeypatch.setattr(lane, "POLL", 0.02)
    monkeypatch.setattr(lane, "POLL_BROKEN", 0.02)
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


async def test_the_rules_hear_of_what_was_told_but_not_of_files_that_the_peer_never_gets(working: Working) -> None:
    working.destination.answer = lambda one: GiveUp("no such chat") if one.alarm_id == 3 else Delivered()
    told = working.queue(1)
    working.queue(2, attachment="a.jpg")
    working.queue(3)
    working.start()
    await until(lambda: working.outcomes("delivered") == 2 and working.abandoned)
    await until(lambda: working.outbox.leased == 0)
    assert working.marked == [DeliverySettled(told.identity)]


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
    wish = Claim("another", "log", working.moment, LEASE, 10, 10)
    assert await working.storage.call(working.storage.store.claim_deliveries, wish) == []
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
    monkeypatch.setattr(lane, "DELIVERY_TIMEOUT", 0.01)
    working.destination.may_answer.clear()
    working.queue(1)
    working.start()
    await until(lambda: working.outcomes("failed") == 1)
    assert working.destination.at_once == 0


async def test_an_upload_gets_more_time_than_a_text(working: Working, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "DELIVERY_TIMEOUT", 0.01)
    working.destination.may_answer.clear()
    working.queue(1, attachment="a.jpg")
    working.queue(2)
    working.start()
    await until(lambda: working.outcomes("failed") == 1)
    assert working.destination.at_once == 1
    working.destination.may_answer.set()
    await until(lambda: working.outcomes("delivered") == 1)
    monkeypatch.setattr(lane, "UPLOAD_TIMEOUT", 0.01)
    working.destination.may_answer.clear()
    working.queue(3, attachment="a.jpg")
    await until(lambda: working.outcomes("failed") == 2)


async def test_where_something_is_uploaded_only_what_has_no_attachment_is_told(working: Working) -> None:
    working.destination.upload_busy = {"ann": 0.02}
    picture = working.queue(1, urgent=False, recipient="ann", attachment="a.jpg")
    text = working.queue(2, urgent=False, recipient="ann")
    elsewhere = working.queue(3, urgent=False, recipient="bob", attachment="a.jpg")
    working.start()
    await until(lambda: len(working.destination.told) == 2)
    assert set(working.destination.names) == {text.identity, elsewhere.identity}
    working.destination.upload_busy = {}
    await working.settled()
    assert working.destination.names[-1] == picture.identity


async def test_only_so_many_are_told_at_once(working: Working) -> None:
    working.destination.may_answer.clear()
    for number in range(1, MAX_TRIES_AT_ONCE + 6):
        working.queue(number)
    working.start()
    await until(lambda: working.destination.at_once == MAX_TRIES_AT_ONCE)
    working.destination.may_answer.set()
    await working.settled()
    assert working.destination.most_at_once == MAX_TRIES_AT_ONCE
    assert len(working.destination.told) == MAX_TRIES_AT_ONCE + 5


async def test_after_a_crash_another_process_tells_what_this_one_had_claimed(working: Working) -> None:
    working.queue(1)
    wish = Claim("a process that died", "log", working.moment, LEASE, 10, 10)
    assert len(working.storage.store.claim_deliveries(wish)) == 1
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
    await until(lambda: working.worker._lanes["log"]._tries)
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
    await until(lambda: working.outcomes("failed") == 1 and not working.worker._lanes["log"]._urgent)
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
    working.destination.answer = lambda _one: Delivered("17")
    working.destination.may_answer.set()
    await until(lambda: working.emergency.reference("log:1") == "17" and not working.worker._lanes["log"]._tries)
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
    await until(lambda: not working.worker._lanes["log"]._tries)
    working.away, working.destination.answer = False, lambda _one: Delivered()
    working.pass_time(LEASE + 1)
    await working.settled()
    assert len(working.destination.told) == 2


async def test_a_defect_in_one_delivery_does_not_end_the_worker(
    working: Working, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail_once(_abandoned: DeliveryAbandoned) -> None:
        working.told_to_rules = working.abandoned.append
        raise ZeroDivisionError

    working.told_to_rules = fail_once
    working.destination.answer = lambda _one: GiveUp("no")
    working.queue(1)
    working.start()
    await until(lambda: working.outcomes("abandoned") == 1 and not working.worker._lanes["log"]._tries)
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


async def test_an_urgent_message_about_an_alarm_that_is_over_is_left_to_its_stored_copy(working: Working) -> None:
    working.away, working.live = True, None
    working.start()
    working.emergency.put(replace(DELIVERY, identity="log:1"))
    await until(lambda: not len(working.emergency))
    assert working.destination.told == []


async def test_a_dead_destination_delays_no_other(working: Working) -> None:
    working.destination.may_answer.clear()
    for number in range(1, 2 * MAX_TRIES_AT_ONCE):
        working.queue(number)
    working.start()
    await until(lambda: working.destination.at_once == MAX_TRIES_AT_ONCE)
    working.queue(99, "other")
    working.emergency.put(replace(DELIVERY, identity="other:98", destination="other"))
    await until(lambda: working.outcomes("delivered", "other") == 2)
    assert working.outcomes("delivered") == 0


async def test_calm_messages_leave_room_for_an_alarm(working: Working) -> None:
    working.destination.may_answer.clear()
    for number in range(1, MAX_TRIES_AT_ONCE + 1):
        working.queue(number, urgent=False)
    working.start()
    await until(lambda: working.destination.at_once == MAX_TRIES_AT_ONCE - FOR_URGENT)
    working.queue(90)
    await until(lambda: "log:90" in working.destination.names)
    assert working.destination.at_once == MAX_TRIES_AT_ONCE - FOR_URGENT + 1


async def test_a_new_alarm_does_not_wait_behind_ten_thousand_old_ones(working: Working) -> None:
    numbers, stale = range(100, 10_100), replace(DELIVERY, created_at=NOON - FRESH)
    old = [QueueDelivery(replace(stale, identity=f"log:old {number}", alarm_id=number)) for number in numbers]
    working.storage.store.commit([[alarm(number) for number in numbers], list(old)])
    working.destination.may_answer.clear()
    working.start()
    await until(lambda: working.destination.at_once == MAX_TRIES_AT_ONCE)
    working.queue(1)
    working.destination.may_answer.set()
    await until(lambda: "log:1" in working.destination.names)
    assert working.destination.names.index("log:1") < 3 * MAX_TRIES_AT_ONCE


async def test_a_destination_that_fails_again_and_again_is_left_alone_and_tried_now_and_then(
    working: Working, capsys: pytest.CaptureFixture[str]
) -> None:
    working.destination.answer = lambda _one: TryAgain(None, "no route")
    for number in range(1, 50):
        working.queue(number)
    working.start()
    await until(lambda: working.takes() == 0 and not working.worker._lanes["log"]._tries)
    assert FAILURES <= len(working.destination.told) <= MAX_TRIES_AT_ONCE
    for _ in range(3):
        working.destination.told.clear()
        working.pass_time(backoff.LONGEST)
        await until(lambda: working.destination.told and not working.worker._lanes["log"]._tries)
        assert len(working.destination.told) == 1
    working.destination.answer = lambda _one: Delivered()
    working.pass_time(backoff.LONGEST)
    await until(lambda: working.takes() == 1)
    working.pass_time(backoff.LONGEST)
    await working.settled()
    shown = capsys.readouterr().out
    assert shown.count("takes no messages") == shown.count("takes messages again") == 1


async def test_what_nobody_needs_any_more_is_dropped_and_says_nothing_of_a_dead_destination(
    working: Working, capsys: pytest.CaptureFixture[str]
) -> None:
    working.destination.answer = lambda _one: TryAgain(None, "no route")
    for number in range(1, FAILURES + 10):
        working.queue(number)
    working.start()
    await until(lambda: working.takes() == 0 and not working.worker._lanes["log"]._tries)
    working.destination.answer = lambda _one: Obsolete("too late")
    working.destination.most_at_once = 0
    working.pass_time(backoff.LONGEST)
    await working.settled()
    assert working.outcomes("obsolete") == FAILURES + 9
    assert (working.takes(), working.destination.most_at_once) == (0, 1)  # still one try at a time
    (stored,) = working.storage.reader.deliveries(DeliveryFilter((DeliveryState.DROPPED,), limit=1))
    assert stored.last_error == "too late"
    assert "takes messages again" not in capsys.readouterr().out
    assert working.abandoned == []


async def test_the_one_try_of_a_destination_left_alone_may_be_an_urgent_one_from_memory(working: Working) -> None:
    working.destination.answer = lambda _one: TryAgain(None, "no route")
    for number in range(1, FAILURES + 1):
        working.queue(number)
    working.start()
    await until(lambda: working.takes() == 0 and not working.worker._lanes["log"]._tries)
    working.destination.may_answer.clear()
    working.destination.answer = lambda _one: Delivered()
    tried = len(working.destination.told)
    working.emergency.put(replace(DELIVERY, identity="log:90"))
    working.pass_time(backoff.LONGEST)
    await until(lambda: working.destination.at_once)
    working.worker.wake()
    assert working.destination.at_once == 1
    working.destination.may_answer.set()
    await working.settled()
    await until(lambda: not len(working.emergency))
    assert len(working.destination.told) == tried + FAILURES + 1


async def test_a_destination_that_asks_to_be_left_alone_is_with_all_its_messages(working: Working) -> None:
    working.destination.answer = lambda _one: TryAgain(100.0, "slow down")
    working.queue(1)
    working.start()
    await until(lambda: working.outcomes("failed") == 1)
    working.destination.answer = lambda _one: Delivered()
    working.queue(2)
    working.queue(3, "other")
    await until(lambda: working.outcomes("delivered", "other") == 1)
    assert len(working.destination.told) == 1
    working.pass_time(100.0)
    await working.settled()


async def test_destinations_are_let_go_at_the_stop_when_nothing_is_under_way(working: Working) -> None:
    working.destination.may_answer.clear()
    working.queue(1)
    working.start()
    await until(lambda: working.destination.at_once)
    assert working.task is not None
    working.task.cancel()
    await working.worker.stop(0.01)
    assert working.destination.closed
    assert working.other.closed


async def test_destinations_that_are_gone_are_looked_for_until_the_database_answers(working: Working) -> None:
    working.away = True
    working.queue(1, "gone")
    working.start()
    calls = working.calls
    await until(lambda: working.calls > calls + 5)
    working.away = False
    await until(lambda: working.abandoned)
    assert working.abandoned[0].destination == "gone"


async def test_a_recipient_that_may_not_be_told_more_is_left_alone_until_it_may(working: Working) -> None:
    working.destination.busy_now = {"ann": 0.01}
    working.destination.calm_busy = {"bob": 0.01}
    working.queue(1, recipient="ann")
    working.queue(2, recipient="bob", urgent=False)
    working.queue(3, recipient="bob")
    working.start()
    await until(lambda: working.outbox.pending == 2 and not working.outbox.leased)
    assert working.destination.names == ["log:3"]
    working.destination.busy_now = working.destination.calm_busy = {}
    await working.settled()


async def test_what_comes_too_early_for_its_recipient_counts_neither_as_an_attempt_nor_as_a_failure(
    working: Working,
) -> None:
    working.destination.answer = lambda _one: Later(1.0)
    working.queue(1)
    working.start()
    for number in range(1, FAILURES + 3):
        await until(lambda number=number: len(working.destination.told) == number and not working.outbox.leased)
        working.pass_time(1.0)
    assert working.outcomes("failed") == 0
    assert working.takes() == 1
    working.destination.answer = lambda _one: Delivered()
    working.pass_time(1.0)
    await working.settled()


async def test_an_urgent_message_from_memory_that_comes_too_early_waits(working: Working) -> None:
    working.away = True
    working.destination.answer = lambda _one: Later(5.0)
    working.start()
    working.emergency.put(replace(DELIVERY, identity="log:1"))
    await until(lambda: working.destination.told and not working.worker._lanes["log"]._urgent)
    working.destination.answer = lambda _one: Delivered()
    working.pass_time(5.0)
    await until(lambda: working.outcomes("delivered") == 1)


async def test_an_attempt_whose_end_nobody_knows_is_known_as_that_at_the_next(working: Working) -> None:
    def fail(_one: Delivery) -> Outcome:
        raise RuntimeError

    working.destination.answer = fail
    working.queue(1)
    working.start()
    await until(lambda: working.outcomes("failed") == 1 and not working.outbox.leased)
    working.destination.answer = lambda _one: Delivered()
    working.pass_time(backoff.LONGEST)
    await working.settled()
    assert working.destination.uncertain == [False, True]


async def test_doubts_about_a_message_from_memory_go_over_to_its_stored_copy(working: Working) -> None:
    working.away = True
    working.destination.answer = lambda _one: TryAgain(None, "no answer", uncertain=True)
    working.start()
    working.emergency.put(replace(DELIVERY, identity="log:1"))
    await until(lambda: working.outcomes("failed") == 1 and not working.worker._lanes["log"]._urgent)
    working.pass_time(backoff.LONGEST)
    await until(lambda: working.outcomes("failed") == 2 and not working.worker._lanes["log"]._urgent)
    working.destination.answer = lambda _one: Delivered()
    working.away = False
    working.queue(1)
    working.emergency.recovered()
    await working.settled()
    assert working.destination.uncertain == [False, True, True]


async def test_the_log_is_a_destination_and_shows_nothing_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    relay = LogOnly()
    assert await relay.deliver(lease(text="motion \x1b[2J\u202e")) == Delivered()
    await relay.close()
    shown = capsys.readouterr().out
    assert r"motion \x1b[2J\u202e" in shown.replace("\\\\", "\\")
