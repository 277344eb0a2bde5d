import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from alarmd.adapters import group_commit, turn_runner
from alarmd.adapters.reactor_clock import now
from alarmd.adapters.turn_runner import TurnRunner
from alarmd.core.effects import (
    Answer,
    CacheHeartbeat,
    CloseConnection,
    Effect,
    EvictHeartbeat,
    QueueDelivery,
    RecordEvent,
    Refuse,
    RejectFrame,
    SaveMark,
    SavePicture,
    SaveSite,
    SaveZone,
    SendFrame,
    TellPeer,
)
from alarmd.core.inputs import (
    BacklogDrained,
    BacklogFilled,
    ConnectionClosed,
    FrameReceived,
    ServerStarted,
    StorageFailed,
    StorageRecovered,
    TimerFired,
    TurnQuarantined,
)
from alarmd.core.outflow import Outflow
from alarmd.core.paths import Path
from alarmd.core.records import Mark, Site, Told
from alarmd.core.refusals import RequestRefusedError, TurnSetAsideError
from alarmd.core.requests import AlarmCleared
from alarmd.storage.interface import StorageUnavailableError
from alarmd.storage.writer_thread import WriterThread
from tests.adapters.parts import Counted, MoodyStore, Outbox, Peer, Performing, ScriptedEngine
from tests.contracts.records import ALARM, DELIVERY, EVENT, PICTURE, SITE, ZONE
from tests.waiting import until

HEARTBEAT_ACK = b"cam1,ACK,0,0,0,26,0,0"
MESSAGE_ACK = b"cam1,ACK,0,0,0,0,0,0"


def site(number: int) -> Site:
    return replace(SITE, id=number, name=f"site{number}")


class Runner:
    """A turn runner with rules made up by the test: each frame's payload is looked up in `turns`."""

    def __init__(self, writer: WriterThread, counted: Counted) -> None:
        self.engine = ScriptedEngine()
        self.engine.rules[FrameReceived] = lambda frame: self.turns[frame.payload]
        self.turns: dict[bytes, Sequence[Effect]] = {}
        self.store = MoodyStore()
        self.outbox = Outbox()
        self.commits_seen = 0
        self.outflow = Outflow(lambda durable: (Told(one.event) for one in durable if isinstance(one, RecordEvent)))
        self.parts = Performing()
        self.peer = Peer()
        self.udp = Path("udp", "192.0.2.1", 4000, self.parts.sockets.add(self.peer))
        self.tcp = self.udp._replace(transport="tcp")
        self.runner = TurnRunner(
            loop=asyncio.get_running_loop(),
            engine=self.engine.as_engine(),
            writer=writer,
            store=self.store,
            performer=self.parts.performer,
            metrics=counted.metrics,
            now=now,
            outbox=self.outbox,
            committed=self._committed,
            outflow=self.outflow,
        )

    def _committed(self) -> None:
        self.commits_seen += 1

    def receive(self, name: bytes, *effects: Effect) -> None:
        """A frame whose turn has these effects."""
        self.turns[name] = effects
        self.runner.submit(FrameReceived(name, self.udp), now())

    def promise(self, name: bytes = MESSAGE_ACK, path: Path | None = None) -> SendFrame:
        return SendFrame(path or self.udp, name, promises=True)

    async def stored(self) -> None:
        await until(lambda: not len(self.runner.commits), "the commits")


@pytest.fixture
async def house(writer: WriterThread, counted: Counted) -> AsyncIterator[Runner]:
    runner = Runner(writer, counted)
    yield runner
    runner.store.failure = None
    runner.store.release()
    runner.runner.commits.retry_now()
    await runner.stored()
    runner.runner.timer.stop()


async def test_an_acknowledgement_leaves_only_after_the_commit_of_what_it_promises(house: Runner) -> None:
    house.store.hold()
    house.receive(b"moal", SaveSite(site(1)), house.promise())
    await until(lambda: house.store.attempts)
    assert house.peer.sent == []
    house.store.release()
    await house.stored()
    assert house.peer.sent == [MESSAGE_ACK]
    assert house.store.batches == [[(SaveSite(site(1)),)]]


async def test_a_heartbeat_is_answered_while_a_commit_is_under_way(house: Runner) -> None:
    house.store.hold()
    house.receive(b"moal", SaveSite(site(1)), house.promise())
    house.receive(b"beat", SaveZone(ZONE), SendFrame(house.udp, HEARTBEAT_ACK, promises=False))
    assert house.peer.sent == [HEARTBEAT_ACK]


