"""Where the command line reads from: the running server, or, while none runs, its database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from alarmd.cli.asked import Asked, segment
from alarmd.cli.client import Client, no_server, open_client, server_runs
from alarmd.cli.database import open_database
from alarmd.cli.exits import Failure
from alarmd.frames.keys import check_key
from alarmd.storage.interface import DeliveryFilter, EventFilter, PictureFilter, Reader
from alarmd.web.history_schemas import Alarm, Alarms, Deliveries, Delivery, Event, Events
from alarmd.web.picture_schemas import Picture, Pictures
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

    def pictures(self, wanted: PictureFilter) -> Pictures:
        """The newest first."""

    def picture(self, picture_id: int) -> bytes: ...


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

    def pictures(self, wanted: PictureFilter) -> Pictures:
        asked = {"device": wanted.device, "alarm": wanted.alarm_id, "since": wanted.since, "until": wanted.until}
        return self._client.get(Pictures, "/pictures", asked | {"limit": wanted.limit})

    def picture(self, picture_id: int) -> bytes:
        return self._client.download(f"/pictures/{picture_id}.jpg")

    def _pages(self, shape: type[P], path: str) -> Iterator[P]:
        after: str | None = ""
        while after is not None:
            page = self._client.get(shape, path, {"after": after})
            yield page
            after = page.next


class StoredSource:
    """What a stopped server left; `live` parts are missing. unknown_devices, archive: as configured."""

    def __init__(self, reader: Reader, unknown_devices: Any, archive: Path) -> None:
        self._reader = reader
        self._unknown_devices = unknown_devices
        self._archive = archive

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

    def pictures(self, wanted: PictureFilter) -> Pictures:
        return Pictures(pictures=[Picture.of(stored) for stored in self._reader.pictures(wanted)])

    def picture(self, picture_id: int) -> bytes:
        found = self._reader.pictures(PictureFilter(picture_id=picture_id))
        if not found:
            message = f"no picture {picture_id}; `alarmd pictures` lists them"
            raise Failure(message, reason="unknown_picture", field="picture_id")
        path = self._archive / check_key(found[0].picture.key)
        try:
            return path.read_bytes()
        except OSError as error:
            raise Failure(f"cannot read {path}: {error.strerror}", reason="gone") from None


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
        yield StoredSource(reader, asked.config.devices.unknown, asked.config.archive_directory)


def _unknown(name: str) -> Failure:
    return Failure(f"no device {name!r}; `alarmd devices` lists them", reason="unknown_device", field="device")
