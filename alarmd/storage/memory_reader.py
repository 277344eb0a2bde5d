"""Reads from the store in memory, from any thread: what read_queries.py answers from a database."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any

from alarmd.core.records import AlarmState, Event, Picture, Site, Standing, Told, Zone
from alarmd.storage import memory_replication
from alarmd.storage.interface import (
    MAX_PAGE,
    CameraTotals,
    DeliveryFilter,
    EventFilter,
    Expendable,
    OutboxState,
    PictureFilter,
    ReceivedFilter,
    StoredAlarm,
    StoredCommand,
    StoredDelivery,
    StoredDevice,
    StoredEvent,
    StoredPicture,
    Vector,
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
                StoredCommand.shown(command, self._tables.device_name(command.device_id))
                for command in found[: page(limit)]
            ]

    def pictures(self, wanted: PictureFilter) -> list[StoredPicture]:
        with self._store.lock:
            found = [one for one in self._newest("pictures", wanted.device) if _is_wanted(one, wanted)]
            ordered = found if wanted.newest_first else found[::-1]
            name = self._tables.device_name
            return [StoredPicture(one, name(one.device_id)) for one in ordered[: page(wanted.limit)]]

    def received_pictures(self, wanted: ReceivedFilter) -> list[Picture]:
        with self._store.lock:
            found = [
                one
                for one in self._newest("pictures", wanted.device)
                if wanted.since <= one.received_at < wanted.until and one.id > wanted.after_id
            ]
            return found[::-1][:MAX_PAGE]

    def expendable_pictures(self, wish: Expendable) -> list[Picture]:
        with self._store.lock:
            attached = set() if wish.awaited else self._store.outbox.attached()
            old = [one for one in self._kept("pictures") if one.key not in attached and self._may_go(one, wish)]
            return sorted(old, key=lambda one: (one.received_at, one.id))[: page(wish.limit)]

    def picture_totals(self) -> list[CameraTotals]:
        with self._store.lock:
            cameras: dict[str, list[Picture]] = {}
            for one in self._kept("pictures"):
                cameras.setdefault(self._tables.device_name(one.device_id) or "", []).append(one)
            return [_totals(name, found) for name, found in sorted(cameras.items())]

    def known_pictures(self, keys: Sequence[str]) -> set[str]:
        with self._store.lock:
            return {one.key for one in self._kept("pictures")} & set(keys)

    def awaited(self, keys: Sequence[str]) -> set[str]:
        with self._store.lock:
            return self._store.outbox.attached() & set(keys)

    def devices(self) -> list[StoredDevice]:
        return [stored for stored in self._parties() if stored.device.standing is not Standing.OPERATOR]

    def operators(self) -> list[StoredDevice]:
        return [stored for stored in self._parties() if stored.device.standing is Standing.OPERATOR]

    def _parties(self) -> list[StoredDevice]:
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

    def vector(self) -> Vector:
        with self._store.lock:
            return memory_replication.vector(self._store)

    def changes(self, since: Vector, page: int) -> Generator[tuple[Told, ...], None, None]:
        return memory_replication.changes(self._store, since, page)

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

    def _may_go(self, picture: Picture, wish: Expendable) -> bool:
        if picture.received_at >= wish.before or (picture.received_at, picture.id) <= wish.after:
            return False
        alarm = self._table("alarms").get(picture.alarm_id)
        return alarm is None or (alarm.state is AlarmState.CLEARED and picture.received_at < wish.alarms_before)

    def _matches(self, event: Event, wanted: EventFilter) -> bool:
        row = self._store.event_rows[event.origin, event.sequence]
        return (
            (wanted.device is None or self._tables.device_name(event.device_id) == wanted.device)
            and (wanted.kind is None or event.kind == wanted.kind)
            and (wanted.since is None or event.received_at >= wanted.since)
            and (wanted.until is None or event.received_at < wanted.until)
            and (wanted.after_row is None or row > wanted.after_row)
        )


def _totals(device: str, found: list[Picture]) -> CameraTotals:
    received = [one.received_at for one in found]
    return CameraTotals(device, len(found), sum(one.size for one in found), min(received), max(received))


def _is_wanted(picture: Picture, wanted: PictureFilter) -> bool:
    return (
        wanted.alarm_id in (None, picture.alarm_id)
        and (wanted.since is None or picture.captured_at >= wanted.since)
        and (wanted.until is None or picture.captured_at < wanted.until)
        and (wanted.after_id is None or picture.id > wanted.after_id)
        and wanted.picture_id in (None, picture.id)
    )
