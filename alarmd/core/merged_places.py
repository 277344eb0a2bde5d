"""Sites and zones of the peer: the last writer wins. Those of a new installation are older than anything."""

from dataclasses import replace

from alarmd.core.effects import SaveSite, SaveZone
from alarmd.core.joins import merged, newest
from alarmd.core.peer_names import UselessRecordError, site_of
from alarmd.core.records import Site, Told, Zone
from alarmd.core.schedule import parse_schedule
from alarmd.core.state import MAX_SITES, MAX_ZONES
from alarmd.core.turn import Turn
from lfcp import ProtocolError, check_name


def merge_site(turn: Turn, _told: Told, site: Site) -> None:
    state = turn.state
    mine = state.site_named(site.name)
    if mine is None:
        _check(site.name, len(state.sites), MAX_SITES)
    number = mine.id if mine is not None else state.last_site + 1
    result, _ = merged(newest, mine, replace(site, id=number))
    if result is not None:
        state.last_site = max(state.last_site, number)
        state.sites[number] = result
        turn.effects.append(SaveSite(result))


def merge_zone(turn: Turn, told: Told, zone: Zone) -> None:
    """A zone that was armed or disarmed at the peer is so here from now on."""
    state = turn.state
    mine, site = state.zone_named(zone.name), site_of(state, told.site)
    if mine is None:
        _check(zone.name, len(state.zones), MAX_ZONES)
    try:
        parse_schedule(zone.schedule)
    except ValueError as error:
        raise UselessRecordError(f"the schedule of zone {zone.name}: {error}") from error
    number = mine.id if mine is not None else state.last_zone + 1
    result, _ = merged(newest, mine, replace(zone, id=number, site_id=site.id))
    if result is not None:
        state.last_zone = max(state.last_zone, number)
        state.zones[number] = result
        state.spans.pop(zone.schedule, None)  # parsed again if another zone has it too
        turn.effects.append(SaveZone(result))


def check_told_name(name: str) -> None:
    try:
        check_name(name)
    except ProtocolError as error:
        raise UselessRecordError(f"the name {name!r}: {error.detail}") from error


def _check(name: str, count: int, limit: int) -> None:
    check_told_name(name)
    if count >= limit:
        raise UselessRecordError(f"there are {limit} already, no room for {name}")
