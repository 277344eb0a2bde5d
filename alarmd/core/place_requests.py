"""What operators ask of sites, zones and a device's settings."""

from dataclasses import replace
from typing import Any

from alarmd.core import failover, rendezvous
from alarmd.core.commands import expire_secrets
from alarmd.core.device_session import MAX_MUTE, MAX_REPORT_WITHIN, MIN_REPORT_WITHIN, DeviceSession, allowed_interval
from alarmd.core.effects import Answer, SaveSite, SaveZone
from alarmd.core.event_kinds import EventKind
from alarmd.core.instant import SECOND
from alarmd.core.losses import reconsider
from alarmd.core.named import checked_name, session_of, zone_of
from alarmd.core.records import Arming, Dialect, Signing, Site, Standing, Zone
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import ArmingRequested, DeviceChanged, SiteRequested, ZoneRequested
from alarmd.core.schedule import parse_schedule
from alarmd.core.state import MAX_SITES, MAX_ZONES
from alarmd.core.supervision import excuse, file
from alarmd.core.turn import Turn


def device_changed(turn: Turn, request: DeviceChanged) -> None:
    """Change one device's settings; a device moved to another zone follows that zone's mode at once."""
    session = session_of(turn, request.device)
    changes = _changes(turn, session, request)
    before = session.device
    if changes.get("zone_id", before.zone_id) != before.zone_id or request.quarantined:
        failover.drop_cause(turn, session.device.zone_id, session.device.name)
    turn.change_device(session, **changes)
    if request.quarantined:
        rendezvous.left(turn, session)
    if session.device.dialect is Dialect.SEED:
        expire_secrets(turn, session, "its dialect takes no secrets")
    if before.signing is not session.device.signing is Signing.OPEN:
        expire_secrets(turn, session, "it cannot be sealed any more")
    if request.muted is not None:
        turn.state.muted[session.device.id] = turn.now.mono + request.muted
    excuse(session, allowed_interval(before.report_within))
    session.heartbeats_unanswered = 0
    file(turn, session)
    reconsider(turn, session)
    failover.update(turn, session)
    said = ", ".join(f"{name}={value}" for name, value in _said(request).items())
    turn.record(EventKind.DEVICE_CHANGED, f"{said} by {request.operator}", session)
    turn.effects.append(Answer((session.device,)))


def arming_requested(turn: Turn, request: ArmingRequested) -> None:
    """Arm or disarm a zone, or all ("*")."""
    state = turn.state
    named = list(state.zones.values()) if request.zone == "*" else [zone_of(turn, request.zone)]
    if request.schedule is not None:
        try:
            parse_schedule(request.schedule)
        except ValueError as error:
            raise RequestRefusedError("invalid", "schedule", str(error)) from error
    changed = [_armed(turn, zone, request) for zone in sorted(named, key=lambda zone: zone.name)]
    turn.effects.append(Answer(tuple(changed)))


def site_requested(turn: Turn, request: SiteRequested) -> None:
    """Make a site, or change the one of this name."""
    state = turn.state
    checked_name(request.name, "name")
    try:
        state.time_zone(request.time_zone)
    except KeyError as error:
        raise RequestRefusedError(
            "invalid",
            "time_zone",
            f"{request.time_zone!r} is no IANA time zone; write for example Europe/Prague",
        ) from error
    old = state.site_named(request.name)
    if old is None:
        _check_room(len(state.sites), MAX_SITES, "sites")
        state.last_site = state.after(state.last_site)
    site = Site(
        id=old.id if old else state.last_site,
        name=request.name,
        time_zone=request.time_zone,
        **turn.made(),
    )
    state.sites[site.id] = site
    turn.effects.append(SaveSite(site))
    turn.record(EventKind.SITE_CHANGED, f"site {site.name}, {site.time_zone}, by {request.operator}")
    turn.effects.append(Answer((site,)))


