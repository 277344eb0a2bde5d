"""The wall time at a zone, for people who are told when something happened there."""

from datetime import UTC, datetime

from alarmd.adapters.time_zones import time_zone
from alarmd.core.instant import SECOND
from alarmd.core.state import State


def local_time(state: State, zone_id: int | None, wall: int) -> datetime:
    """In the time zone of the zone's site; without a zone, and where the time zone is gone, in UTC."""
    moment = datetime.fromtimestamp(wall / SECOND, UTC)
    zone = state.zones.get(zone_id) if zone_id is not None else None
    if zone is None:
        return moment
    try:
        return moment.astimezone(time_zone(state.sites[zone.site_id].time_zone))
    except KeyError:  # this machine has lost its time zones
        return moment
