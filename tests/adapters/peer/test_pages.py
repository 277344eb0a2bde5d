"""Pages under way and taken in: in order, stored before they are answered, none lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast

import pytest

from alarmd.adapters.peer import pipe
from alarmd.adapters.peer.commands import NotNowError
from alarmd.adapters.peer.incoming import Incoming
from alarmd.adapters.peer.link import Answer, PeerLink
from alarmd.adapters.peer.pipe import AT_ONCE, Pipe
from alarmd.adapters.peer.wire import Page, Wire
from alarmd.core.inputs import PeerTold
from alarmd.core.records import Event, Record, Told
from alarmd.core.refusals import DEFECT, UNAVAILABLE, RequestRefusedError, TurnSetAsideError
from alarmd.storage.vault import Vault
from tests.contracts.records import EVENT
from tests.waiting import until

WIRE = Wire(Vault(bytes(32)))


class Rules:
    """Stores what it is told, unless `fault` has an error for it. stored: the sequences of the events."""

    def __init__(self) -> None:
        self.stored: list[int] = []
        self.decided: list[int] = []
        self.fault: Callable[[int], Exception | None] = lambda _sequence: None
        self.may_store = asyncio.Event()
        self.may_store.set()

    async def submit(self, told: PeerTold) -> tuple[Record, ...]:
        sequences = [cast(Event, one.record).sequence for one in told.told]
        self.decided += sequences
        await self.may_store.wait()
        for sequence in sequences:
            if error := self.fault(sequence):
                raise error
        self.stored += sequences
        return ()


def events(*numbers: int, text: str = "") -> list[Told]:
    return [Told(replace(EVENT, sequence=number, text=text)) for number in numbers]


def page(*numbers: int, text: str = "") -> Page:
    (made,) = WIRE.pages(events(*numbers, text=text))
    return made


class Ends:
    """A sender and a receiver; what is between them is this. lose: answers are never given."""

    def __init__(self) -> None:
        self.rules = Rules()
        self.thread = ThreadPoolExecutor(1)
        self.merged: list[tuple[int, int]] = []
        self.incoming = Incoming(WIRE, self.rules.submit, self.thread, lambda *counts: self.merged.append(counts))
        self.told: list[int] = []
        self.stored: list[tuple[int, bool]] = []
        self.pipe = Pipe(cast(PeerLink, self), lambda records, live: self.stored.append((records, live)))
        self.work = asyncio.create_task(self.pipe.run())

    async def call(self, _command: Any, number: int, page: bytes) -> Answer:
        self.told.append(number)
        return {"skipped": await self.incoming.take(number, page)}


@pytest.fixture
async def ends(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ends]:
    monkeypatch.setattr(pipe, "FIRST_PAUSE", 0.005)
    ends = Ends()
    ends.pipe._pause = 0.005
    yield ends
    ends.work.cancel()
    await asyncio.gather(ends.work, return_exceptions=True)
    ends.thread.shutdown()


async def test_pages_are_stored_in_order_and_then_acknowledged(ends: Ends) -> None:
    for number in range(10):
        await ends.pipe.tell(page(number), live=number > 4)
    await ends.pipe.idle()
    assert ends.rules.stored == list(range(10))
    assert ends.stored == [(1, number > 4) for number in range(10)]


async def test_only_so_many_pages_are_under_way(ends: Ends) -> None:
    ends.rules.may_store.clear()
    telling = [asyncio.create_task(ends.pipe.tell(page(number), live=True)) for number in range(AT_ONCE + 3)]
    await until(lambda: len(ends.told) == AT_ONCE)
    assert sum(task.done() for task in telling) == AT_ONCE
    assert ends.stored == []
    ends.rules.may_store.set()
    await asyncio.gather(*telling)
    await ends.pipe.idle()
    assert ends.rules.stored == list(range(AT_ONCE + 3))


async def test_a_page_that_cannot_be_stored_now_comes_again_before_those_behind_it(ends: Ends) -> None:
    refusals = iter([RequestRefusedError(UNAVAILABLE, "", "the database is away")] * 3)
    ends.rules.fault = lambda sequence: next(refusals, None) if sequence == 2 else None
    for number in range(6):
        await ends.pipe.tell(page(number), live=True)
    await ends.pipe.idle()
    assert ends.rules.stored == list(range(6))
    assert len(ends.told) > 6
    assert [records for records, _ in ends.stored] == [1] * 6


async def test_no_page_is_taken_out_of_turn(ends: Ends) -> None:
    with pytest.raises(NotNowError, match="page 0 is missing"):
        await ends.incoming.take(1, page(1).data)
    assert await ends.incoming.take(0, page(0).data) == 0
    assert await ends.incoming.take(1, page(1).data) == 0
    assert ends.rules.stored == [0, 1]


@pytest.mark.parametrize("error", [TurnSetAsideError(), RequestRefusedError(DEFECT, "", "the rules failed")])
async def test_a_record_that_can_never_be_stored_is_left_out_and_told(
    ends: Ends, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    ends.rules.fault = lambda sequence: error if sequence == 3 else None
    await ends.pipe.tell(page(1, 2, 3, 4), live=True)
    await ends.pipe.idle()
    assert ends.rules.stored == [1, 2, 4]
    assert ends.merged == [(3, 1)]
    said = capsys.readouterr().out
    assert "a record of the peer cannot be stored and is left out" in said
    assert "the peer could not take records and does without them" in said


async def test_a_database_that_goes_away_while_records_are_tried_one_by_one_is_waited_for(ends: Ends) -> None:
    away = iter([RequestRefusedError(UNAVAILABLE, "", "the database is away")])
    ends.rules.fault = lambda sequence: {3: TurnSetAsideError(), 4: next(away, None)}.get(sequence)
    await ends.pipe.tell(page(1, 2, 3, 4), live=True)
    await ends.pipe.idle()
    assert ends.rules.stored[-3:] == [1, 2, 4]
    assert ends.merged == [(3, 1)]


async def test_what_makes_no_sense_is_left_out_and_counted(ends: Ends, capsys: pytest.CaptureFixture[str]) -> None:
    nonsense = b'[{"kind":"event","record":{}},' + page(7).data[1:]
    assert await ends.incoming.take(0, nonsense) == 1
    assert ends.rules.stored == [7]
    assert ends.merged == [(1, 1)]
    assert "event.origin: missing" in capsys.readouterr().out


async def test_a_page_of_nothing_known_is_stored_at_once(ends: Ends) -> None:
    assert await ends.incoming.take(0, b'[{"kind":"weather","record":{}}]') == 0
    assert ends.rules.stored == []


async def test_a_short_page_waits_for_the_long_one_before_it(ends: Ends) -> None:
    for number in range(6):
        text = "x" * 5000 if number % 2 == 0 else ""
        await ends.pipe.tell(page(number, text=text), live=True)
    await ends.pipe.idle()
    assert ends.rules.stored == list(range(6))
    assert ends.told == list(range(6))


async def test_the_next_page_is_decided_while_this_one_is_being_stored(ends: Ends) -> None:
    ends.rules.may_store.clear()
    for number in range(3):
        await ends.pipe.tell(page(number), live=True)
    await until(lambda: ends.rules.decided == [0, 1, 2])
    assert ends.stored == []
    ends.rules.may_store.set()
    await ends.pipe.idle()
    assert ends.rules.stored == [0, 1, 2]


async def test_a_long_page_is_read_in_a_thread(ends: Ends) -> None:
    await ends.pipe.tell(page(*range(50), text="x" * 500), live=False)
    await ends.pipe.idle()
    assert ends.rules.stored == list(range(50))


async def test_a_link_that_breaks_ends_the_work(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_page: object, **_arguments: object) -> Answer:
        raise ConnectionResetError

    monkeypatch.setattr(ends, "call", broken)
    for number in range(3):
        await ends.pipe.tell(page(number), live=True)
    with pytest.raises(ConnectionResetError):
        await ends.work
    assert ends.stored == []
