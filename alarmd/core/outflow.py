"""What goes to the peer as it is committed: in order, bounded, and only while somebody is there to take it."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from alarmd.core.effects import DurableEffect
from alarmd.core.records import Told

MAX_LIVE = 20_000  # records that wait for the peer; beyond, the database is the better buffer


class Outflow:
    """told_of: what of a turn's durable effects the peer is to hear. A position grows with all that is committed; the
    peer has everything up to stored_position. overflowed: the peer was too slow, and has to be told from the database
    again."""

    def __init__(self, told_of: Callable[[Sequence[DurableEffect]], Iterable[Told]], limit: int = MAX_LIVE) -> None:
        self._told_of = told_of
        self._limit = limit
        self._waiting: deque[Told] = deque()
        self._under_way = 0
        self._reached = 0  # the position of the last record that was acknowledged, or not kept
        self.position = 0
        self.stored_position = 0
        self.is_open = False
        self.overflowed = False

    def __len__(self) -> int:
        """Records that the peer has not said it stored."""
        return len(self._waiting) + self._under_way

    def opened(self) -> None:
        """Keep what is committed from now on; what was before is told from the database, and before it."""
        self.closed()
        self._reached = self.position
        self.is_open = True

    def closed(self) -> None:
        """Nobody is there. What was kept is in the database."""
        self._waiting.clear()
        self._under_way = 0
        self.is_open = self.overflowed = False

    def committed(self, durable: Sequence[DurableEffect]) -> int:
        """The position of what a turn stored; without effects, of all that was stored before."""
        if not self.is_open:
            self.position += bool(durable)
            return self.position
        told = tuple(self._told_of(durable)) if durable else ()
        self.position += len(told)
        if len(self) + len(told) > self._limit:
            self.closed()
            self.overflowed = True
        else:
            self._waiting.extend(told)
        return self.position

    def take(self, limit: int) -> tuple[Told, ...]:
        """Up to `limit` records, the oldest first, to be told now."""
        taken = tuple(self._waiting.popleft() for _ in range(min(limit, len(self._waiting))))
        self._under_way += len(taken)
        return taken

    def acknowledged(self, count: int) -> None:
        """The peer has stored so many more of those that were taken; 0: all that was before opened()."""
        if self.is_open:
            self._under_way -= count
            self._reached += count
            self.stored_position = self._reached
