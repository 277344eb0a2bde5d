"""Records in dicts, with the constraints of tables.py: changes are staged, checked together, then kept or dropped."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any

from alarmd.core.effects import (
    CopyDelivery,
    CopyEvent,
    DropDelivery,
    DropKey,
    DurableEffect,
    HushAlarm,
    QueueDelivery,
    RecordEvent,
    RetryDelivery,
    SaveAlarm,
    SaveCamera,
    SaveCommand,
    SaveContacts,
    SaveDevice,
    SaveKey,
    SaveMark,
    SavePicture,
    SaveSite,
    SaveZone,
)
from alarmd.core.records import Record
from alarmd.storage.errors import RefusedError
from alarmd.storage.turns import KINDS, Kind

RECORDS: dict[type[DurableEffect], Callable[[Any], Iterable[Record]]] = {
    SaveSite: lambda effect: (effect.site,),
    SaveZone: lambda effect: (effect.zone,),
    SaveDevice: lambda effect: (effect.device,),
    SaveContacts: lambda effect: effect.contacts,
    SaveKey: lambda effect: (effect.key,),
    SaveAlarm: lambda effect: (effect.alarm,),
    SaveCommand: lambda effect: (effect.command,),
    SaveCamera: lambda effect: (effect.camera,),
    SavePicture: lambda effect: (effect.picture,),
    RecordEvent: lambda effect: (effect.event,),
    CopyEvent: lambda effect: (effect.event,),
    SaveMark: lambda effect: (effect.mark,),
    QueueDelivery: lambda effect: (effect.delivery,),
    CopyDelivery: lambda effect: (effect.delivery,),
}

# What may be there once beside the key; None: this record does not count.
UNIQUE: dict[str, Callable[[Any], Hashable | None]] = {
    "sites": lambda site: site.name,
    "zones": lambda zone: zone.name,
    "devices": lambda device: device.name if device.forgotten_at is None else None,
    "alarms": lambda alarm: alarm.identity,
    "commands": lambda command: command.identity,
    "pictures": lambda picture: picture.key,
}


class MemoryTable:
    """One table: what is kept, and what the turns at hand would change."""

    def __init__(self, kind: Kind) -> None:
        self.kept: dict[Any, Any] = {}
        self._removed: dict[str, int] = {}  # origin → the highest stamp of what went
        self.key_of = attrgetter(*kind.key)
        self._staged: dict[Hashable, Any] = {}
        self._dropped: set[Hashable] = set()
        self._name = kind.table.name
        self._replace = kind.replace
        self._unique = UNIQUE.get(self._name, lambda _: None)
        self._holders: dict[Hashable, Hashable] = {}  # unique value → key of the last that had it
        self._staged_holders: dict[Hashable, Hashable] = {}
        self._references = [(key.parent.name, key.column.table.name) for key in kind.table.foreign_keys]

    def stage(self, record: Any) -> None:
        """Raises RefusedError when another record has what may be there once."""
        key = self.key_of(record)
        if not self._replace and key in self:
            return
        value = self._unique(record)
        if value is not None:
            self._refuse_second(value, key)
            self._staged_holders[value] = key
        self._staged[key] = record
        self._dropped.discard(key)

    def stage_drop(self, key: Hashable) -> None:
        """Of a record that nothing refers to; fine if there is none."""
        self._staged.pop(key, None)
        self._dropped.add(key)

    def check_references(self, tables: Mapping[str, "MemoryTable"]) -> None:
        """Raises RefusedError when a staged record names one that is not there."""
        for column, parent in self._references:
            for record in self._staged.values():
                key = getattr(record, column)
                if key is not None and key not in tables[parent]:
                    raise RefusedError(f"{self._name}.{column}: there is no {key} in {parent}")

    def keep(self) -> list[Any]:
        """Returns what was staged."""
        changed = list(self._staged.values())
        for key in self._dropped:
            self.remove(key)
        self.kept.update(self._staged)
        self._holders.update(self._staged_holders)
        self.unstage()
        return changed

    def remove(self, key: Hashable) -> None:
        """Its stamp stays counted; fine if there is none. A contact has no stamp."""
        record = self.kept.pop(key, None)
        if record is not None and hasattr(record, "hlc"):
            self._removed[record.origin] = max(record.hlc, self._removed.get(record.origin, 0))

    def stamps(self) -> dict[str, int]:
        """By origin, the highest of all that are or were here."""
        found = dict(self._removed)
        for record in self.kept.values():
            found[record.origin] = max(record.hlc, found.get(record.origin, 0))
        return found

    def unstage(self) -> None:
        self._staged.clear()
        self._dropped.clear()
        self._staged_holders.clear()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._staged or key in self.kept

    def _refuse_second(self, value: Hashable, key: Hashable) -> None:
        for holders in (self._staged_holders, self._holders):
            holder = holders.get(value)
            if holder is not None and holder != key and self._holds(holder, value):
                raise RefusedError(f"{self._name}: {value} is there already")

    def _holds(self, key: Hashable, value: Hashable) -> bool:
        record = self._staged.get(key) or self.kept.get(key)
        return record is not None and self._unique(record) == value


class MemoryTables:
    """All tables, changed together."""

    def __init__(self) -> None:
        self.by_name = {kind.table.name: MemoryTable(kind) for kind in KINDS.values()}

    def change(self, effects: Iterable[DurableEffect]) -> list[Any]:
        """All or nothing. Returns the records that are new or changed; raises RefusedError."""
        try:
            for effect in sorted(effects, key=lambda each: isinstance(each, CopyEvent | CopyDelivery)):  # as turns.py
                self._stage(effect)
            for table in self.by_name.values():
                table.check_references(self.by_name)
        except RefusedError:
            for table in self.by_name.values():
                table.unstage()
            raise
        return [record for table in self.by_name.values() for record in table.keep()]

    def device_name(self, device_id: int | None) -> str | None:
        device = self.by_name["devices"].kept.get(device_id)
        return device.name if device is not None else None

    def names(self, record: Any) -> tuple[str | None, str | None]:
        """Of its device and its zone."""
        zone = self.by_name["zones"].kept.get(record.zone_id)
        return self.device_name(record.device_id), zone.name if zone is not None else None

    def _stage(self, effect: DurableEffect) -> None:
        if isinstance(effect, RetryDelivery | DropDelivery | HushAlarm):
            return  # of the outbox
        if isinstance(effect, DropKey):
            self.by_name["device_keys"].stage_drop((effect.device_id, effect.epoch))
            return
        kind = KINDS[type(effect)]
        for record in RECORDS[type(effect)](effect):
            self.by_name[kind.table.name].stage(self._without_missing(kind, record))

    def _without_missing(self, kind: Kind, record: Any) -> Any:
        missing = [name for name, to in kind.weak.items() if getattr(record, name) not in self.by_name[to.table.name]]
        return replace(record, **dict.fromkeys(missing)) if missing else record
