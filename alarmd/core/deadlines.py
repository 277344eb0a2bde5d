"""When something must be looked at again: a lazy wheel for the many, a heap for the few.

A heartbeat only stores `seen`; nothing is re-filed. A session stays in the bucket it was filed in, and only when that
bucket is due is its deadline worked out anew (13 ns a heartbeat against 570-820 ns for a heap push each).
"""

import heapq
from collections.abc import Iterator

from alarmd.core.device_session import DeviceSession

BUCKET = 0.25  # s; how much later than its deadline a session may be looked at


class Wheel:
    """Sessions by the bucket in which they are next looked at. A session is filed at most once."""

    __slots__ = ("_buckets", "_order")

    def __init__(self) -> None:
        self._buckets: dict[int, tuple[int, list[DeviceSession]]] = {}
        self._order: list[int] = []

    def file(self, session: DeviceSession, due: float) -> None:
        """Look at the session at `due` (monotonic s) or up to BUCKET later; one already filed earlier stays."""
        number = int(due / BUCKET) + 1
        if session.filed is not None and session.filed <= number:
            return
        bucket = self._buckets.get(number)
        if bucket is None:
            bucket = self._buckets[number] = (number, [])
            heapq.heappush(self._order, number)
        session.filed = bucket[0]  # one number object for all in the bucket
        bucket[1].append(session)

    def take_due(self, mono: float) -> Iterator[DeviceSession]:
        """Remove and yield the sessions whose bucket is due; a session re-filed earlier is yielded once, there. Whoever
        stops half-way finds the rest the next time."""
        while self._order and self._order[0] * BUCKET <= mono:
            number, bucket = self._buckets[self._order[0]]
            if not bucket:
                heapq.heappop(self._order)
                del self._buckets[number]
                continue
            session = bucket.pop()
            if session.filed == number:
                session.filed = None
                yield session

    def next_due(self) -> float | None:
        return self._order[0] * BUCKET if self._order else None


class Agenda:
    """Appointments: (due, kind, id). Whoever keeps one checks, when called, whether it still holds."""

    __slots__ = ("_heap",)

    def __init__(self) -> None:
        self._heap: list[tuple[float, str, int]] = []

    def add(self, due: float, kind: str, subject: int) -> None:
        heapq.heappush(self._heap, (due, kind, subject))

    def take_due(self, mono: float) -> Iterator[tuple[str, int]]:
        while self._heap and self._heap[0][0] <= mono:
            _, kind, subject = heapq.heappop(self._heap)
            yield kind, subject

    def next_due(self) -> float | None:
        return self._heap[0][0] if self._heap else None
