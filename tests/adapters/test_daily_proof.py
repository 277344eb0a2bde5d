"""The daily proof: once a day, at its time, and what the rules hear of it."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import pytest

from alarmd.adapters.daily_proof import DailyProof
from alarmd.adapters.drill.walk import Step
from alarmd.core.inputs import ProofEnded


class Days:
    """A proof at seven, on a clock that is moved by hand."""

    def __init__(self, now: str) -> None:
        self.now = datetime.fromisoformat(now)
        self.walked = 0
        self.steps = [Step("the alarm is told", True, 0.5, "to log"), Step("it is cleared", True, 0.25, "to log")]
        self.ended: list[ProofEnded] = []
        self.proof = DailyProof("07:00", lambda: self.now, self._walk, self.ended.append)

    async def _walk(self, tell: Callable[[Step], None]) -> bool:
        self.walked += 1
        for step in self.steps:
            tell(step)
        return all(step.passed for step in self.steps)

    async def at(self, now: str) -> int:
        """How often it was walked by then."""
        self.now = datetime.fromisoformat(now)
        await self.proof.look()
        return self.walked


async def test_it_is_walked_once_a_day_at_its_time() -> None:
    days = Days("2026-11-21T06:00")
    assert await days.at("2026-11-21T06:59") == 0
    assert await days.at("2026-11-21T07:00") == 1
    assert await days.at("2026-11-21T23:59") == 1
    assert await days.at("2026-11-22T06:59") == 1
    assert await days.at("2026-11-22T07:01") == 2


async def test_what_passed_is_told_in_a_line() -> None:
    days = Days("2026-11-21T06:00")
    await days.at("2026-11-21T07:00")
    assert days.ended == [ProofEnded(True, "2 steps in 0.8 s")]


async def test_what_failed_is_told_with_the_reason() -> None:
    days = Days("2026-11-21T06:00")
    days.steps.append(Step("it is gone", False, 30, "not within 30 s"))
    await days.at("2026-11-21T07:00")
    assert days.ended == [ProofEnded(False, "it is gone: not within 30 s")]


async def test_a_start_after_the_time_leaves_it_to_the_next_day(monkeypatch: pytest.MonkeyPatch) -> None:
    async def end(_seconds: float) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", end)
    days = Days("2026-11-21T12:00")
    with pytest.raises(asyncio.CancelledError):
        await days.proof.run()
    assert days.walked == 0
    assert await days.at("2026-11-22T12:00") == 1
