"""What people may see of the live state: read-only pictures for the API, the operator's port and the metrics."""

from collections import Counter
from dataclasses import dataclass
from itertools import chain

from alarmd.core import cameras, capture
from alarmd.core.device_session import DeviceSession
from alarmd.core.failover import enabling
from alarmd.core.galleries import Asked, Gallery
from alarmd.core.instant import SECOND, Instant
from alarmd.core.records import Camera, Contact, Device, Picture, Presence, Standing, Trigger, Zone
from alarmd.core.state import State
from alarmd.core.turn import contact
from alarmd.core.way_views import WayView, way
from alarmd.core.zones import is_armed


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One device now. allowed_interval: s between heartbeats that its report_within allows.
    failover_causes: why its detector is wanted on beyond the operator's wish; empty in normal mode.
    reported_detector: what the device itself says, None if it cannot say. key_epochs: of its keys, the newest last.
    path_proven: a signed heartbeat proved in this run of the server that it is at its address. picture: its newest."""

    device: Device
    contact: Contact
    zone: str
    site: str
    armed: bool
    allowed_interval: float
    pending_commands: int
    reported_detector: bool | None
    key_epochs: tuple[int, ...]
    path_proven: bool
    way: WayView
    failover_causes: tuple[str, ...]
    dialect_suggested: bool
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class OperatorView:
    """An operator's machine now. contact, key_epochs, path_proven: as of a device; its presence says nothing."""

    device: Device
    contact: Contact
    key_epochs: tuple[int, ...]
    path_proven: bool
    way: WayView


@dataclass(frozen=True, slots=True)
class CameraView:
    """A device as a source of pictures. askable: the server can ask it for one. failing: why none came when it was last
    asked; empty: one came. picture: its newest. asked, taken: as in its Gallery."""

    device: str
    camera: Camera
    askable: bool
    failing: str
    picture: Picture | None
    asked: dict[str, Asked]
    taken: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class ZoneView:
    """devices: adopted ones. failover_causes: the losses that keep the zone in failover mode; empty in normal mode."""

    zone: Zone
    site: str
    time_zone: str
    armed: bool
    devices: int
    failover_causes: tuple[str, ...]


def device(state: State, name: str, now: Instant) -> DeviceView | None:
    session = state.sessions.get(name)
    return None if session is None else _device(state, session, now)


def devices(state: State, now: Instant) -> list[DeviceView]:
    """By name."""
    return [_device(state, state.sessions[name], now) for name in sorted(state.sessions)]


def operators(state: State, now: Instant) -> list[OperatorView]:
    """Operators' machines, by name."""
    return [_operator(state, state.operators[name], now) for name in sorted(state.operators)]


def zones(state: State, now: Instant) -> list[ZoneView]:
    """By name."""
    return [zone(state, one, now) for one in sorted(state.zones.values(), key=lambda one: one.name)]


def presence_counts(state: State) -> Counter[Presence]:
    return Counter(session.presence for session in state.sessions.values())


def _device(state: State, session: DeviceSession, now: Instant) -> DeviceView:
    place = state.zones[session.device.zone_id]
    adopted = session.device.standing is Standing.ADOPTED
    seen = contact(state, session, Instant(now.wall, now.mono - state.blind))
    return DeviceView(
        device=session.device,
        contact=seen,
        zone=place.name,
        site=state.sites[place.site_id].name,
        armed=is_armed(state, place, now.wall),
        allowed_interval=session.interval,
        pending_commands=len(session.commands) if session.commands else 0,
        reported_detector=session.reported_detector,
        key_epochs=session.signed.epochs if session.signed else (),
        path_proven=session.signed is not None and session.signed.proven,
        way=way(session, seen.last_contact),
        failover_causes=enabling(state, place.id) if adopted else (),
        dialect_suggested=session.dialect_suggested,
        picture=newest_picture(state, session),
    )


def _operator(state: State, session: DeviceSession, now: Instant) -> OperatorView:
    seen = contact(state, session, Instant(now.wall, now.mono - state.blind))
    return OperatorView(
        device=session.device,
        contact=seen,
        key_epochs=session.signed.epochs if session.signed else (),
        path_proven=session.signed is not None and session.signed.proven,
        way=way(session, seen.last_contact),
    )


def camera_names(state: State) -> set[str]:
    """Devices that are set up as cameras, or sent a picture."""
    return {state.by_id[device_id].device.name for device_id in state.cameras.keys() | state.galleries.keys()}


def camera(state: State, name: str) -> CameraView | None:
    session = state.sessions.get(name)
    if session is None:
        return None
    gallery = state.galleries.get(session.device.id, Gallery())
    return CameraView(
        device=name,
        camera=state.cameras.get(session.device.id) or cameras.usual(state, session.device.id),
        askable=capture.can_be_asked(state, session),
        failing=gallery.failing,
        picture=gallery.newest,
        asked=gallery.asked,
        taken=gallery.taken,
    )


def newest_picture(state: State, session: DeviceSession) -> Picture | None:
    gallery = state.galleries.get(session.device.id)
    return gallery.newest if gallery is not None else None


def picture_age(picture: Picture, wall: int) -> float:
    """Seconds since it was taken. Its source's clock may be ahead; ours knows that it was here."""
    return max(0, wall - min(picture.captured_at, picture.received_at)) / SECOND


def asked_for(view: CameraView) -> str:
    """The id of the picture that a person asked for last, come or not; empty: nobody did for a long while."""
    waiting = (upload for upload in reversed(view.asked) if view.asked[upload].trigger is Trigger.COMMAND)
    come = (picture.upload for picture in reversed(view.taken))
    return next(chain(waiting, come), "")


def zone(state: State, record: Zone, now: Instant) -> ZoneView:
    site = state.sites[record.site_id]
    return ZoneView(
        zone=record,
        site=site.name,
        time_zone=site.time_zone,
        armed=is_armed(state, record, now.wall),
        devices=len(state.zone_members.get(record.id, {})),
        failover_causes=tuple(state.causes.get(record.id, ())),
    )
