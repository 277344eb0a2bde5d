import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from alarmd.adapters import one_timer
from alarmd.adapters.one_timer import OneTimer
from alarmd.core.instant import Instant
from tests.waiting import until


class Timed:
    """A timer on a clock that the test moves. happened: drains and judgements in order."""

    def __init__(self) -> None:
        self.mono = 100.0
        self.happened: list[object] = []
        self.timer = OneTimer(asyncio.get_running_loop(), lambda: Instant(0, self.mono), self.happened.append)
        self.timer.drains.append(lambda: self.happened.append("drained"))


@pytest.fixture
async def timed(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Timed]:
    monkeypatch.setattr(one_timer, "MAX_SLEEP", 0.001)  # look at the clock that the test moves, often
    timed = Timed()
    yield timed
    timed.timer.stop()


async def looks(timer: OneTimer) -> None:
    """Until the timer has woken up at least once more."""
    before = timer._handle
    await until(lambda: timer._handle is not before)


async def test_the_timer_fires_when_its_own_clock_says_so_and_not_before(timed: Timed) -> None:
    timed.timer.arm(100.2, timed.mono)
    await looks(timed.timer)
    assert timed.happened == []
    timed.mono = 100.2
    await until(lambda: timed.happened)
    assert timed.happened == [100.2]


async def test_a_later_deadline_replaces_the_earlier_one(timed: Timed) -> None:
    timed.timer.arm(100.1, timed.mono)
    timed.timer.arm(100.2, timed.mono)
    timed.mono = 100.2
    await until(lambda: timed.happened)
    assert timed.happened == [100.2]


async def test_a_timer_that_is_armed_with_nothing_never_fires(timed: Timed) -> None:
    timed.timer.arm(100.1, timed.mono)
    timed.timer.arm(None, timed.mono)
    timed.mono = 200.0
    timed.timer.arm(200.0, timed.mono)
    await until(lambda: timed.happened)
    assert timed.happened == [200.0]


async def test_a_late_timer_judges_after_the_sockets_were_drained(timed: Timed) -> None:
    timed.timer.arm(100.1, timed.mono)
    timed.mono = 160.0
    await until(lambda: len(timed.happened) == 2)
    assert timed.happened == ["drained", 100.1]


async def test_what_the_drained_frames_ask_for_does_not_replace_the_late_deadline(timed: Timed) -> None:
    timed.timer.drains.append(lambda: timed.timer.arm(500.0, timed.mono))
    timed.timer.arm(100.1, timed.mono)
    timed.mono = 160.0
    await until(lambda: len(timed.happened) == 2)
    assert timed.happened == ["drained", 100.1]
    timed.timer.arm(160.0, timed.mono)
    await until(lambda: len(timed.happened) == 3)


async def test_descriptors_are_looked_at_once_more_before_a_late_judgement(timed: Timed) -> None:
    """As Twisted's TCP connections are, which cannot be drained from here."""
    loop, ours, theirs = asyncio.get_running_loop(), *socket.socketpair()
    ours.setblocking(False)
    timed.timer.drains.append(lambda: theirs.send(b"x"))
    loop.add_reader(ours, lambda: timed.happened.append(ours.recv(1)))
    timed.timer.arm(100.1, timed.mono)
    timed.mono = 160.0
    await until(lambda: len(timed.happened) == 3)
    loop.remove_reader(ours)
    ours.close()
    theirs.close()
    assert timed.happened == ["drained", b"x", 100.1]


async def test_a_stopped_timer_does_not_fire_and_cannot_be_armed(timed: Timed) -> None:
    timed.timer.arm(100.0, timed.mono)
    timed.timer.stop()
    timed.timer.arm(100.0, timed.mono)
    for _ in range(3):
        await asyncio.sleep(one_timer.MIN_SLEEP)
    assert timed.happened == []
