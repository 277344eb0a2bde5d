"""Answers that wait for their moment, see keepalives.py.

Thousands of devices may climb their ladders at once, after a power cut for example, and wait for 14 answers each. So an
answer that waits is one tuple in a list of all that leave in the same moment, and each moment has one appointment.
"""

from typing import NamedTuple

from alarmd.core.paths import Path

MOMENT = 0.1  # s; how much later than asked for an answer may leave
AT_ONCE = 250  # answers in one turn, some 5 ms


class Outstanding:
    """A device's answers that wait, of one key and one custody: void once this is not its session's any more."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Late(NamedTuple):
    """One answer that waits."""

    device_id: int
    of: Outstanding
    answers: int
    path: Path


class Moments:
    """Answers by the moment in which they leave."""

    __slots__ = ("_by_moment", "_count")

    def __init__(self) -> None:
        self._by_moment: dict[int, list[Late]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, due: float, late: Late) -> int | None:
        """The number of its moment, if that is a new one."""
        number = int(due / MOMENT) + 1
        waiting = self._by_moment.get(number)
        self._count += 1
        if waiting is not None:
            waiting.append(late)
            return None
        self._by_moment[number] = [late]
        return number

    def take(self, number: int) -> tuple[list[Late], bool]:
        """AT_ONCE of a moment at most, and whether that was all."""
        waiting = self._by_moment[number]
        taken, waiting[:AT_ONCE] = waiting[:AT_ONCE], []
        self._count -= len(taken)
        if not waiting:
            del self._by_moment[number]
        return taken, not waiting
