"""The ACK of an alarm waits a moment for the peer's copy."""

import asyncio

import pytest

from alarmd.adapters import copy_patience
from alarmd.adapters.copy_patience import CopyPatience
from alarmd.core.effects import CloseConnection, Performed, RecordEvent, SendFrame
from alarmd.core.outflow import Outflow
from alarmd.core.paths import Path
from alarmd.core.records import Told
from tests.contracts.records import EVENT
from tests.waiting import until

UDP = Path("udp", "192.0.2.1", 4000, 1)
TCP = Path("tcp", "192.0.2.1", 4000, 2)
STORED = (RecordEvent(EVENT),)


class Desk:
    """sent: payloads that left, and the word close."""

    def __init__(self, is_open: bool = True) -> None:
        self.outflow = Outflow(lambda durable: (Told(EVENT) for _ in durable))
        if is_open:
            self.outflow.opened()
        self.sent: list[str] = []
        self.copies = CopyPatience(asyncio.get_running_loop(), self.outflow, self._perform)

    def _perform(self, effect: Performed) -> None:
        self.sent.append(effect.payload.decode() if isinstance(effect, SendFrame) else "close")

    def commit(self, payload: str = "one", doubled: str | None = "two", path: Path = UDP) -> None:
        """A turn that stored something, and its answer."""
        frame = SendFrame(path, payload.encode(), promises=True, doubled=doubled.encode() if doubled else None)
        self.copies.send(frame, self.outflow.committed(STORED))

    def peer_stores(self, count: int) -> None:
        self.outflow.take(count)
        self.outflow.acknowledged(count)
        self.copies.peer_stored()


async def test_the_answer_leaves_as_soon_as_the_peer_has_stored_the_turn_and_says_so() -> None:
    desk = Desk()
    desk.commit("one a", "two a")
    desk.commit("one b", "two b")
    assert desk.sent == []
    desk.peer_stores(1)
    assert desk.sent == ["two a"]
    desk.peer_stores(1)
    assert desk.sent == ["two a", "two b"]


async def test_a_peer_that_takes_too_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_patience, "COPY_PATIENCE", 0.01)
    desk = Desk()
    desk.commit("one a", "two a")
    desk.commit("one b", "two b")
    await until(lambda: len(desk.sent) == 2)
    assert desk.sent == ["one a", "one b"]
    desk.peer_stores(2)
    assert len(desk.sent) == 2


async def test_without_a_link_nobody_waits() -> None:
    desk = Desk(is_open=False)
    desk.commit()
    assert desk.sent == ["one"]


async def test_what_asks_for_no_copy_leaves_at_once() -> None:
    desk = Desk()
    desk.commit("plain", None)
    desk.commit()
    desk.commit("plain again", None)
    assert desk.sent == ["plain", "plain again"]


async def test_an_answer_to_what_the_peer_has_already_says_two_copies_at_once() -> None:
    desk = Desk()
    desk.commit()
    desk.peer_stores(1)
    again = SendFrame(UDP, b"one", promises=True, doubled=b"two again")
    desk.copies.send(again, desk.outflow.committed(()))
    assert desk.sent == ["two", "two again"]


async def test_when_the_peer_goes_nobody_waits_any_longer() -> None:
    desk = Desk()
    desk.commit()
    desk.outflow.closed()
    desk.copies.give_up()
    assert desk.sent == ["one"]
    assert not len(desk.copies)


async def test_over_tcp_everything_waits_behind_the_answer_until_the_connection_is_closed() -> None:
    desk = Desk()
    desk.commit("one", "two", TCP)
    desk.commit("plain", None, TCP)
    desk.copies.send(CloseConnection(TCP), desk.outflow.position)
    desk.commit("elsewhere", None, UDP)
    assert desk.copies.holds(TCP)
    assert desk.sent == ["elsewhere"]
    desk.peer_stores(3)
    assert desk.sent == ["elsewhere", "two", "plain", "close"]
    assert not desk.copies.holds(TCP)


async def test_only_so_many_answers_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_patience, "MAX_WAITING", 2)
    desk = Desk()
    for number in range(3):
        desk.commit(f"one {number}", f"two {number}")
    assert desk.sent == ["one 2"]
    desk.peer_stores(3)
    assert desk.sent == ["one 2", "two 0", "two 1"]
