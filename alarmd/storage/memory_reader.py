"""Reads from the store in memory, from any thread: what read_queries.py answers from a database."""

from collections.abc import Iterable, Iterator
from typing import Any

from alarmd.core.records import AlarmState, Event, Picture, Site, Zone
from alarmd.storage.interface import (
    DeliveryFilter,
    EventFilter,
    OutboxState,
    PictureFilter,
    StoredAlarm,
    StoredCommand,
    StoredDelivery,
    StoredDevice,
    StoredEvent,
    StoredPicture,
    page,
)
from alarmd.storage.memory_store import MemoryStore


class MemoryReader:
    """Implements interface.Reader."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._tables = store.tables

    def events(self, wanted: EventFilter) -> list[StoredEvent]:
        with self._store.lock:
            rows = self._store.event_rows
            found = [event for event in self._kept("events") if self._matches(event, wanted)]
            if wanted.after_row is None:
                found.reverse()
            return [
                StoredEvent(rows[event.origin, event.sequence], event, *self._tables.names(event))
                for event in found[: page(wanted.limit)]
            ]

    def alarms(
        self, *, include_cleared: bool = False, device: str | None = None, limit: int = 100
    ) -> list[StoredAlarm]:
        with self._store.lock:
            found = [
                alarm
                for alarm in self._newest("alarms", device)
                if include_cleared or alarm.state is not AlarmState.CLEARED
            ]
            return [StoredAlarm(alarm, *self._tables.names(alarm)) for alarm in found[: page(limit)]]

    def commands(
        self, *, device: str | None = None, command_id: int | None = None, limit: int = 100
    ) -> list[StoredCommand]:
        with self._store.lock:
            found = [command for command in self._newest("commands", device) if command_id in (None, command.id)]
            return [
                StoredCommand(command, self._tables.device_name(command.device_id)) for command in found[: page(limit)]
            ]

    def pictures(self, wanted: PictureFilter) -> list[StoredPicture]:
        with self._store.lock:
            found = [one for one in self._newest("pictures", wanted.device) if _is_wanted(one, wanted)]
            ordered = found if wanted.newest_first else found[::-1]
            name = self._tables.device_name
            return [StoredPicture(one, name(one.device_id)) for one in ordered[: page(wanted.limit)]]

    def devices(self) -> list[StoredDevice]:
        with self._store.lock:
            contacts, zones = self._table("contacts"), self._table("zones")
            found = [
                StoredDevice(device, contacts.get(device.id), zones[device.zone_id].name)
                for device in self._kept("devices")
                if device.forgotten_at is None
            ]
            return sorted(found, key=lambda stored: stored.device.name)

    def sites(self) -> list[Site]:
        with self._store.lock:
            return sorted(self._kept("sites"), key=lambda site: site.name)

    def zones(self) -> list[Zone]:
        with self._store.lock:
            return sorted(self._kept("zones"), key=lambda zone: zone.name)

    def outbox(self) -> OutboxState:
        with self._store.lock:
            return self._store.outbox.state()

    def deliveries(self, wanted: DeliveryFilter) -> list[StoredDelivery]:
        with self._store.lock:
            return self._store.outbox.found(wanted)

    def moved(self, destination: str) -> dict[str, str]:
        with self._store.lock:
            return self._store.outbox.moved(destination)

    def healthy(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing to let go of."""

    def _table(self, name: str) -> dict[Any, Any]:
        return self._tables.by_name[name].kept

    def _kept(self, name: str) -> Iterable[Any]:
        return self._table(name).values()

    def _newest(self, name: str, device: str | None) -> Iterator[Any]:
        kept = self._table(name)
        for key in sorted(kept, reverse=True):
            if device is None or self._tables.device_name(kept[key].device_id) == device:
                yield kept[key]

    def _matches(self, event: Event, wanted: EventFilter) -> bool:
        row = self._store.event_rows[event.origin, event.sequence]
        return (
            (wanted.device is None or self._tables.device_name(event.device_id) == wanted.device)
            and (wanted.kind is None or event.kind == wanted.kind)
            and (wanted.since is None or event.received_at >= wanted.since)
            and (wanted.until is None or event.received_at < wanted.until)
            and (wanted.after_row is None or row > wanted.after_row)
        )


def _is_wanted(picture: Picture, wanted: PictureFilter) -> bool:
    return (
        wanted.alarm_id in (None, picture.alarm_id)
        and (wanted.since is None or picture.captured_at >= wanted.since)
        and (wanted.until is None or picture.captured_at < wanted.until)
        and (wanted.after_id is None or picture.id > wanted.after_id)
        and wanted.picture_id in (None, picture.id)
    )
