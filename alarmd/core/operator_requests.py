"""What operators ask for, whichever way they ask: checked whole before anything changes."""

from alarmd.core import alarms, failover, supervision, uploads, wanted_state
from alarmd.core.absorption import standing_for
from alarmd.core.admission import forget, introduce
from alarmd.core.command_queue import MAX_QUEUED
from alarmd.core.commands import enqueue
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import Answer
from alarmd.core.event_kinds import EventKind
from alarmd.core.losses import cleared_by_hand, reconsider
from alarmd.core.named import check_is_no_operator, checked_name, session_of, zone_of
from alarmd.core.records import Alarm, Command, Dialect, Standing
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import AlarmAcknowledged, AlarmCleared, CommandRequested, DeviceAdopted, DeviceForgotten
from alarmd.core.state import HOME, UNASSIGNED
from alarmd.core.turn import Turn
from lfcp import ProtocolError, encode
from lfcp.constants import MAX_LIVE, VERBS, Verb
from lfcp.settings import check_setting
from lfcp.uploads import is_live_seconds

MAX_TIME_TO_LIVE = 7 * 86_400.0
KEPT = failover.DETECTOR | wanted_state.CAMERA | wanted_state.SETTING  # wishes: a newer one takes the older one's place


def command_requested(turn: Turn, request: CommandRequested) -> None:
    """Queue a command for one device, a zone's, or all adopted ones; for each or for none."""
    sessions = _targets(turn, request.target)
    seconds = request.time_to_live
    seconds = turn.state.settings.command_time_to_live if seconds is None else seconds
    if not 1 <= seconds <= MAX_TIME_TO_LIVE:
        raise RequestRefusedError("invalid", "time_to_live", f"must be 1 to {MAX_TIME_TO_LIVE:.0f} seconds")
    for session in sessions:
        _check_command(session, request)
    turn.effects.append(Answer(tuple(_queue(turn, session, request, seconds) for session in sessions)))


def device_adopted(turn: Turn, request: DeviceAdopted) -> None:
    """Make a device the operator's own, before it is first seen or after."""
    turn.effects.append(Answer((adopt(turn, request.operator, request.device, request.zone).device,)))


def adopt(turn: Turn, operator: str, name: str, zone_name: str | None) -> DeviceSession:
    session = turn.state.sessions.get(name)
    zone = zone_of(turn, zone_name or _zone_kept(turn, session))
    if session is None:
        check_is_no_operator(turn.state, name)
        checked_name(name, "device")
        if len(turn.state.sessions) >= turn.state.settings.max_devices:
            limit = turn.state.settings.max_devices
            raise RequestRefusedError("table_full", "device", f"{limit} devices are known; raise max_devices")
        session = introduce(turn, name, Standing.ADOPTED, zone.id)
    else:
        if zone.id != session.device.zone_id:
            failover.drop_cause(turn, session.device.zone_id, session.device.name)
        turn.change_device(session, standing=Standing.ADOPTED, zone_id=zone.id)
        alarms.count_as_adopted(turn.state, session)
        supervision.expect(turn, session)
        reconsider(turn, session)
    failover.update(turn, session)
    turn.record(EventKind.DEVICE_ADOPTED, f"into zone {zone.name} by {operator}", session)
    return session


def device_forgotten(turn: Turn, request: DeviceForgotten) -> None:
    session = session_of(turn, request.device)
    forget(turn, session, EventKind.DEVICE_FORGOTTEN, f"by {request.operator}")
    turn.effects.append(Answer((session.device,)))


def alarm_acknowledged(turn: Turn, request: AlarmAcknowledged) -> None:
    alarm = _open_alarm(turn, request.alarm_id)
    turn.effects.append(Answer((alarms.acknowledge(turn, alarm, request.operator),)))


def alarm_cleared(turn: Turn, request: AlarmCleared) -> None:
    alarm = _open_alarm(turn, request.alarm_id)
    cleared_by_hand(turn, alarm.id)
    text = f"alarm {alarm.id} cleared by {request.operator}"
    turn.effects.append(Answer((alarms.clear(turn, alarm, request.operator, text),)))


def _zone_kept(turn: Turn, session: DeviceSession | None) -> str:
    """Where a device goes that is adopted without a word about its zone."""
    name = turn.state.zones[session.device.zone_id].name if session else UNASSIGNED
    return HOME if name == UNASSIGNED else name


