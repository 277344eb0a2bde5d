"""Which attempt comes next: role 0 says so, with HELLO, and role 1 comes along."""

import math

from lfcp.client.hello import MAX_ROUND, Turn
from lfcp.client.side import FIRST

FIRST_PAUSE = 60.0  # s between the begins of two rounds; each is twice the one before
LONGEST_PAUSE = 960.0
LEAST_PAUSE = 20.0  # role 1's, since what role 0 says may come late


class Rounds:
    """Role 0's."""

    def __init__(self, now: float) -> None:
        self._began = now
        self._pause = FIRST_PAUSE
        self._settled = False

    def settle(self) -> None:
        """A path was found: this round is over."""
        self._settled = True
        self._pause = FIRST_PAUSE

    def following(self, turn: Turn, attempts: tuple[int, ...], now: float) -> Turn | None:
        """What follows the attempt that is over, now; None: nothing yet. attempts: of this round, in their order."""
        later = [attempt for attempt in attempts if attempt > turn.attempt]
        if later and not self._settled:
            return turn._replace(attempt=later[0])
        if now < self.next_wakeup(turn):
            return None
        self._settled = False
        self._began = now
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        return Turn(turn.round + 1, FIRST)

    def next_wakeup(self, turn: Turn) -> float:
        """When the next round begins."""
        return self._began + self._pause if turn.round < MAX_ROUND else math.inf
