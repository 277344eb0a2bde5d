"""How far the peer has followed, for the metrics."""

from collections import deque

from alarmd.adapters.reactor_clock import stopwatch
from alarmd.core.outflow import Outflow
from alarmd.metrics import Metrics
from alarmd.metrics.pairs import RECEIVED, SENT, SKIPPED


class Progress:
    """Positions of the outflow, and when they were committed here; as many as it holds records."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._waiting: deque[tuple[int, float]] = deque()

    @property
    def lag(self) -> float:
        """Seconds since the commit of the oldest thing that the peer has not stored; 0: it has everything."""
        return stopwatch() - self._waiting[0][1] if self._waiting else 0.0

    def committed(self, outflow: Outflow) -> None:
        """After a transaction."""
        last = self._waiting[-1][0] if self._waiting else outflow.stored_position
        if outflow.is_open and outflow.position > last:
            self._waiting.append((outflow.position, stopwatch()))
        elif not outflow.is_open:
            self.closed()

    def sent(self, records: int, outflow: Outflow) -> None:
        """The peer has stored so many more."""
        self._metrics.pair.replicated(SENT, records)
        while self._waiting and self._waiting[0][0] <= outflow.stored_position:
            self._metrics.pair.stored(stopwatch() - self._waiting.popleft()[1])

    def received(self, records: int, skipped: int) -> None:
        """So many of the peer's were stored, and so many cannot be."""
        self._metrics.pair.replicated(RECEIVED, records)
        self._metrics.pair.replicated(SKIPPED, skipped)

    def closed(self) -> None:
        """Nobody is there."""
        self._waiting.clear()