async def test_what_promises_nothing_is_done_at_once_even_if_its_turn_stores_something(house: Runner) -> None:
    house.store.hold()
    cached = CacheHeartbeat(None, house.udp, b"beat", HEARTBEAT_ACK)  # type: ignore[arg-type]  # looked at by nobody
    house.receive(b"x", SaveSite(site(1)), cached, RejectFrame(house.udp, "bad_name", b"x"))
    assert house.peer.done == [("cache", cached)]


async def test_a_resent_message_waits_for_the_commit_of_the_first_copy(house: Runner) -> None:
    house.store.hold()
    house.receive(b"moal", SaveSite(site(1)), house.promise())
    house.receive(b"again", house.promise(b"again"))
    assert house.peer.sent == []
    house.store.release()
    await house.stored()
    assert house.peer.sent == [MESSAGE_ACK, b"again"]


async def test_a_promise_of_nothing_new_leaves_at_once_when_nothing_waits(house: Runner) -> None:
    house.receive(b"again", house.promise())
    assert house.peer.sent == [MESSAGE_ACK]
    assert house.store.attempts == 0


async def test_whatever_comes_while_the_writer_is_busy_is_one_transaction(house: Runner) -> None:
    house.store.hold()
    for number in range(1, 11):
        house.receive(b"%d" % number, SaveSite(site(number)), house.promise(b"%d" % number))
    house.store.release()
    await house.stored()
    assert [len(batch) for batch in house.store.batches] == [1, 9]
    assert house.peer.sent == [b"%d" % number for number in range(1, 11)]
    assert house.commits_seen == 2


