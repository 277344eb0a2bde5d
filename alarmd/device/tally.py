"""What simulated devices did and what they were answered."""

from collections import Counter, deque
from dataclasses import dataclass, field
from statistics import quantiles

KEPT = 10_000  # answer times; of the newest heartbeats


@dataclass(slots=True)
class Tally:
    """Counts of frames and of what became of them."""

    heartbeats: int = 0
    answered: int = 0  # heartbeats
    alarms: int = 0
    stored: int = 0  # alarms that the server acknowledged
    refused: int = 0  # alarms a device had no more room for, since the server acknowledged none
    pictures: int = 0  # that the server has taken
    commands: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    rejected: int = 0  # frames from the server that made no sense
    answer_times: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))

    def answered_after(self, seconds: float) -> None:
        self.answered += 1
        self.answer_times.append(seconds)

    def answer_time(self, percent: int) -> float | None:
        """s within which so many of 100 heartbeats were answered; None without any."""
        if len(self.answer_times) < 2:
            return self.answer_times[0] if self.answer_times else None
        return quantiles(self.answer_times, n=100)[percent - 1]
