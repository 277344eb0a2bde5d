"""Whether the other side still wants what comes by the direct path (RFC 7675): it answers probes, again and again."""

from collections.abc import Callable

from lfcp.constants import CONSENT_IDLE_MS, CONSENT_LOST_MS, CONSENT_MS

ACTIVE = CONSENT_MS / 1000
IDLE = CONSENT_IDLE_MS / 1000
LOST = CONSENT_LOST_MS / 1000
ACTIVE_JITTER = 0.2
IDLE_JITTER = 1 / 7
AGAIN = 1.0  # s; a probe without an answer is repeated every so often


class Consent:
    """Of one path, which has just answered. random: gives numbers from 0 to 1."""

    def __init__(self, random: Callable[[], float], now: float) -> None:
        self._random = random
        self._answered = now
        self._used = now  # when DATA last passed
        self._asked = 0  # since the last answer
        self._next = now + self._pause(ACTIVE, ACTIVE_JITTER)

    @property
    def doubted(self) -> bool:
        """A probe has no answer, and was repeated."""
        return self._asked > 1

    def used(self, now: float) -> None:
        """DATA passes. After a pause the next probe comes sooner."""
        if now - self._used > ACTIVE:
            self._next = min(self._next, now + self._pause(ACTIVE, ACTIVE_JITTER))
        self._used = now

    def answered(self, now: float) -> None:
        self._answered = now
        self._asked = 0
        active = now - self._used <= ACTIVE
        self._next = now + (self._pause(ACTIVE, ACTIVE_JITTER) if active else self._pause(IDLE, IDLE_JITTER))

    def lost(self, now: float) -> bool:
        return now >= self._answered + LOST

    def due(self, now: float) -> bool:
        """Whether to send a probe, which is then taken as sent."""
        if now < self._next:
            return False
        self._next = now + AGAIN
        self._asked += 1
        return True

    def next_wakeup(self) -> float:
        return min(self._next, self._answered + LOST)

    def _pause(self, around: float, jitter: float) -> float:
        return around * (1 + jitter * (2 * self._random() - 1))
