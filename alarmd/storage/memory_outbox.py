"""The outbox in memory: the same leases as outbox_queries.py, on the monotonic clock."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from alarmd.core.effects import DropDelivery, HushAlarm, RetryDelivery
from alarmd.core.records import Delivery, Mark
from alarmd.storage.interface import FRESH, Claim, DeliveryFilter, DeliveryState, OutboxState, StoredDelivery, page
from alarmd.storage.outbox_queries import DEAD, DELIVERED, DROPPED, PENDING, PICTURE


@dataclass(slots=True)
class Entry:
    row: int
    delivery: Delivery
    state: str = PENDING
    attempts: int = 0
    last_error: str = ""
    settled_at: int | None = None
    uncertain: bool = False
    lease_owner: str | None = None
    lease_until: float = 0.0

    def settle(self, state: str, at: int) -> None:
        self.state, self.settled_at, self.lease_owner = state, at, None

    def is_due(self, wish: Claim) -> bool:
        delivery = self.delivery
        free = self.lease_owner != wish.owner or self.lease_until <= wish.now.mono
        busy = wish.busy if delivery.urgent else wish.busy | wish.calm_busy
        busy |= wish.upload_busy if delivery.attachment else frozenset()
        here = delivery.destination == wish.destination and delivery.recipient not in busy
        return here and delivery.due_at <= wish.now.wall and free

    def stored(self) -> StoredDelivery:
        state = DeliveryState(self.state)
        return StoredDelivery(self.row, self.delivery, state, self.attempts, self.last_error, self.settled_at)

    def rank(self, now_wall: int) -> tuple[bool, bool, int]:
        delivery = self.delivery
        stale = delivery.urgent and delivery.created_at <= now_wall - FRESH
        return not delivery.urgent, stale, delivery.due_at


class MemoryOutbox:
    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}  # in the order in which they were queued
        self._last_row = 0
        self.messages: dict[tuple[str, str, int], str] = {}
        self.moves: dict[tuple[str, str], str] = {}

    def add(self, delivery: Delivery) -> None:
        self._last_row += 1
        self._entries[delivery.identity] = Entry(self._last_row, delivery)

    def remove(self, identity: str) -> None:
        del self._entries[identity]

    def settled_at(self, identity: str) -> int | None:
        return self._entries[identity].settled_at

    def claim(self, wish: Claim) -> list[Entry]:
        due = [entry for entry in self._unblocked() if entry.is_due(wish)]
        due.sort(key=lambda entry: entry.rank(wish.now.wall))
        urgent = [entry for entry in due if entry.delivery.urgent]
        calm = [entry for entry in due if not entry.delivery.urgent][: max(0, wish.calm)]
        claimed = [*urgent, *calm][: page(wish.limit)]
        for entry in claimed:
            entry.attempts += 1
            entry.uncertain = entry.uncertain or entry.lease_owner is not None
            entry.lease_owner, entry.lease_until = wish.owner, wish.now.mono + wish.seconds
        return claimed

    def destinations(self) -> list[str]:
        return sorted({entry.delivery.destination for entry in self._open()})

    def finish(self, identity: str, owner: str, now_wall: int, reference: str, moved_to: str) -> None:
        entry = self._settle(identity, owner, DELIVERED, now_wall)
        if entry is not None:
            where = entry.delivery.destination, entry.delivery.recipient
            if reference and entry.delivery.alarm_id is not None:
                self.messages[*where, entry.delivery.alarm_id] = reference
            if moved_to:
                self.moves[where] = moved_to

    def retry(self, identity: str, owner: str, due_wall: int, reason: str, uncertain: bool) -> None:
        entry = self._release(identity, owner)
        if entry is not None:
            entry.delivery = replace(entry.delivery, due_at=due_wall)
            entry.last_error = reason
            entry.uncertain = entry.uncertain or uncertain

    def postpone(self, identity: str, owner: str, due_wall: int) -> None:
        entry = self._release(identity, owner)
        if entry is not None:
            entry.delivery = replace(entry.delivery, due_at=due_wall)
            entry.attempts -= 1

    def reference(self, delivery: Delivery) -> str | None:
        """Of the message that told the recipient of the alarm."""
        if delivery.alarm_id is None:
            return None
        return self.messages.get((delivery.destination, delivery.recipient, delivery.alarm_id))

    def told_by(self, delivery: Delivery, reference: str) -> list[int]:
        """The alarms that a message to this recipient tells of."""
        here = delivery.destination, delivery.recipient
        return sorted(key[2] for key, told in self.messages.items() if key[:2] == here and told == reference)

    def forget_alarm(self, alarm_id: int) -> None:
        self.messages = {key: told for key, told in self.messages.items() if key[2] != alarm_id}

    def moved(self, destination: str) -> dict[str, str]:
        return {recipient: address for (there, recipient), address in self.moves.items() if there == destination}

    def abandon(self, identity: str, owner: str, now_wall: int, reason: str) -> None:
        entry = self._settle(identity, owner, DEAD, now_wall)
        if entry is not None:
            entry.last_error = reason

    def drop(self, identity: str, owner: str, now_wall: int, reason: str) -> None:
        entry = self._settle(identity, owner, DROPPED, now_wall)
        if entry is not None:
            entry.last_error = reason

    def drop_attached(self, keys: Sequence[str], now_wall: int, reason: str) -> Counter[str]:
        doomed = [entry for entry in self._open() if entry.delivery.attachment in keys]
        for entry in doomed:
            entry.settle(DROPPED, now_wall)
            entry.last_error = reason
        return Counter(entry.delivery.destination for entry in doomed)

    def attached(self) -> set[str]:
        """The keys of what open deliveries take with them."""
        return {entry.delivery.attachment for entry in self._open()}

    def state(self) -> OutboxState:
        waiting = self._open()
        leased = sum(entry.lease_owner is not None for entry in waiting)
        dead = sum(entry.state == DEAD for entry in self._entries.values())
        oldest = min((entry.delivery.created_at for entry in waiting), default=None)
        return OutboxState(len(waiting) - leased, leased, dead, oldest)

    def _open(self) -> list[Entry]:
        return [entry for entry in self._entries.values() if entry.state == PENDING]

    def _unblocked(self) -> Iterable[Entry]:
        """The earliest that is open of each alarm for each recipient, or the pictures that are."""
        subjects: dict[tuple[str, str, int | str], set[str]] = {}
        for entry in self._open():
            delivery = entry.delivery
            about = delivery.identity if delivery.alarm_id is None else delivery.alarm_id
            earlier = subjects.setdefault((delivery.destination, delivery.recipient, about), set())
            if not earlier or earlier == {delivery.subject} == {PICTURE}:
                yield entry
            earlier.add(delivery.subject)

    def change(self, one: RetryDelivery | DropDelivery | HushAlarm) -> None:
        if isinstance(one, HushAlarm):
            self._hush(one)
            return
        entry = self._entries.get(one.identity)
        if entry is None or entry.state not in (PENDING, DEAD):
            return
        if isinstance(one, DropDelivery):
            entry.settle(DROPPED, one.dropped_at)
        elif entry.lease_owner is None:
            entry.state, entry.settled_at, entry.attempts = PENDING, None, 0
            entry.delivery = replace(entry.delivery, due_at=one.due_at)

    def settle_marked(self, mark: Mark) -> None:
        entry = self._entries.get(mark.identity)
        if entry is not None and entry.state == PENDING:
            entry.settle(DELIVERED, mark.settled_at)

    def tellable(self) -> list[Delivery]:
        """Those that are open and carry no file."""
        return [entry.delivery for entry in self._open() if not entry.delivery.attachment]

    def found(self, wanted: DeliveryFilter) -> list[StoredDelivery]:
        return [
            entry.stored()
            for entry in reversed(self._entries.values())
            if entry.state in wanted.states
            and wanted.destination in (None, entry.delivery.destination)
            and wanted.row in (None, entry.row)
        ][: page(wanted.limit)]

    def _hush(self, one: HushAlarm) -> None:
        for entry in self._open():
            if entry.delivery.alarm_id == one.alarm_id and not entry.delivery.attachment:
                entry.settle(DROPPED, one.dropped_at)

    def _settle(self, identity: str, owner: str, state: str, now_wall: int) -> Entry | None:
        entry = self._release(identity, owner)
        if entry is not None:
            entry.settle(state, now_wall)
        return entry

    def _release(self, identity: str, owner: str) -> Entry | None:
        """The entry, if this owner holds it still."""
        entry = self._entries.get(identity)
        if entry is None or entry.state != PENDING or entry.lease_owner != owner:
            return None
        entry.lease_owner = None
        return entry
