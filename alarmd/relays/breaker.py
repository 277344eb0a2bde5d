"""When to leave a whole destination alone: ten thousand messages must not spend their attempts on a dead one."""

from alarmd.relays.backoff import delay

FAILURES = 5  # in a row, after which a destination is left alone
LONGEST_ASKED = 3600.0  # s that a destination may ask to be left alone


class Breaker:
    """Open after FAILURES in a row: one try after each pause, and the first that works closes it. Times are monotonic
    seconds."""

    def __init__(self) -> None:
        self._failures = 0
        self._pauses = 0
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        return self._pauses > 0

    def room(self, mono: float, under_way: int, most: int) -> int:
        """How many tries may begin now, where `most` may be under way."""
        if mono < self._until:
            return 0
        return max(0, (1 if self.is_open else most) - under_way)

    def wait(self, mono: float) -> float:
        """Seconds until a try may begin."""
        return max(0.0, self._until - mono)

    def answered(self) -> bool:
        """The destination is there. True: it was left alone until now."""
        was_open = self.is_open
        self._failures = self._pauses = 0
        return was_open

    def failed(self, mono: float, jitter: float) -> bool:
        """True: it is left alone from now on. Tries that began before that and fail after it say nothing new."""
        if self.is_open and mono < self._until:
            return False
        self._failures += 1
        if self._failures < FAILURES:
            return False
        self._pauses += 1
        self._until = max(self._until, mono + delay(self._pauses, jitter))
        return self._pauses == 1

    def asked(self, mono: float, seconds: float) -> None:
        """The destination itself asks to be left alone."""
        self._until = max(self._until, mono + min(seconds, LONGEST_ASKED))
