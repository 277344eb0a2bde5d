"""Messages to one server: one in flight, because an ACK of LFCP/1 does not say what it acknowledges."""

import math
from collections.abc import Callable

from lfcp.client.event_queue import EventQueue, QueuedMessage
from lfcp.constants import RESEND_FIRST_MS, RESEND_GROWTH_PERCENT, RESEND_QUIET_MS, RESENDS

FIRST_WAIT = RESEND_FIRST_MS / 1000  # s
GROWTH = RESEND_GROWTH_PERCENT / 100
QUIET = RESEND_QUIET_MS / 1000  # s
JITTER = 0.1  # each wait is up to this part shorter or longer, so that a fleet does not resend in step


class Retransmission:
    """Times are monotonic seconds. jitter: from 0 to 1, for example random.random."""

    __slots__ = ("_jitter", "_queue", "_quiet_until", "_resend_at", "_sends", "_sent_at", "_server", "in_flight")

    def __init__(self, server: int, queue: EventQueue, jitter: Callable[[], float]) -> None:
        self._server = server
        self._queue = queue
        self._jitter = jitter
        self.in_flight: QueuedMessage | None = None
        self._sends = 0
        self._sent_at = -math.inf
        self._resend_at = math.inf
        self._quiet_until = -math.inf

    def poll(self, now: float) -> bytes | None:
        """The frame to send now, if any."""
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
        return self.in_flight.frame

    def next_wakeup(self) -> float:
        """When poll() has something to do; math.inf for never."""
        best = self._queue.next_for(self._server)
        if self.in_flight is None:
            return math.inf if best is None else self._quiet_until
        if best is not None and best.urgency > self.in_flight.urgency:
            return min(self._resend_at, self._sent_at + QUIET)
        return self._resend_at

    def acknowledged(self, now: float) -> QueuedMessage:
        """The message in flight has arrived. After repeats, late ACKs of it must not be taken for the next one's."""
        message = self._land()
        if self._sends > 1:
            self._quiet_until = now + QUIET
        self._sends = 0
        self._queue.acknowledged(message, self._server)
        return message

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
            self._sends = 0

    def _land(self) -> QueuedMessage:
        assert self.in_flight is not None
        message, self.in_flight = self.in_flight, None
        self._resend_at = math.inf
        return message