def zone_requested(turn: Turn, request: ZoneRequested) -> None:
    """Make a zone, armed, or move the one of this name to another site."""
    state = turn.state
    checked_name(request.name, "name")
    site = state.site_named(request.site)
    if site is None:
        raise RequestRefusedError("unknown_site", "site", f"no site {request.site!r}; `alarmd sites` lists them")
    old = state.zone_named(request.name)
    if old is None:
        _check_room(len(state.zones), MAX_ZONES, "zones")
        state.last_zone = state.after(state.last_zone)
        zone = Zone(state.last_zone, site.id, request.name, Arming.ARMED, "", **turn.made())
    else:
        zone = replace(old, site_id=site.id, **turn.made())
    _save(turn, zone, f"zone {zone.name} of site {site.name}", request.operator)
    turn.effects.append(Answer((zone,)))


def _changes(turn: Turn, session: DeviceSession, request: DeviceChanged) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if request.zone is not None:
        changes["zone_id"] = zone_of(turn, request.zone).id
    if request.dialect is not None:
        changes["dialect"] = request.dialect
    if request.arming_answers is not None:
        changes["arming_answers"] = request.arming_answers
    if request.report_within is not None:
        if not MIN_REPORT_WITHIN <= request.report_within <= MAX_REPORT_WITHIN:
            limits = f"{MIN_REPORT_WITHIN:.0f} to {MAX_REPORT_WITHIN:.0f}"
            raise RequestRefusedError("invalid", "report_within", f"must be {limits} seconds")
        changes["report_within"] = request.report_within
    if request.muted is not None:
        changes["muted_until"] = _muted_until(turn, request.muted)
    if request.signing is not None:
        changes["signing"] = _signing(session, request.signing)
    if request.quarantined is not None:
        changes["standing"] = _standing(session, request.quarantined)
        if changes["standing"] is Standing.ADMITTED is not session.device.standing:
            changes["wanted_version"] = (
                session.device.wanted_version + 1
            )  # a peer must not take it for one just admitted
    return changes


def _muted_until(turn: Turn, seconds: float) -> int | None:
    if not 0 <= seconds <= MAX_MUTE:
        raise RequestRefusedError("invalid", "muted", f"must be 0 to {MAX_MUTE:.0f} seconds")
    return turn.now.wall + round(seconds * SECOND) if seconds else None


def _signing(session: DeviceSession, signing: Signing) -> Signing:
    """A device has a key or has none; between the other two the operator may choose."""
    if (session.signed is None) is (signing is Signing.OPEN):
        return signing
    name = session.device.name
    fix = f"`alarmd device add {name}` gives it a key" if session.signed is None else "forget it to drop its key"
    has = "no key" if session.signed is None else "a key"
    raise RequestRefusedError("invalid", "signing", f"{name} has {has}; {fix}")


def _standing(session: DeviceSession, quarantined: bool) -> Standing:
    """Released from quarantine, a device is admitted; adopting it is another request."""
    if quarantined:
        return Standing.QUARANTINED
    standing = session.device.standing
    return Standing.ADMITTED if standing is Standing.QUARANTINED else standing


def _said(request: DeviceChanged) -> dict[str, Any]:
    names = ("zone", "dialect", "report_within", "arming_answers", "quarantined", "signing", "muted")
    return {name: getattr(request, name) for name in names if getattr(request, name) is not None}


def _armed(turn: Turn, zone: Zone, request: ArmingRequested) -> Zone:
    schedule = zone.schedule if request.schedule is None else request.schedule
    turn.state.spans.pop(zone.schedule, None)  # parsed again if another zone has it too
    changed = replace(zone, arming=request.arming, schedule=schedule, **turn.made())
    by_schedule = f" {schedule!r}" if request.arming is Arming.SCHEDULE else ""
    _save(turn, changed, f"zone {zone.name} {request.arming}{by_schedule}", request.operator)
    return changed


def _save(turn: Turn, zone: Zone, text: str, operator: str) -> None:
    turn.state.zones[zone.id] = zone
    turn.effects.append(SaveZone(zone))
    turn.record(EventKind.ZONE_CHANGED, f"{text} by {operator}", zone_id=zone.id)


def _check_room(count: int, limit: int, what: str) -> None:
    if count >= limit:
        raise RequestRefusedError("table_full", "name", f"there are {limit} {what}, the limit")
