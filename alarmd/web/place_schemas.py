"""What the API answers about devices, zones and sites. The command line reads the same shapes, from a server or from
its database; `live` is what only a running server knows, and null without one."""

from typing import Self

from pydantic import BaseModel, Field

from alarmd.core import records
from alarmd.core.records import Arming, Dialect, Presence, Signing, Standing
from alarmd.core.settings import UnknownDevices
from alarmd.core.views import DeviceView, ZoneView
from alarmd.core.way_views import WayView
from alarmd.storage.interface import StoredDevice
from alarmd.web.history_schemas import Shape
from alarmd.web.times import Moment
from lfcp.candidates import Mapping


class Stay(Shape):
    address: str
    first: Moment | None = Field(description="When it came there; null: before the server started.")
    last: Moment = Field(description="When it was last there.")


class Way(Shape):
    mapping: Mapping | None = Field(
        description="As the device reports its NAT's: e independent of where it sends to, s counted up, h hard, "
        "u not known; null: it does not report it."
    )
    life: int | None = Field(description="Seconds that the mapping outlives without traffic; 0: not known.")
    interval: int | None = Field(description="Seconds between heartbeats, as the device reports them.")
    stated_interval: int = Field(description="The longest that the device is told; less after a push was missed.")
    safe_interval: int | None = Field(description="The longest that its mapping outlives for sure; null: not known.")
    fits: bool = Field(description="It beats often enough for its mapping and for report_within.")
    round_trip: float | None = Field(description="Seconds to the device and back; null: not known.")
    disputed: str = Field(description="An address that was proven beside its own, for the moment; empty: none.")
    stays: list[Stay] = Field(description="The addresses that it was at, the present one last.")

    @classmethod
    def of(cls, view: WayView) -> Self:
        stays = [Stay.copied(stay, address=str(stay.path)) for stay in view.stays]
        return cls.copied(view, stays=stays)


class DeviceLive(Shape):
    armed: bool = Field(description="Its zone is armed now.")
    allowed_interval: float = Field(description="Seconds between heartbeats that report_within allows.")
    pending_commands: int
    reported_detector: bool | None = Field(description="What the device says; null: it cannot say.")
    key_epochs: list[int] = Field(description="Of its keys, the newest last; several until the newest is first used.")
    path_proven: bool = Field(description="A signed heartbeat proved that it is at its address: commands go at once.")
    way: Way
    failover_causes: list[str] = Field(description="Why its detector is wanted on beyond the operator's wish.")
    dialect_suggested: bool = Field(description="It has the habits of dialect seed.")
    picture_at: Moment | None = Field(description="When its newest picture was taken; null: it sent none.")


class Device(Shape):
    name: str
    zone: str
    standing: Standing
    dialect: Dialect
    presence: Presence | None = Field(description="null: never seen.")
    last_contact: Moment | None
    address: str
    asleep_until: Moment | None
    report_within: float = Field(description="Seconds within which a loss is told.")
    arming_answers: bool = Field(description="Silence on purpose, so that a seed device's detector runs.")
    detector_wish: bool | None = Field(description="The operator's ENAL or DSAL; null: never said.")
    wanted_detector: bool | None = Field(description="The wish, or on because of a failover.")
    camera_wish: bool | None = Field(description="The operator's WCAM or SCAM; null: never said.")
    settings: list[str] = Field(description="The operator's CONF, each as name=value.", examples=[["quality=12"]])
    signing: Signing = Field(description="Which of its frames count; open: it has no key.")
    muted_until: Moment | None = Field(description="Its motion is told nobody until then.")
    first_seen: Moment
    live: DeviceLive | None

    @classmethod
    def of_view(cls, view: DeviceView) -> Self:
        picture_at = view.picture and view.picture.captured_at
        causes, way = list(view.failover_causes), Way.of(view.way)
        live = DeviceLive.copied(view, failover_causes=causes, picture_at=picture_at, way=way)
        return cls._of(view.device, view.contact, view.zone, live)

    @classmethod
    def of_stored(cls, stored: StoredDevice) -> Self:
        return cls._of(stored.device, stored.contact, stored.zone, None)

    @classmethod
    def _of(cls, device: records.Device, contact: records.Contact | None, zone: str, live: DeviceLive | None) -> Self:
        seen = contact if contact and contact.address else None
        return cls.copied(
            device,
            zone=zone,
            presence=seen and seen.presence,
            last_contact=seen and seen.last_contact,
            address=seen.address if seen else "",
            asleep_until=seen and seen.asleep_until,
            live=live,
        )


class Devices(BaseModel):
    """One page, by name."""

    unknown_devices: UnknownDevices = Field(description="What happens to a name that nobody adopted.")
    devices: list[Device]
    next: str | None = Field(description="`after` of the next page; null: this is the last.")


class GivenKey(BaseModel):
    """The server gives a key away this once."""

    key: str = Field(repr=False, description="32 random bytes as 43 characters of base64url.")
    label: str = Field(description="The server's, which who has the key has to know beside its address.")


class MadeKey(GivenKey):
    """What a device has to be told."""

    device: str
    signing: Signing


class Site(Shape):
    name: str
    time_zone: str = Field(description="IANA name.", examples=["Europe/Prague"])


class Sites(BaseModel):
    """One page, by name."""

    sites: list[Site]
    next: str | None


class ZoneLive(Shape):
    armed: bool
    devices: int = Field(description="Adopted ones.")
    failover_causes: list[str] = Field(description="The losses that keep it in failover mode.")


class Zone(Shape):
    name: str
    site: str
    time_zone: str
    arming: Arming
    schedule: str = Field(description="Local to the site; empty: always.", examples=["mo-fr 22:00-06:00"])
    live: ZoneLive | None

    @classmethod
    def of_view(cls, view: ZoneView) -> Self:
        live = ZoneLive.copied(view, failover_causes=list(view.failover_causes))
        return cls.copied(view.zone, site=view.site, time_zone=view.time_zone, live=live)

    @classmethod
    def of_stored(cls, zone: records.Zone, site: records.Site) -> Self:
        return cls.copied(zone, site=site.name, time_zone=site.time_zone, live=None)


class Zones(BaseModel):
    """One page, by name."""

    zones: list[Zone]
    next: str | None
