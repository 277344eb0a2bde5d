"""Sites and zones that another member of the cluster made or changed, and which zones are in failover mode."""

from collections.abc import Iterable

from alarmd.core import failover
from alarmd.core.inputs import PlacesTold
from alarmd.core.records import Site, Zone
from alarmd.core.state import State
from alarmd.core.turn import Turn


def places_told(turn: Turn, told: PlacesTold) -> None:
    enter_places(turn.state, told.sites, told.zones)
    failover.enter_causes(turn, told.causes)


def enter_places(state: State, sites: Iterable[Site], zones: Iterable[Zone]) -> None:
    """None is ever deleted. A change of ours that is not stored yet has a newer stamp, and stays."""
    for site in sites:
        known = state.sites.get(site.id)
        if known is None or known.hlc <= site.hlc:
            state.sites[site.id] = site
    for zone in zones:
        mine = state.zones.get(zone.id)
        if mine is None or mine.hlc <= zone.hlc:
            state.zones[zone.id] = zone
