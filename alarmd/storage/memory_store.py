"""The store in memory, for simulations and tests: the same answers as SQLite and PostgreSQL, gone with the process."""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from alarmd.core.effects import CopyDelivery, DropDelivery, HushAlarm, RetryDelivery, SaveMark
from alarmd.core.records import (
    Alarm,
    AlarmState,
    Command,
    CommandState,
    Delivery,
    Device,
    Event,
    Picture,
    Site,
    Zone,
)
from alarmd.core.snapshot import Snapshot
from alarmd.storage.errors import RefusedError
from alarmd.storage.interface import (
    Claim,
    Lease,
    Message,
    QuarantinedTurn,
    StorageError,
    StoredAlarm,
    StoredPicture,
    Turn,
)
from alarmd.storage.memory_outbox import Entry, MemoryOutbox
from alarmd.storage.memory_tables import MemoryTables
from alarmd.storage.purge import HISTORIES, History
from alarmd.storage.turns import marked

OPEN_COMMANDS = (CommandState.QUEUED, CommandState.SENT)
COUNTED: dict[type[Any], str] = {
    Site: "last_site_id",
    Zone: "last_zone_id",
    Device: "last_device_id",
    Alarm: "last_alarm_id",
    Command: "last_command_id",
    Picture: "last_picture_id",
}