async def test_a_transaction_is_bounded(house: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_BATCH", 4)
    house.store.hold()
    for number in range(1, 10):
        house.receive(b"%d" % number, SaveSite(site(number)))
    house.store.release()
    await house.stored()
    assert [len(batch) for batch in house.store.batches] == [1, 4, 4]


async def test_a_failed_commit_is_tried_again_in_order_and_nothing_is_acknowledged_meanwhile(house: Runner) -> None:
    house.store.failure = StorageUnavailableError("the disk is full")
    house.receive(b"1", SaveSite(site(1)), house.promise(b"1"))
    house.receive(b"2", SaveSite(site(2)), house.promise(b"2"))
    await until(lambda: house.store.attempts >= 3)
    assert house.peer.sent == []
    house.store.failure = None
    await house.stored()
    assert house.peer.sent == [b"1", b"2"]
    assert house.store.batches[0] == [(SaveSite(site(1)),)]


async def test_the_rules_hear_once_that_storage_failed_and_once_that_it_is_back(house: Runner) -> None:
    house.engine.rules[StorageFailed] = lambda _failed: [SaveSite(site(7))]
    house.store.failure = StorageUnavailableError("the disk is full")
    house.receive(b"1", SaveSite(site(1)))
    await until(lambda: house.store.attempts >= 3)
    assert house.engine.heard_of(StorageFailed) == [StorageFailed("the disk is full")]
    assert house.engine.heard_of(StorageRecovered) == []
    house.store.failure = None
    await house.stored()
    assert house.engine.heard_of(StorageRecovered) == [StorageRecovered()]
    assert house.store.batches[-1] == [(SaveSite(site(7)),)]
    assert house.outbox.recovered_count == 1


async def test_storage_that_fails_again_while_it_catches_up_has_not_recovered(
    house: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MAX_BATCH", 1)
    house.store.failure = StorageUnavailableError("gone")
    for number in range(1, 4):
        house.receive(b"%d" % number, SaveSite(site(number)))
    await until(lambda: house.store.attempts >= 2)

    def fail_after_the_first(_turn: object) -> None:
        house.store.failure = StorageUnavailableError("gone again")

    monkeypatch.setattr(house.runner.commits._handlers, "stored", fail_after_the_first)
    house.store.failure = None
    await until(lambda: len(house.store.batches) == 1)
    await until(lambda: house.store.failure is not None)
    assert house.engine.heard_of(StorageRecovered) == []
    assert len(house.engine.heard_of(StorageFailed)) == 1


async def test_a_commit_that_never_answers_counts_as_failed_storage(
    house: Runner, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "COMMIT_PATIENCE", 0.01)
    house.store.hold()
    house.receive(b"1", SaveSite(site(1)), house.promise())
    await until(lambda: house.engine.heard_of(StorageFailed))
    assert counted.value("alarmd_database_errors_total", reason="no_answer") == 1
    house.store.release()
    await house.stored()
    assert house.engine.heard_of(StorageRecovered) == [StorageRecovered()]
    assert house.peer.sent == [MESSAGE_ACK]


async def test_an_unforeseen_error_of_the_driver_loses_nothing(house: Runner, counted: Counted) -> None:
    house.store.failure = RuntimeError("the driver has a defect")
    house.receive(b"1", SaveSite(site(1)), house.promise())
    await until(lambda: counted.value("alarmd_database_errors_total", reason="unexpected"))
    assert house.engine.heard_of(StorageFailed) == [StorageFailed("RuntimeError")]
    house.store.failure = None
    await house.stored()
    assert house.peer.sent == [MESSAGE_ACK]


async def test_a_writer_that_takes_no_more_calls_is_a_failed_commit(
    house: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_arguments: object) -> None:
        raise StorageUnavailableError("1000 calls wait")

    with monkeypatch.context() as patch:
        patch.setattr(house.runner.commits._writer, "call", busy)
        house.receive(b"1", SaveSite(site(1)), house.promise())
        assert house.engine.heard_of(StorageFailed) == [StorageFailed("1000 calls wait")]
    await house.stored()
    assert house.peer.sent == [MESSAGE_ACK]


async def test_a_poison_turn_is_not_acknowledged_and_is_told(house: Runner, counted: Counted) -> None:
    poison = replace(ZONE, site_id=99)
    house.store.hold()
    house.receive(b"1", SaveSite(site(1)), house.promise(b"1"))
    house.receive(b"2", SaveZone(poison), RecordEvent(EVENT), SavePicture(PICTURE), house.promise(b"2"))
    house.receive(b"3", SaveSite(site(3)), house.promise(b"3"))
    house.store.release()
    await house.stored()
    assert house.peer.sent == [b"1", b"3"]
    (told,) = house.engine.heard_of(TurnQuarantined)
    assert (told.events, told.pictures) == ((EVENT,), (PICTURE,)), (
        "what was not stored must not be acknowledged when it comes again either"
    )
    assert len(house.store.quarantine) == 1
    assert counted.value("alarmd_database_errors_total", reason="quarantined") == 1


async def test_an_event_about_a_poison_turn_that_is_poison_itself_ends_there(house: Runner) -> None:
    house.engine.rules[TurnQuarantined] = lambda _told: [SaveZone(replace(ZONE, id=2, name="b", site_id=98))]
    house.receive(b"2", SaveZone(replace(ZONE, site_id=99)))
    await house.stored()
    assert len(house.engine.heard_of(TurnQuarantined)) == 1
    assert len(house.store.quarantine) == 2


async def test_an_operator_is_answered_after_the_commit(house: Runner) -> None:
    house.engine.rules[AlarmCleared] = lambda _request: [SaveSite(site(1)), Answer((ALARM,))]
    house.store.hold()
    asked = asyncio.create_task(house.runner.submit_request(AlarmCleared("op", 1)))
    await until(lambda: house.store.attempts)
    assert not asked.done()
    house.store.release()
    assert await asked == (ALARM,)


async def test_a_refused_request_says_why(house: Runner) -> None:
    house.engine.rules[AlarmCleared] = lambda _request: [Refuse("unknown_alarm", "alarm_id", "no open alarm 1")]
    with pytest.raises(RequestRefusedError, match="no open alarm 1") as caught:
        await house.runner.submit_request(AlarmCleared("op", 1))
    assert (caught.value.reason, caught.value.field) == ("unknown_alarm", "alarm_id")


async def test_an_operator_does_not_wait_for_ever(house: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_runner, "ANSWER_PATIENCE", 0.01)
    house.engine.rules[AlarmCleared] = lambda _request: [SaveSite(site(1)), Answer((ALARM,))]
    house.store.hold()
    with pytest.raises(RequestRefusedError, match="takes effect when it is back"):
        await house.runner.submit_request(AlarmCleared("op", 1))
    house.store.release()
    await house.stored()
    assert house.store.batches == [[(SaveSite(site(1)),)]]


async def test_a_request_in_a_poison_turn_is_refused(house: Runner) -> None:
    house.engine.rules[AlarmCleared] = lambda _request: [SaveZone(replace(ZONE, site_id=99)), Answer((ALARM,))]
    with pytest.raises(RequestRefusedError, match="the database refuses this"):
        await house.runner.submit_request(AlarmCleared("op", 1))


async def test_a_defect_of_the_rules_stops_nothing(house: Runner, counted: Counted) -> None:
    def defect(_request: object) -> list[Effect]:
        raise ZeroDivisionError

    house.engine.rules[AlarmCleared] = defect
    with pytest.raises(RequestRefusedError, match="its log says more"):
        await house.runner.submit_request(AlarmCleared("op", 1))
    assert counted.dropped("engine", "defect") == 1
    house.receive(b"beat", SendFrame(house.udp, HEARTBEAT_ACK, promises=False))
    assert house.peer.sent == [HEARTBEAT_ACK]


async def test_a_connection_is_closed_after_the_acknowledgement_that_it_is_owed(house: Runner) -> None:
    house.store.hold()
    house.receive(b"moal", SaveSite(site(1)), house.promise(path=house.tcp))
    house.receive(b"bad", CloseConnection(house.tcp))
    assert house.peer.done == [("stop_reading", house.tcp)]
    house.store.release()
    await house.stored()
    assert house.peer.done[1:] == [("send", MESSAGE_ACK), ("close", house.tcp)]


async def test_a_connection_that_is_owed_nothing_is_closed_at_once(house: Runner) -> None:
    house.store.hold()
    house.receive(b"moal", SaveSite(site(1)), house.promise(path=house.tcp._replace(port=4001)))
    house.receive(b"bad", CloseConnection(house.tcp))
    house.runner.close_when_answered(house.tcp)
    assert house.peer.done == [("close", house.tcp), ("close", house.tcp)]


async def test_a_turn_that_answers_and_closes_does_it_in_that_order(house: Runner) -> None:
    house.receive(b"last", SaveSite(site(1)), house.promise(path=house.tcp), CloseConnection(house.tcp))
    await house.stored()
    assert [what for what, _ in house.peer.done] == ["stop_reading", "send", "close"]


async def test_a_peer_that_ended_is_closed_when_everything_was_answered(house: Runner) -> None:
    house.store.hold()
    house.receive(b"1", SaveSite(site(1)), house.promise(b"1", house.tcp))
    house.receive(b"2", SaveSite(site(2)), house.promise(b"2", house.tcp))
    house.runner.close_when_answered(house.tcp)
    house.store.release()
    await house.stored()
    assert house.peer.done == [("send", b"1"), ("send", b"2"), ("close", house.tcp)]
    house.runner.close_when_answered(house.tcp)
    assert house.peer.done[-1] == ("close", house.tcp)
    assert len(house.peer.done) == 4


async def test_a_connection_whose_last_turn_is_poison_is_closed_all_the_same(house: Runner) -> None:
    poison = SaveZone(replace(ZONE, site_id=99))
    house.receive(b"last", poison, house.promise(path=house.tcp), CloseConnection(house.tcp))
    await house.stored()
    assert house.peer.done == [("stop_reading", house.tcp), ("close", house.tcp)]


async def test_the_rules_hear_when_too_much_waits_and_when_it_is_gone(
    house: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_runner, "HIGH_WATER", 3)
    monkeypatch.setattr(turn_runner, "LOW_WATER", 2)
    house.store.hold()
    for number in range(1, 7):
        house.receive(b"%d" % number, SaveSite(site(number)))
    assert house.engine.heard_of(BacklogFilled) == [BacklogFilled()]
    assert house.engine.heard_of(BacklogDrained) == []
    house.store.release()
    await house.stored()
    assert house.engine.heard_of(BacklogDrained) == [BacklogDrained()]


async def test_what_does_not_fit_in_the_backlog_is_refused_and_not_acknowledged(
    house: Runner, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_runner, "MAX_BACKLOG", 2)
    house.engine.rules[AlarmCleared] = lambda _request: [SaveSite(site(9)), Answer((ALARM,))]
    house.store.hold()
    for number in (1, 2, 3):
        house.receive(b"%d" % number, SaveSite(site(number)), house.promise(b"%d" % number))
    with pytest.raises(RequestRefusedError, match="too much waits"):
        await house.runner.submit_request(AlarmCleared("op", 1))
    house.store.release()
    await house.stored()
    assert house.peer.sent == [b"1", b"2"]
    assert counted.dropped("storage", "backlog_full") == 2


async def test_urgent_messages_do_not_wait_for_a_database_that_is_away(house: Runner) -> None:
    urgent, patient = replace(DELIVERY, urgent=True), replace(DELIVERY, identity="log:patient", urgent=False)
    later = replace(urgent, identity="log:later")
    house.store.failure = StorageUnavailableError("gone")
    house.receive(b"1", SaveSite(site(1)), QueueDelivery(urgent), QueueDelivery(patient))
    await until(lambda: house.engine.heard_of(StorageFailed))
    assert house.outbox.urgent == [urgent]
    house.receive(b"2", QueueDelivery(later))
    assert house.outbox.urgent == [urgent, later]


async def test_the_outbox_hears_of_new_messages_once_they_are_stored(house: Runner) -> None:
    house.receive(b"0", SaveSite(site(1)))
    await house.stored()
    assert house.outbox.stored_count == 0
    house.receive(b"1", QueueDelivery(DELIVERY))
    await house.stored()
    assert house.outbox.stored_count == 1
    assert house.outbox.urgent == []


async def test_the_timer_fires_with_the_time_it_was_set_to_and_is_armed_again(house: Runner) -> None:
    due = now().mono + 0.01

    def fire(timer: TimerFired) -> list[Effect]:
        house.engine.due = due + 0.02 if timer.due == due else float("inf")
        return []

    house.engine.rules[TimerFired] = fire
    house.engine.due = due
    house.runner.submit(ServerStarted("test"), now())
    await until(lambda: len(house.engine.heard_of(TimerFired)) == 2)
    assert house.engine.heard_of(TimerFired) == [TimerFired(due), TimerFired(due + 0.02)]


async def test_a_server_that_stood_still_reads_what_waits_before_it_judges(house: Runner, counted: Counted) -> None:
    house.runner.timer.drains.append(lambda: house.receive(b"beat", EvictHeartbeat(None)))  # type: ignore[arg-type]
    house.engine.rules[TimerFired] = lambda _fired: setattr(house.engine, "due", float("inf")) or []  # type: ignore[func-returns-value]
    house.engine.due = now().mono - 60.0
    house.runner.submit(ConnectionClosed(house.udp), now())
    await until(lambda: house.engine.heard_of(TimerFired))
    assert [type(one) for one in house.engine.heard] == [ConnectionClosed, FrameReceived, TimerFired]
    assert counted.value("alarmd_server_blind_seconds_total") >= 60.0


async def test_many_inputs_of_one_moment_are_committed_together(house: Runner) -> None:
    frames: list[FrameReceived] = []
    for number in range(1, 65):
        name = b"%d" % number
        house.turns[name] = [SaveSite(site(number))]
        frames.append(FrameReceived(name, house.udp))
    house.runner.submit_batch(frames, now())
    await house.stored()
    assert [len(batch) for batch in house.store.batches] == [64]


async def test_the_answer_of_a_turn_waits_for_the_peer_and_a_connection_for_its_answer(house: Runner) -> None:
    house.outflow.opened()
    answer = SendFrame(house.tcp, b"one copy", promises=True, doubled=b"two copies")
    house.receive(b"first", RecordEvent(EVENT), answer)
    house.receive(b"second", CloseConnection(house.tcp))
    await house.stored()
    house.runner.close_when_answered(house.tcp)
    assert house.peer.done == [("stop_reading", house.tcp)]
    house.outflow.take(1)
    house.outflow.acknowledged(1)
    house.runner.copies.peer_stored()
    assert house.peer.done[1:] == [("send", b"two copies"), ("close", house.tcp), ("close", house.tcp)]


async def test_what_is_told_to_the_peer_beside_records_waits_for_the_commit_too(house: Runner) -> None:
    house.store.hold()
    house.receive(b"first", RecordEvent(EVENT), TellPeer(heard=("cam1",)))
    await asyncio.sleep(0)
    assert house.parts.told == []
    house.store.release()
    await house.stored()
    assert house.parts.told == [TellPeer(heard=("cam1",))]


async def test_a_message_that_the_peer_told_is_taken_out_of_the_emergency_outbox(house: Runner) -> None:
    house.store.failure = StorageUnavailableError("gone")
    house.receive(b"alarm", QueueDelivery(DELIVERY))
    await until(lambda: house.outbox.urgent, "the failure")
    house.receive(b"mark", SaveMark(Mark(DELIVERY.identity, 1, "B", 1)))
    assert house.outbox.settled_ones == [DELIVERY.identity]


async def test_whoever_asks_hears_whether_to_ask_again_is_of_use(house: Runner) -> None:
    house.engine.rules[AlarmCleared] = lambda _: [SaveZone(replace(ZONE, site_id=999)), Answer(())]
    with pytest.raises(TurnSetAsideError):
        await house.runner.submit_request(AlarmCleared("op", 1))
