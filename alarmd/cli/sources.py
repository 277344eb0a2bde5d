"""Where the command line reads from: the running server, or, while none runs, its database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Protocol, TypeVar

import click

from alarmd.cli.asked import Asked, segment
from alarmd.cli.client import Client, no_server, open_client, server_runs
from alarmd.cli.database import open_database
from alarmd.cli.exits import Failure
from alarmd.storage.interface import DeliveryFilter, EventFilter, Reader
from alarmd.web.history_schemas import Alarm, Alarms, Deliveries, Delivery, Event, Events
from alarmd.web.place_schemas import Device, Devices, Site, Sites, Zone, Zones

P = TypeVar("P", Devices, Sites, Zones)


class Source(Protocol):
    def devices(self) -> Devices: ...

    def device(self, name: str) -> Device: ...

    def sites(self) -> Sites: ...

    def zones(self) -> Zones: ...

    def alarms(self, *, every: bool, device: str | None, limit: int) -> Alarms: ...

    def events(self, wanted: EventFilter) -> Events: ...

    def deliveries(self, wanted: DeliveryFilter) -> Deliveries: ...


class LiveSource:
    def __init__(self, client: Client) -> None:
        self._client = client

    def devices(self) -> Devices:
        first, *more = self._pages(Devices, "/devices")
        return first.model_copy(
            update={"devices": first.devices + [one for page in more for one in page.devices], "next": None}
        )

    def device(self, name: str) -> Device:
        try:
            return self._client.get(Device, f"/devices/{segment(name)}")
        except Failure as failure:
            raise (_unknown(name) if failure.reason == "unknown_device" else failure) from None

    def sites(self) -> Sites:
        return Sites(sites=[site for page in self._pages(Sites, "/sites") for site in page.sites], next=None)

    def zones(self) -> Zones:
        return Zones(zones=[zone for page in self._pages(Zones, "/zones") for zone in page.zones], next=None)

    def alarms(self, *, every: bool, device: str | None, limit: int) -> Alarms:
        return self._client.get(Alarms, "/alarms", {"all": every, "device": device, "limit": limit})

    def events(self, wanted: EventFilter) -> Events:
        return self._client.get(Events, "/events", asdict(wanted))

    def deliveries(self, wanted: DeliveryFilter) -> Deliveries:
        asked = {"state": list(wanted.states), "destination": wanted.destination, "limit": wanted.limit}
        return self._client.get(Deliveries, "/outbox", asked)

    def _pages(self, shape: type[P], path: str) -> Iterator[P]:
        after: str | None = ""
        while after is not None:
            page = self._client.get(shape, path, {"after": after})
            yield page
            after = page.next


class StoredSource:
    """What a stopped server left; `live` parts are missing. unknown_devices: as configured."""

    def __init__(self, reader: Reader, unknown_devices: Any) -> None:
        self._reader = reader
        self._unknown_devices = unknown_devices

    def devices(self) -> Devices:
        found = [Device.of_stored(stored) for stored in self._reader.devices()]
        return Devices(unknown_devices=self._unknown_devices, devices=found, next=None)

    def device(self, name: str) -> Device:
        found = next((device for device in self.devices().devices if device.name == name), None)
        if found is None:
            raise _unknown(name)
        return found

    def sites(self) -> Sites:
        return Sites(sites=[Site.copied(site) for site in self._reader.sites()], next=None)

    def zones(self) -> Zones:
        sites = {site.id: site for site in self._reader.sites()}
        return Zones(zones=[Zone.of_stored(zone, sites[zone.site_id]) for zone in self._reader.zones()], next=None)

    def alarms(self, *, every: bool, device: str | None, limit: int) -> Alarms:
        found = self._reader.alarms(include_cleared=every, device=device, limit=limit)
        return Alarms(alarms=[Alarm.of(stored) for stored in found])

    def events(self, wanted: EventFilter) -> Events:
        return Events(events=[Event.of(stored) for stored in self._reader.events(wanted)])

    def deliveries(self, wanted: DeliveryFilter) -> Deliveries:
        return Deliveries(deliveries=[Delivery.of(stored) for stored in self._reader.deliveries(wanted)])


@contextmanager
def open_source(asked: Asked) -> Iterator[Source]:
    """The server if it runs, else its database, which is said on stderr."""
    path = asked.control_socket
    if server_runs(path):
        with open_client(path) as client:
            yield LiveSource(client)
        return
    if asked.socket is not None:
        raise no_server(path)  # whose database that would be, only the configuration knows
    with open_database(asked) as reader:
        click.echo("alarmd: no server runs here; this is what its database holds", err=True)
        yield StoredSource(reader, asked.config.devices.unknown)


def _unknown(name: str) -> Failure:
    return Failure(f"no device {name!r}; `alarmd devices` lists them", reason="unknown_device", field="device")
