"""Whether a zone is armed: by the operator, or by its schedule in the time zone of its site."""

from alarmd.core.records import Arming, Zone
from alarmd.core.schedule import armed_at, parse_schedule
from alarmd.core.state import State


def is_armed(state: State, zone: Zone, wall: int) -> bool:
    if zone.arming is not Arming.SCHEDULE:
        return zone.arming is Arming.ARMED
    spans = state.spans.get(zone.schedule)
    if spans is None:
        spans = state.spans[zone.schedule] = parse_schedule(zone.schedule)
    try:
        local = state.time_zone(state.sites[zone.site_id].time_zone)
    except KeyError:  # this machine has lost its time zones: one alarm too many, not a motion that nobody is told of
        return True
    return armed_at(spans, wall, local)