def _targets(turn: Turn, target: str) -> list[DeviceSession]:
    if target == "*":
        members = turn.state.zone_members.values()
        found = [session for zone in members for session in zone.values()]
    elif target.startswith("@"):
        found = list(turn.state.zone_members.get(zone_of(turn, target[1:]).id, {}).values())
    else:
        return [session_of(turn, target)]
    if not found:
        raise RequestRefusedError("no_devices", "target", f"{target} has no adopted devices; see `alarmd device adopt`")
    return sorted(found, key=lambda session: session.device.name)


def _check_command(session: DeviceSession, request: CommandRequested) -> None:
    device = session.device
    verb = VERBS.get(request.verb)
    if verb is None or not verb.command:
        known = ", ".join(name for name, entry in VERBS.items() if entry.command)
        raise RequestRefusedError("invalid", "verb", f"{request.verb!r} is no command; the commands are {known}")
    if device.standing is Standing.QUARANTINED:
        raise RequestRefusedError("quarantined", "device", f"{device.name} is quarantined; adopt it first")
    if len(request.params) != len(verb.asked):
        raise RequestRefusedError(
            "invalid",
            "params",
            f"{request.verb} takes {len(verb.asked)} parameters, {len(request.params)} were given",
        )
    try:
        encode(device.name, request.verb, *request.params)
    except ProtocolError as error:
        raise RequestRefusedError("invalid", "params", error.detail) from error
    if verb.secret and session.signed is None:
        _check_secret(session, request)
    if request.verb == Verb.CONF:
        _check_setting(session, request)
    if request.verb in uploads.NEW_VERBS:
        _check_picture(session, request)
    if device.dialect is Dialect.SEED and request.verb in failover.DETECTOR:
        raise RequestRefusedError(
            "unsupported",
            "verb",
            f"{device.name} turns its alarms on at every contact; disarm its zone instead",
        )
    if request.verb not in KEPT and session.commands and len(session.commands) >= MAX_QUEUED:
        raise RequestRefusedError("queue_full", "device", f"{device.name} has {MAX_QUEUED} commands waiting, the limit")


def _check_secret(session: DeviceSession, request: CommandRequested) -> None:
    if session.device.dialect is Dialect.SEED:
        raise RequestRefusedError(
            "unsupported",
            "verb",
            f"{session.device.name} would send the secret of {request.verb} on to anybody",
        )
    if not request.in_clear:
        raise RequestRefusedError(
            "in_clear",
            "in_clear",
            f"{request.verb} carries a secret and the device has no key; accept with --in-clear",
        )


def _check_setting(session: DeviceSession, request: CommandRequested) -> None:
    if session.signed is None:
        raise RequestRefusedError(
            "no_key", "device", f"{session.device.name} has no key; CONF needs one: `alarmd device add`"
        )
    try:
        check_setting(*request.params)
    except ProtocolError as error:
        raise RequestRefusedError("invalid", "params", error.detail) from error


def _check_picture(session: DeviceSession, request: CommandRequested) -> None:
    if request.verb not in session.knows:
        raise RequestRefusedError(
            "unsupported",
            "verb",
            f"{session.device.name} has not reported since the server's start that it knows {request.verb}",
        )
    if request.verb == Verb.LIVE and not is_live_seconds(request.params[0]):
        raise RequestRefusedError("invalid", "params", f"LIVE takes 1 to {MAX_LIVE} seconds")


def _queue(turn: Turn, session: DeviceSession, request: CommandRequested, seconds: float) -> Command:
    by = request.operator
    if request.verb in failover.DETECTOR:
        return failover.wish(turn, session, request.verb == Verb.ENAL, by, seconds)
    if request.verb in wanted_state.CAMERA:
        return wanted_state.wish_camera(turn, session, request.verb == Verb.WCAM, by, seconds)
    if request.verb == Verb.CONF:
        name, value = request.params
        return wanted_state.wish_setting(turn, session, name, int(value), by, seconds)
    return enqueue(turn, session, request.verb, request.params, by, seconds)


def _open_alarm(turn: Turn, alarm_id: int) -> Alarm:
    alarm = turn.state.alarms.get(standing_for(turn.state, alarm_id))
    if alarm is None:
        raise RequestRefusedError(
            "unknown_alarm", "alarm_id", f"no open alarm {alarm_id}; `alarmd alarms` lists the open ones"
        )
    return alarm
