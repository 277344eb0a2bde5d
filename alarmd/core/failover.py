"""Failover alarm mode: what a device's detector is wanted to do = the operator's wish OR any cause.

A cause is a device of the zone that contact was lost with: its neighbours watch for it. Another one, of every zone, is
that the peer is lost; by a setting detectors are wanted on for it too, or else it only says that this server is alone.
Contact must be back for `failover_hysteresis` before the cause ends (or, latched, until the operator switches off).
Each change of a device's wanted state has a version, so that an older one never overrides a newer one.

Both servers of a pair work out the same; the one that serves a device tells it.
"""

from collections import deque
from collections.abc import Iterable

from alarmd.core import standby
from alarmd.core.commands import enqueue, supersede
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import SaveCause
from alarmd.core.event_kinds import EventKind
from alarmd.core.reassertion import may_reassert, note_asserted
from alarmd.core.records import Cause, Command, Dialect, Standing
from alarmd.core.state import UNASSIGNED, State
from alarmd.core.turn import Turn
from lfcp.constants import Verb

HYSTERESIS = "hysteresis"  # kind of appointment: did a zone's causes end?
UPDATES = "updates"  # kind of appointment: devices of a zone that do not know its mode yet
MAX_UPDATES = 500  # of them in one turn, some 15 ms and 2,000 rows: a large zone keeps no alarm waiting
UPDATES_GAP = 0.25  # s between two such turns
SERVER = "server "  # how the cause that is the peer begins
RESTART = "a restart"  # the cause that a zone in failover mode carries over one
DETECTOR = frozenset({str(Verb.ENAL), str(Verb.DSAL)})


def contact_lost(turn: Turn, session: DeviceSession) -> None:
    """A device of the zone is gone: its neighbours' detectors are wanted on."""
    zone_id = session.device.zone_id
    if session.device.standing is Standing.ADOPTED and turn.state.zones[zone_id].name != UNASSIGNED:
        add_cause(turn, zone_id, session.device.name, None)


def contact_found(turn: Turn, session: DeviceSession) -> None:
    """The cause ends when contact has held for a while."""
    zone_id = session.device.zone_id
    if session.device.name in turn.state.causes.get(zone_id, {}):
        add_cause(turn, zone_id, session.device.name, turn.now.mono + turn.state.settings.failover_hysteresis)


def add_cause(turn: Turn, zone_id: int, cause: str, ends: float | None) -> None:
    """ends: monotonic s; None while the cause goes on."""
    causes = turn.state.causes.setdefault(zone_id, {})
    was_normal, wanted_on = not causes, bool(enabling(turn.state, zone_id))
    causes[cause] = ends
    _tell_members(turn, zone_id, cause, ends)
    if ends is not None:
        turn.state.agenda.add(ends, HYSTERESIS, zone_id)
    if was_normal:
        turn.record(EventKind.MODE_CHANGED, f"failover alarm mode on: {_why(turn.state, cause)}", zone_id=zone_id)
    if enabling(turn.state, zone_id) and not wanted_on:
        _update_zone(turn, zone_id)


def drop_cause(turn: Turn, zone_id: int, cause: str) -> None:
    """The device left the zone, or is no longer ours."""
    if cause in turn.state.causes.get(zone_id, {}):
        _end_cause(turn, zone_id, cause, f"{cause} is no longer of this zone")


def check_hysteresis(turn: Turn, zone_id: int) -> None:
    """The appointment of a zone: end the causes whose time has come. Only what wants detectors on is latched."""
    state = turn.state
    causes = state.causes.get(zone_id, {}) if state.judges else {}  # of a cluster's members one ends them
    for cause in [name for name, ends in causes.items() if ends is not None and ends <= turn.now.mono]:
        if not (state.settings.failover_latched and _wants_on(state, cause)):
            _end_cause(turn, zone_id, cause, f"contact with {cause} is back")


def expect_ends(state: State) -> None:
    """From now on causes end here."""
    for zone_id, causes in state.causes.items():
        for ends in causes.values():
            if ends is not None:
                state.agenda.add(ends, HYSTERESIS, zone_id)


def release(turn: Turn, zone_id: int) -> None:
    """The operator switches off: latched causes whose contact is back end."""
    causes = turn.state.causes.get(zone_id, {})
    for cause in [name for name, ends in causes.items() if ends is not None]:
        _end_cause(turn, zone_id, cause, "the operator switched it off")


def cause_of(peer: str) -> str:
    """No device is called so: a name has no spaces."""
    return f"{SERVER}{peer}"


def enabling(state: State, zone_id: int) -> tuple[str, ...]:
    """The causes for which the zone's detectors are wanted on."""
    return tuple(cause for cause in state.causes.get(zone_id, ()) if _wants_on(state, cause))


def wish(turn: Turn, session: DeviceSession, on: bool, by: str, seconds: float) -> Command:
    """The operator's ENAL or DSAL: kept, and sent even if nothing changes, since somebody asked for it."""
    turn.change_device(session, detector_wish=on)
    if not on:
        release(turn, session.device.zone_id)
    _settle(turn, session)
    return _assert(turn, session, by, seconds)