class MemoryStore:
    """Implements interface.Store. origin: this server's label. `lock` guards all of it, for memory_reader.py too."""

    def __init__(self, origin: str) -> None:
        self.lock = threading.Lock()
        self.tables = MemoryTables()
        self.outbox = MemoryOutbox()
        self.event_rows: dict[Any, int] = {}  # by the event's identity
        self.quarantine: list[tuple[str, Turn]] = []  # why, and what
        self._origin = origin
        self._last = dict.fromkeys((*COUNTED.values(), "last_event_sequence", "last_hlc"), 0)
        self._last_row = 0

    def load(self, ended: int = 0) -> Snapshot:
        with self.lock:
            devices = self._sorted("devices", lambda device: device.forgotten_at is None)
            known = {device.id for device in devices}
            return Snapshot(
                sites=self._sorted("sites"),
                zones=self._sorted("zones"),
                devices=devices,
                contacts=self._sorted("contacts", lambda contact: contact.device_id in known),
                keys=self._sorted("device_keys", lambda key: key.device_id in known),
                alarms=self._sorted("alarms", lambda alarm: alarm.state is not AlarmState.CLEARED),
                commands=self._sorted("commands", lambda command: command.state in OPEN_COMMANDS),
                cameras=self._sorted("cameras", lambda camera: camera.device_id in known),
                pictures=self._newest_pictures(known),
                ended_alarms=self._latest(ended, "alarms", lambda alarm: alarm.state is AlarmState.CLEARED),
                ended_commands=self._latest(ended, "commands", lambda command: command.state not in OPEN_COMMANDS),
                forgotten=self._latest(ended, "devices", lambda device: device.forgotten_at is not None),
                **self._last,
            )

    def commit(self, turns: Sequence[Turn]) -> list[QuarantinedTurn]:
        with self.lock:
            try:
                self._change(turns)
            except RefusedError:
                return self._change_each(turns)
            return []

    def claim_deliveries(self, wish: Claim) -> list[Lease]:
        with self.lock:
            return [self._lease(entry) for entry in self.outbox.claim(wish)]

    def waiting_destinations(self) -> list[str]:
        with self.lock:
            return self.outbox.destinations()

    def finish_delivery(
        self, identity: str, owner: str, now_wall: int, reference: str = "", moved_to: str = ""
    ) -> None:
        with self.lock:
            self.outbox.finish(identity, owner, now_wall, reference, moved_to)

    def retry_delivery(self, identity: str, owner: str, due_wall: int, reason: str, uncertain: bool = False) -> None:
        with self.lock:
            self.outbox.retry(identity, owner, due_wall, reason, uncertain)

    def postpone_delivery(self, identity: str, owner: str, due_wall: int) -> None:
        with self.lock:
            self.outbox.postpone(identity, owner, due_wall)

    def abandon_delivery(self, identity: str, owner: str, now_wall: int, reason: str) -> None:
        with self.lock:
            self.outbox.abandon(identity, owner, now_wall, reason)

    def drop_delivery(self, identity: str, owner: str, now_wall: int, reason: str) -> None:
        with self.lock:
            self.outbox.drop(identity, owner, now_wall, reason)

    def drop_pictures(self, ids: Sequence[int]) -> None:
        with self.lock:
            for number in ids:
                self.tables.by_name["pictures"].kept.pop(number, None)

    def drop_attached(self, keys: Sequence[str], now_wall: int, reason: str) -> Mapping[str, int]:
        with self.lock:
            return self.outbox.drop_attached(keys, now_wall, reason)

    def purge(self, before_wall: int, limit: int) -> int:
        with self.lock:
            left = limit
            for history in HISTORIES:
                doomed = self._history(history, before_wall)[: max(0, left)]
                for key in doomed:
                    self._remove(history.table.name, key)
                left -= len(doomed)
            return limit - left

    def backup(self, target: Path) -> None:
        raise StorageError(f"nothing to copy to {target}: this store is in memory only")

    def close(self) -> None:
        """Nothing to let go of."""

    def _lease(self, entry: Entry) -> Lease:
        delivery = entry.delivery
        alarm = self._stored_alarm(delivery.alarm_id) if delivery.alarm_id is not None else None
        picture = self._stored_picture(delivery.attachment)
        return Lease(delivery, entry.attempts, alarm, picture, entry.uncertain, self._message(delivery))

    def _stored_picture(self, key: str) -> StoredPicture | None:
        found = next((one for one in self.tables.by_name["pictures"].kept.values() if one.key == key), None)
        return found and StoredPicture(found, self.tables.device_name(found.device_id))

    def _newest_pictures(self, devices: Collection[int]) -> tuple[Picture, ...]:
        newest = {one.device_id: one for one in self._sorted("pictures")}
        return tuple(sorted((one for key, one in newest.items() if key in devices), key=lambda one: one.id))

    def _message(self, delivery: Delivery) -> Message | None:
        reference = self.outbox.reference(delivery)
        if reference is None:
            return None
        return Message(reference, tuple(map(self._stored_alarm, self.outbox.told_by(delivery, reference))))

    def _stored_alarm(self, alarm_id: int) -> StoredAlarm:
        alarm = self.tables.by_name["alarms"].kept[alarm_id]
        return StoredAlarm(alarm, *self.tables.names(alarm))

    def _sorted(self, table: str, wanted: Callable[[Any], bool] = lambda _: True) -> tuple[Any, ...]:
        kept = self.tables.by_name[table].kept
        return tuple(kept[key] for key in sorted(kept) if wanted(kept[key]))

    def _latest(self, count: int, table: str, wanted: Callable[[Any], bool]) -> tuple[Any, ...]:
        found = self._sorted(table, wanted)
        return found[max(0, len(found) - count) :]

    def _change(self, turns: Sequence[Turn]) -> None:
        for record in self.tables.change(chain.from_iterable(turns)):
            self._count(record)
            if isinstance(record, Delivery):
                self.outbox.add(record)
            elif isinstance(record, Event):
                self._last_row += 1
                self.event_rows[record.origin, record.sequence] = self._last_row
        for effect in chain.from_iterable(turns):
            if isinstance(effect, RetryDelivery | DropDelivery | HushAlarm):
                self.outbox.change(effect)
        marks = self.tables.by_name["marks"].kept
        for identity in marked(
            each for each in chain.from_iterable(turns) if isinstance(each, SaveMark | CopyDelivery)
        ):
            if identity in marks:
                self.outbox.settle_marked(marks[identity])

    def _change_each(self, turns: Sequence[Turn]) -> list[QuarantinedTurn]:
        refused = []
        for index, turn in enumerate(turns):
            try:
                self._change([turn])
            except RefusedError as error:
                self.quarantine.append((str(error), turn))
                refused.append(QuarantinedTurn(index, str(error)))
        return refused

    def _count(self, record: Any) -> None:
        """What a purge takes away stays counted."""
        self._raise("last_hlc", getattr(record, "hlc", 0))  # a contact is not replicated
        if type(record) in COUNTED:
            self._raise(COUNTED[type(record)], record.id)
        elif isinstance(record, Event) and record.origin == self._origin:
            self._raise("last_event_sequence", record.sequence)

    def _raise(self, name: str, value: int) -> None:
        self._last[name] = max(self._last[name], value)

    def _history(self, history: History, before: int) -> list[Any]:
        """The keys of what may go, in the order of purge.py: the oldest first, then as they came."""
        kept = self.tables.by_name[history.table.name].kept
        named = {name for column in history.referring for name in self._names(column.table.name, column.name)}
        old = []
        for place, (key, record) in enumerate(kept.items()):
            since = self._since(history, record)
            if since is not None and since < before and key not in named:
                old.append((since, place if "row" in history.table.c else key, key))
        return [key for _, _, key in sorted(old)]

    def _names(self, table: str, column: str) -> Iterable[Any]:
        return (getattr(record, column) for record in self.tables.by_name[table].kept.values())

    def _since(self, history: History, record: Any) -> int | None:
        if isinstance(record, Delivery):
            return self.outbox.settled_at(record.identity)
        since: int | None = getattr(record, history.since.name)
        return since

    def _remove(self, table: str, key: Any) -> None:
        self.tables.by_name[table].remove(key)
        if table == "events":
            del self.event_rows[key]
        elif table == "outbox":
            self.outbox.remove(key)
        elif table == "alarms":
            self.outbox.forget_alarm(key)
        elif table == "devices":
            for of_device in ("contacts", "cameras"):
                self.tables.by_name[of_device].remove(key)
            self._remove_keys(key)

    def _remove_keys(self, device_id: int) -> None:
        keys = self.tables.by_name["device_keys"]
        for identity in [identity for identity in keys.kept if identity[0] == device_id]:
            keys.remove(identity)
