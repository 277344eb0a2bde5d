"""What a server of a pair shows of its link; a server that is alone shows that it has none."""

from collections.abc import Callable
from typing import Protocol

from alarmd.metrics import catalogue
from alarmd.metrics.families import Families, Histogram, Tally

SENT, RECEIVED, SKIPPED = DIRECTIONS = "sent", "received", "skipped"


class Link(Protocol):
    """What is asked at a scrape."""

    @property
    def is_up(self) -> bool: ...

    @property
    def catching_up(self) -> bool: ...

    @property
    def clock_offset(self) -> float: ...


class PairMetrics:
    def __init__(self, families: Families) -> None:
        self._replicated = families.add(Tally(catalogue.REPLICATED))
        self._replicated.start_at_zero(DIRECTIONS)
        self._stored = families.add(Histogram(catalogue.PEER_STORED_SECONDS)).at()

    def replicated(self, direction: str, records: int) -> None:
        """direction: one of DIRECTIONS; skipped are those of the peer's that cannot be stored here."""
        self._replicated.values[(direction,)] += records

    def stored(self, seconds: float) -> None:
        """The peer stored something so long after this server did."""
        self._stored.observe(seconds)


def readings(link: Link, lag: Callable[[], float]) -> dict[catalogue.Definition, Callable[[], float]]:
    """The gauges of a link, for Metrics.gauge_function. lag: s since the commit of the oldest thing that the peer has
    not stored."""
    return {
        catalogue.PEER_UP: lambda: link.is_up,
        catalogue.PEER_CATCHING_UP: lambda: link.catching_up,
        catalogue.PEER_CLOCK_OFFSET: lambda: link.clock_offset,
        catalogue.PEER_LAG: lag,
    }