def update(turn: Turn, session: DeviceSession) -> None:
    """Work out anew what is wanted of a device, and tell it if that changed."""
    changed, device = _settle(turn, session), session.device
    followed = device.wanted_detector is not None and device.dialect is not Dialect.SEED
    if changed and followed and standby.serves(turn.state, session):
        _assert(turn, session, "alarmd", turn.state.settings.command_time_to_live)


def reassert(turn: Turn, session: DeviceSession, why: str) -> None:
    """The device rebooted, or reports otherwise: tell it again, but do not nag."""
    if session.device.wanted_detector is None or not may_reassert(turn, session, DETECTOR):
        return
    turn.record(EventKind.WANTED_REASSERTED, why, session)
    _assert(turn, session, "alarmd", turn.state.settings.command_time_to_live)


def compare(turn: Turn, session: DeviceSession) -> None:
    """What the device just reported with what is wanted."""
    wanted, reported = session.device.wanted_detector, session.reported_detector
    if wanted is not None and reported is not None and wanted is not reported:
        reassert(turn, session, f"it reports alarms {'on' if reported else 'off'}")


def _wanted(turn: Turn, session: DeviceSession) -> bool | None:
    """Off is only ever sent to a device that somebody wanted on, or that the operator wants off."""
    device = session.device
    if device.standing is Standing.ADOPTED and enabling(turn.state, device.zone_id):
        return True
    if device.detector_wish is None and device.wanted_detector is not None:
        return False
    return device.detector_wish


def _settle(turn: Turn, session: DeviceSession) -> bool:
    """Keep what is wanted now; whether it changed."""
    device, wanted = session.device, _wanted(turn, session)
    if wanted is device.wanted_detector:
        return False
    turn.change_device(session, wanted_detector=wanted, wanted_version=device.wanted_version + 1)
    return True


def _assert(turn: Turn, session: DeviceSession, by: str, seconds: float) -> Command:
    supersede(turn, session, lambda command: command.verb in DETECTOR)
    note_asserted(turn, session, DETECTOR)
    verb = Verb.ENAL if session.device.wanted_detector else Verb.DSAL
    return enqueue(turn, session, str(verb), (), by, seconds)


def _why(state: State, cause: str) -> str:
    if cause.startswith(SERVER):
        return f"{cause} is lost, {state.settings.label} is alone"
    return f"contact lost with {cause}"


def _wants_on(state: State, cause: str) -> bool:
    pair = state.settings.pair
    return not cause.startswith(SERVER) or (pair is not None and pair.peer_lost_enables)


def _end_cause(turn: Turn, zone_id: int, cause: str, why: str) -> None:
    causes, wanted_on = turn.state.causes[zone_id], enabling(turn.state, zone_id)
    del causes[cause]
    _tell_members(turn, zone_id, cause, None, over=True)
    if not causes:
        del turn.state.causes[zone_id]
        turn.record(EventKind.MODE_CHANGED, f"failover alarm mode off: {why}", zone_id=zone_id)
    if wanted_on and not enabling(turn.state, zone_id):
        _update_zone(turn, zone_id)


def _tell_members(turn: Turn, zone_id: int, cause: str, ends: float | None, *, over: bool = False) -> None:
    if turn.state.settings.member is not None:
        ends_at = None if ends is None else turn.now.wall_at(ends)
        turn.effects.append(SaveCause(Cause(zone_id, cause, ends_at), over))


def enter_causes(turn: Turn, told: Iterable[Cause]) -> None:
    """Every cause that there is, as the members of the cluster stored them: the devices here follow."""
    state = turn.state
    before = {zone_id: bool(enabling(state, zone_id)) for zone_id in state.causes}
    state.causes.clear()
    for one in told:
        ends = None if one.ends_at is None else turn.now.mono_at(one.ends_at)
        state.causes.setdefault(one.zone_id, {})[one.cause] = ends
        if ends is not None:
            state.agenda.add(ends, HYSTERESIS, one.zone_id)
    for zone_id in before.keys() | state.causes.keys():
        if before.get(zone_id, False) is not bool(enabling(state, zone_id)):
            _update_zone(turn, zone_id)


def _update_zone(turn: Turn, zone_id: int) -> None:
    """Its devices follow the mode, at once if they are few."""
    updates = turn.state.mode_updates
    under_way = zone_id in updates
    updates[zone_id] = deque(turn.state.zone_members.get(zone_id, ()))
    if not under_way:
        update_some(turn, zone_id)


def update_some(turn: Turn, zone_id: int) -> None:
    """The appointment of a zone whose mode changed: go on with the devices that wait, unless storage lags behind."""
    state = turn.state
    waiting = state.mode_updates[zone_id]
    for _ in range(0 if state.backlog_full else min(MAX_UPDATES, len(waiting))):
        session = state.by_id.get(waiting.popleft())
        if session is not None:
            update(turn, session)
    if waiting:
        state.agenda.add(turn.now.mono + UPDATES_GAP, UPDATES, zone_id)
    else:
        del state.mode_updates[zone_id]
