"""Which counters have been seen: a sliding window against replay, as in RFC 4303 §3.4.3."""

from lfcp.constants import WINDOW


class SequenceWindow:
    """Counters are positive. Those more than WINDOW - 1 behind the highest count as seen."""

    __slots__ = ("_seen", "highest")

    def __init__(self, highest: int = 0) -> None:
        """highest: everything up to this counts as seen, after a restart for example."""
        self.highest = highest
        self._seen = (1 << WINDOW) - 1  # bit n: highest - n was seen

    def accept(self, counter: int) -> bool:
        """Whether the counter is new; it is no longer. Call only for a frame whose authenticity is proved."""
        if counter > self.highest:
            ahead = counter - self.highest
            self._seen = ((self._seen << min(ahead, WINDOW)) | 1) & ((1 << WINDOW) - 1)
            self.highest = counter
            return True
        bit = 1 << min(self.highest - counter, WINDOW)
        if bit >> WINDOW or self._seen & bit:
            return False
        self._seen |= bit
        return True
