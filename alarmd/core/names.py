"""Names for the ids in records; None for what was forgotten meanwhile."""

from alarmd.core.state import State


def device_name(state: State, device_id: int | None) -> str | None:
    session = state.by_id.get(device_id) if device_id is not None else None
    return session.device.name if session else None


def zone_name(state: State, zone_id: int | None) -> str | None:
    zone = state.zones.get(zone_id) if zone_id is not None else None
    return zone.name if zone else None
