"""What people ask for, with the names that the ids have now. On connections that cannot write."""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, Table, select

from alarmd.core.records import Picture, Site, Standing, Told, Zone
from alarmd.storage import high_water, outbox_queries, picture_queries, replication_queries, rows, told_messages
from alarmd.storage.database import Database
from alarmd.storage.interface import (
    CameraTotals,
    DeliveryFilter,
    EventFilter,
    Expendable,
    OutboxState,
    PictureFilter,
    ReceivedFilter,
    StorageError,
    StoredAlarm,
    StoredCommand,
    StoredDelivery,
    StoredDevice,
    StoredEvent,
    StoredPicture,
    Vector,
    page,
)
from alarmd.storage.named import ZONE_NAME, Query, stored_alarm, with_device, with_device_and_zone
from alarmd.storage.rows import Row
from alarmd.storage.tables import ALARM_OPEN, alarms, commands, contacts, devices, events, sites, zones
from alarmd.storage.vault import Vault

Made = TypeVar("Made")
DEVICE_AT = 1 + len(contacts.c)  # where the device begins in a row of all devices: behind the zone and the contact


_DEVICES = (
    select(ZONE_NAME, contacts, devices)
    .select_from(devices.join(zones, devices.c.zone_id == zones.c.id).outerjoin(contacts))
    .where(devices.c.forgotten_at.is_(None))
)
_IS_OPERATOR = devices.c.standing == Standing.OPERATOR.value


class SqlReader:
    """Implements interface.Reader, from any number of threads. vault: None if changes() is not asked for."""

    def __init__(self, database: Database, vault: Vault | None = None) -> None:
        self._database = database
        self._vault = vault

    def events(self, wanted: EventFilter) -> list[StoredEvent]:
        order = events.c.row.desc() if wanted.after_row is None else events.c.row
        query = with_device_and_zone(events, events.c.zone_id).where(*_conditions(wanted)).order_by(order)
        return self._read(_stored_event, query.limit(page(wanted.limit)))

    def alarms(
        self, *, include_cleared: bool = False, device: str | None = None, limit: int = 100
    ) -> list[StoredAlarm]:
        query = with_device_and_zone(alarms, alarms.c.zone_id).order_by(alarms.c.id.desc()).limit(page(limit))
        if not include_cleared:
            query = query.where(ALARM_OPEN)
        if device is not None:
            query = query.where(_of_device(alarms, device))
        return self._read(stored_alarm, query)

    def commands(
        self, *, device: str | None = None, command_id: int | None = None, limit: int = 100
    ) -> list[StoredCommand]:
        query = with_device(commands).order_by(commands.c.id.desc()).limit(page(limit))
        if device is not None:
            query = query.where(_of_device(commands, device))
        if command_id is not None:
            query = query.where(commands.c.id == command_id)
        return self._read(_stored_command, query)

    def pictures(self, wanted: PictureFilter) -> list[StoredPicture]:
        with self._database.transaction() as connection:
            return picture_queries.found(connection, wanted)

    def received_pictures(self, wanted: ReceivedFilter) -> list[Picture]:
        with self._database.transaction() as connection:
            return picture_queries.received(connection, wanted)

    def expendable_pictures(self, wish: Expendable) -> list[Picture]:
        with self._database.transaction() as connection:
            return picture_queries.expendable(connection, wish)

    def picture_totals(self) -> list[CameraTotals]:
        with self._database.transaction() as connection:
            return picture_queries.totals(connection)

    def known_pictures(self, keys: Sequence[str]) -> set[str]:
        with self._database.transaction() as connection:
            return picture_queries.known(connection, keys)

    def awaited(self, keys: Sequence[str]) -> set[str]:
        with self._database.transaction() as connection:
            return picture_queries.awaited(connection, keys)

    def devices(self) -> list[StoredDevice]:
        return self._by_name(~_IS_OPERATOR)

    def operators(self) -> list[StoredDevice]:
        return self._by_name(_IS_OPERATOR)

    def _by_name(self, wanted: ColumnElement[bool]) -> list[StoredDevice]:
        found = self._read(_stored_device, _DEVICES.where(wanted))
        return sorted(found, key=lambda stored: stored.device.name)  # databases sort letters each in their own way

    def devices_from(self, name: str, limit: int) -> list[StoredDevice]:
        """By name, this one and those after it; PostgreSQL only."""
        in_order = devices.c.name.collate("C")
        return list(
            self._read(_stored_device, _DEVICES.where(~_IS_OPERATOR, in_order >= name).order_by(in_order).limit(limit))
        )

    def sites(self) -> list[Site]:
        return sorted(self._read(rows.site_of, select(sites)), key=lambda site: site.name)

    def zones(self) -> list[Zone]:
        return sorted(self._read(rows.zone_of, select(zones)), key=lambda zone: zone.name)

    def outbox(self) -> OutboxState:
        with self._database.transaction() as connection:
            return outbox_queries.state(connection)

    def deliveries(self, wanted: DeliveryFilter) -> list[StoredDelivery]:
        with self._database.transaction() as connection:
            return outbox_queries.found(connection, wanted)

    def moved(self, destination: str) -> dict[str, str]:
        with self._database.transaction() as connection:
            return told_messages.moved(connection, destination)

    def vector(self) -> Vector:
        with self._database.snapshot() as connection:
            return high_water.vector(connection)

    def changes(self, since: Vector, page: int) -> Generator[tuple[Told, ...], None, None]:
        if self._vault is None:
            raise StorageError("what a peer is told takes server.key to read")
        with self._database.snapshot() as connection:
            yield from replication_queries.changes(connection, self._vault, since, page)

    def healthy(self) -> bool:
        return self._database.answers()

    def close(self) -> None:
        self._database.close()

    def _read(self, make: Callable[[Row], Made], query: Query) -> list[Made]:
        with self._database.transaction() as connection:
            return list(rows.read(make, connection.execute(query)))


def _conditions(wanted: EventFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.device is not None:
        yield _of_device(events, wanted.device)
    if wanted.kind is not None:
        yield events.c.kind == wanted.kind
    if wanted.since is not None:
        yield events.c.received_at >= wanted.since
    if wanted.until is not None:
        yield events.c.received_at < wanted.until
    if wanted.after_row is not None:
        yield events.c.row > wanted.after_row


def _of_device(table: Table, name: str) -> ColumnElement[bool]:
    """Also of devices that had the name and were forgotten."""
    return table.c.device_id.in_(select(devices.c.id).where(devices.c.name == name))


def _stored_event(row: Row) -> StoredEvent:
    device, zone, number, *event = row
    return StoredEvent(number, rows.event_of(event), device, zone)


def _stored_command(row: Row) -> StoredCommand:
    return StoredCommand.shown(rows.command_of(row[1:]), row[0])


def _stored_device(row: Row) -> StoredDevice:
    zone, contact, device = row[0], row[1:DEVICE_AT], row[DEVICE_AT:]
    return StoredDevice(rows.device_of(device), None if contact[0] is None else rows.contact_of(contact), zone)
