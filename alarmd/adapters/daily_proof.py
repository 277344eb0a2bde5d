"""The drill, every day at one time of the clock at home; whoever is told of alarms hears of it when it fails."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time

from alarmd.adapters.drill.walk import Step
from alarmd.core.inputs import ProofEnded

LOOK_EVERY = 20.0  # s between looks at the clock, which may be set

Walk = Callable[[Callable[[Step], None]], Awaitable[bool]]


class DailyProof:
    """at: "HH:MM". local: the time at home. walk: the drill. ended: takes what becomes of it."""

    def __init__(self, at: str, local: Callable[[], datetime], walk: Walk, ended: Callable[[ProofEnded], None]) -> None:
        self._at = time.fromisoformat(at)
        self._local = local
        self._walk = walk
        self._ended = ended
        self._done: date | None = None

    async def run(self) -> None:
        """Until cancelled. A start after the time leaves it to the next day."""
        if self._is_due():
            self._done = self._local().date()
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        if not self._is_due() or self._done == self._local().date():
            return
        self._done = self._local().date()
        await self._prove()

    def _is_due(self) -> bool:
        return self._local().time() >= self._at

    async def _prove(self) -> None:
        steps: list[Step] = []
        passed = await self._walk(steps.append)
        failed = "; ".join(f"{step.name}: {step.said}" for step in steps if not step.passed)
        seconds = sum(step.seconds for step in steps)
        said = failed or f"{len(steps)} steps in {seconds:.1f} s"
        self._ended(ProofEnded(passed, said))
