"""Urgent messages while the database is away: bounded, in memory, keyed by the same identity as in the database.

A duplicate beats silence. What was told from here is remembered, so that the stored copy, which turns up when the
database is back, is settled without being told again.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection

import structlog

from alarmd.core.records import Delivery

LIMIT = 1000  # messages that wait; the oldest alarms are the ones that still have to be told, so later ones do not fit
REMEMBERED = 10_000  # identities told from here

_log = structlog.get_logger(__name__)


class EmergencyOutbox:
    """wake: called when something was put in."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._waiting: dict[str, Delivery] = {}
        self._told: OrderedDict[str, str] = OrderedDict()  # with the references of the messages
        self._uncertain: OrderedDict[str, None] = OrderedDict()
        self.refused = 0
        self.wake: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, delivery: Delivery) -> None:
        """Keep it until it is told or the stored copy takes over. What does not fit stays with the stored copy."""
        if delivery.identity in self._waiting or delivery.identity in self._told:
            return
        if len(self._waiting) >= self._limit:
            self.refused += 1
            if self.refused == 1:
                _log.error("the emergency outbox is full; further alarms wait for the database", limit=self._limit)
            return
        self._waiting[delivery.identity] = delivery
        self.wake()

    def stored(self) -> None:
        """New messages are in the database: the worker may look."""
        self.wake()

    def due(self, destination: str, now_wall: int, limit: int, busy: Collection[str] = ()) -> list[Delivery]:
        """Up to `limit` messages that may be told there now. busy: recipients to leave alone."""
        here = (one for one in self._waiting.values() if one.destination == destination)
        waiting = (one for one in here if one.recipient not in busy)
        due = (delivery for delivery in waiting if delivery.due_at <= now_wall)
        return [delivery for delivery, _ in zip(due, range(limit), strict=False)]

    def told(self, identity: str, reference: str) -> None:
        """Remember it as told, whether it came from here or its row could not be settled."""
        self._waiting.pop(identity, None)
        self._told[identity] = reference
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)

    def postpone(self, delivery: Delivery, uncertain: bool) -> None:
        """Replace it by the same message due later. uncertain: it may have been told."""
        if delivery.identity in self._waiting:
            self._waiting[delivery.identity] = delivery
        if uncertain:
            self._uncertain[delivery.identity] = None
            if len(self._uncertain) > REMEMBERED:
                self._uncertain.popitem(last=False)

    def is_uncertain(self, identity: str) -> bool:
        """Whether it may have been told from here, and nobody knows."""
        return identity in self._uncertain

    def drop(self, identity: str) -> None:
        """Leave it to the stored copy."""
        self._waiting.pop(identity, None)

    def settled(self, identity: str) -> None:
        """It was told by the peer, or dropped by a person."""
        self.drop(identity)

    def reference(self, identity: str) -> str | None:
        """Of what was told: the stored copy only needs to be settled. None: it was not told from here."""
        return self._told.get(identity)

    def recovered(self) -> None:
        """The database is back and holds every message: what was not told yet is told from there."""
        self._waiting.clear()
        self.refused = 0
        self.wake()
