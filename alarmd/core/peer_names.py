"""What the peer calls by name, as this server knows it. Zones, sites and devices have numbers of each server's own."""

from alarmd.core.device_session import DeviceSession
from alarmd.core.records import Device, Site, Zone
from alarmd.core.state import UNASSIGNED, State


class UselessRecordError(Exception):
    """A record of the peer that makes no sense here; nothing has changed. The text is for the log."""


def zone_id_of(state: State, name: str | None) -> int | None:
    zone = state.zone_named(name) if name is not None else None
    return zone.id if zone is not None else None


def zone_of_device(state: State, name: str | None) -> Zone:
    """A device is always in a zone: the one for those that nobody sorted, if need be."""
    zone = state.zone_named(name) if name is not None else None
    zone = zone or state.zone_named(UNASSIGNED)
    assert zone is not None, "it comes with the installation"
    return zone


def site_of(state: State, name: str | None) -> Site:
    site = state.site_named(name) if name is not None else None
    if site is None:
        raise UselessRecordError(f"there is no site {name!r}")
    return site


def session_of(state: State, name: str | None) -> DeviceSession:
    """Of a device that a record is nothing without. Raises UselessRecordError."""
    session = state.sessions.get(name) if name is not None else None
    if session is None:
        raise UselessRecordError(f"there is no device {name!r}")
    return session


def party_of(state: State, name: str | None) -> DeviceSession:
    """The same of an operator's machine too."""
    return state.operators.get(name or "") or session_of(state, name)


def forgotten(state: State, name: str | None) -> Device | None:
    """A device of this name that was forgotten, if there is no other by now."""
    return state.forgotten.get(name) if name is not None and state.party(name) is None else None


def device_id_of(state: State, name: str | None) -> int | None:
    """None: nobody knows the device any more, or there was no room for it. History gets on without."""
    if name is None:
        return None
    session = state.party(name)
    if session is not None:
        return session.device.id
    gone = forgotten(state, name)
    return gone.id if gone is not None else None
