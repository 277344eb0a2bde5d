"""Messages to one server: one in flight, again and again until it is acknowledged."""

import math
from collections.abc import Callable

from lfcp.client.event_queue import EventQueue, QueuedMessage
from lfcp.constants import RESEND_FIRST_MS, RESEND_GROWTH_PERCENT, RESENDS

FIRST_WAIT = RESEND_FIRST_MS / 1000  # s
GROWTH = RESEND_GROWTH_PERCENT / 100
JITTER = 0.1  # each wait is up to this part shorter or longer, so that a fleet does not resend in step


class Retransmission:
    """Times are monotonic seconds. server: its label. quiet: s in which the late ACK of a message could be taken for
    that of the next one; 0 where an ACK names what it answers. jitter: from 0 to 1, for example random.random."""

    __slots__ = (
        "_jitter",
        "_queue",
        "_quiet",
        "_quiet_until",
        "_resend_at",
        "_sends",
        "_sent_at",
        "_server",
        "in_flight",
    )

    def __init__(self, server: str, queue: EventQueue, quiet: float, jitter: Callable[[], float]) -> None:
        self._server = server
        self._queue = queue
        self._quiet = quiet
        self._jitter = jitter
        self.in_flight: QueuedMessage | None = None
        self._sends = 0
        self._sent_at = -math.inf
        self._resend_at = math.inf
        self._quiet_until = -math.inf

    def poll(self, now: float) -> QueuedMessage | None:
        """What to send now, if anything."""
        if now < self.next_wakeup():
            return None
        self._put_back_if_tired_or_less_urgent()
        if self.in_flight is None:
            self.in_flight = self._queue.next_for(self._server)
        if self.in_flight is None:
            return None
        self._sent_at = now
        self._resend_at = now + self._wait()
        self._sends += 1
        return self.in_flight

    def next_wakeup(self) -> float:
        """When poll() has something to do; math.inf for never."""
        best = self._queue.next_for(self._server)
        if self.in_flight is None:
            return math.inf if best is None else self._quiet_until
        if best is not None and best.urgency > self.in_flight.urgency:
            return min(self._resend_at, self._sent_at + self._quiet)
        return self._resend_at

    def acknowledged(self, message: QueuedMessage, now: float) -> bool:
        """The message has arrived. False: that was known."""
        if message is self.in_flight:
            if self._sends > 1:
                self._quiet_until = now + self._quiet
            self._land()
        news = self._server in message.waiting_for
        self._queue.acknowledged(message, self._server)
        return news

    def _wait(self) -> float:
        spread = 1 - JITTER + 2 * JITTER * self._jitter()
        return FIRST_WAIT * math.pow(GROWTH, self._sends) * spread

    def _put_back_if_tired_or_less_urgent(self) -> None:
        """It was sent long enough ago without an ACK that its place may be given away."""
        if self.in_flight is None:
            return
        if self._sends > RESENDS:
            self.in_flight.tired.add(self._server)
        if self._queue.next_for(self._server) is not self.in_flight:
            self._land()

    def _land(self) -> None:
        self.in_flight = None
        self._resend_at = math.inf
        self._sends = 0
