"""The world: one clock, chance by number, a trace, and what is to happen when."""

import heapq
from collections.abc import Callable
from random import Random

from alarmd.core.instant import SECOND, Instant

MAX_STEPS = 300_000  # in one run; ordinary ones have some ten thousand
START = 1_795_262_400.0  # 2026-11-21 12:00 UTC


class World:
    """run(seconds) lets it live; `trace` says what happened, in order. The same seed is the same run."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self.trace: list[str] = []
        self.steps = 0
        self._agenda: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0

    def instant(self, ahead: float = 0.0) -> Instant:
        """ahead: s by which a wall clock is wrong."""
        return Instant(round((START + self.now + ahead) * SECOND), 1000.0 + self.now)

    def at(self, delay: float, what: Callable[[], object]) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (self.now + delay, self._count, what))

    def note(self, text: str) -> None:
        self.trace.append(f"{self.now:10.3f} {text}")

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._agenda and self._agenda[0][0] <= end:
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise RuntimeError("there is no end of what happens")
            self.now, _, what = heapq.heappop(self._agenda)
            what()
        self.now = end
