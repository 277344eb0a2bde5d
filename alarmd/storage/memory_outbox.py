"""The outbox in memory: the same leases as outbox_queries.py, on the monotonic clock."""

from dataclasses import dataclass, replace

from alarmd.core.records import Delivery
from alarmd.storage.interface import Lease, OutboxState, page
from alarmd.storage.outbox_queries import DEAD, DELIVERED, PENDING


@dataclass(slots=True)
class Entry:
    delivery: Delivery
    state: str = PENDING
    attempts: int = 0
    last_error: str = ""
    settled_at: int | None = None
    lease_owner: str | None = None
    lease_until: float = 0.0

    def is_due(self, owner: str, now_wall: int, now_mono: float) -> bool:
        free = self.lease_owner != owner or self.lease_until <= now_mono
        return self.state == PENDING and self.delivery.due_at <= now_wall and free


class MemoryOutbox:
    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}  # in the order in which they were queued

    def add(self, delivery: Delivery) -> None:
        self._entries[delivery.identity] = Entry(delivery)

    def remove(self, identity: str) -> None:
        del self._entries[identity]

    def settled_at(self, identity: str) -> int | None:
        return self._entries[identity].settled_at

    def claim(self, owner: str, now_wall: int, now_mono: float, seconds: float, limit: int) -> list[Lease]:
        due = [entry for entry in self._entries.values() if entry.is_due(owner, now_wall, now_mono)]
        due.sort(key=lambda entry: (not entry.delivery.urgent, entry.delivery.due_at))
        leases = []
        for entry in due[: page(limit)]:
            entry.attempts += 1
            entry.lease_owner, entry.lease_until = owner, now_mono + seconds
            leases.append(Lease(entry.delivery, entry.attempts))
        return leases

    def finish(self, identity: str, owner: str, now_wall: int) -> None:
        self._settle(identity, owner, DELIVERED, now_wall)

    def retry(self, identity: str, owner: str, due_wall: int, reason: str) -> None:
        entry = self._release(identity, owner)
        if entry is not None:
            entry.delivery = replace(entry.delivery, due_at=due_wall)
            entry.last_error = reason

    def abandon(self, identity: str, owner: str, now_wall: int, reason: str) -> None:
        entry = self._settle(identity, owner, DEAD, now_wall)
        if entry is not None:
            entry.last_error = reason

    def state(self) -> OutboxState:
        waiting = [entry for entry in self._entries.values() if entry.state == PENDING]
        leased = sum(entry.lease_owner is not None for entry in waiting)
        dead = sum(entry.state == DEAD for entry in self._entries.values())
        oldest = min((entry.delivery.created_at for entry in waiting), default=None)
        return OutboxState(len(waiting) - leased, leased, dead, oldest)

    def _settle(self, identity: str, owner: str, state: str, now_wall: int) -> Entry | None:
        entry = self._release(identity, owner)
        if entry is not None:
            entry.state, entry.settled_at = state, now_wall
        return entry

    def _release(self, identity: str, owner: str) -> Entry | None:
        """The entry, if this owner holds it still."""
        entry = self._entries.get(identity)
        if entry is None or entry.state != PENDING or entry.lease_owner != owner:
            return None
        entry.lease_owner = None
        return entry
