"""The alarms of lost contact: who joins one, when the last one back ends it, who stays away when others are back.

A shared alarm (a site's, the uplink's) says that a line is down. As soon as any device is heard on that line it takes
no more members, or a later, separate loss would hide in it; and who is not back within its own report_within has a
fault of its own and gets an alarm of its own.

Devices that the peer hears are not lost: one alarm of this server tells of the path to all of them.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

from alarmd.core import failover
from alarmd.core.alarms import clear, raise_alarm
from alarmd.core.device_session import MIN_REPORT_WITHIN, DeviceSession
from alarmd.core.instant import SECOND
from alarmd.core.loss_causes import (
    SHARED,
    SITE_DEVICES,
    UPLINK,
    Loss,
    close_loss,
    drop_loss,
    line_works,
    loss_key,
    members_here,
    open_loss,
    path_key,
)
from alarmd.core.records import Alarm, AlarmKind, Presence, Standing
from alarmd.core.routing import tell
from alarmd.core.state import State
from alarmd.core.turn import Turn

MEMBERS = "members"  # kind of appointment: did the loss get more members?
MEMBERS_TOLD = 10.0  # s after which they are told, in one message
STRAGGLERS = "stragglers"  # kind of appointment: who stays away although the line works?
MAX_STRAGGLERS = 500  # told apart in one turn
MAX_NAMED = 5  # lost devices that a message names


def tell_loss(turn: Turn, session: DeviceSession, kind: AlarmKind) -> None:
    """The alarm of a device that is lost: a new one, or the open one of the same cause."""
    silence = turn.state.seconds_since(session.silent_since(), turn.now.mono)
    _join(turn, session, loss_key(kind, session), lambda: f"no contact for {silence:.0f} s")
    if kind is not AlarmKind.UPLINK_LOST:
        failover.contact_lost(turn, session)


def tell_path(turn: Turn, session: DeviceSession) -> None:
    """The alarm of a device that is silent here only. Nothing if it tells of it already; one in quarantine is told
    nobody."""
    if session.loss_alarm is None and session.device.standing is not Standing.QUARANTINED:
        _join(turn, session, path_key(turn.state), lambda: _path_text(turn.state, {session.device.id}))


def _join(turn: Turn, session: DeviceSession, key: tuple[AlarmKind, str], text: Callable[[], str]) -> None:
    """text: of a new alarm."""
    alarm = turn.state.alarms.get(turn.state.loss_alarms.get(key, 0))
    if alarm is None:
        told = session.device.standing is not Standing.QUARANTINED
        one_device = session if key[0] is AlarmKind.CONTACT_LOST else None
        alarm = raise_alarm(turn, key[0], one_device, key[1], text(), told)
        open_loss(turn.state, key, alarm.id)
    else:
        _expect_members(turn.state, alarm.id, turn.now.mono)
    turn.state.losses[alarm.id].members.add(session.device.id)
    session.loss_alarm = alarm.id


def forget_loss(turn: Turn, session: DeviceSession, alarm_id: int, text: str) -> None:
    """One device less that the alarm of a loss is about; the last one ends it."""
    session.loss_alarm = None
    leave_loss(turn, session.device.id, alarm_id, text)


def leave_loss(turn: Turn, device_id: int, alarm_id: int, text: str) -> None:
    """The same of a device that need not be here: another member of the cluster may have found it."""
    members = turn.state.losses[alarm_id].members
    members.discard(device_id)
    if not members:
        _end(turn, alarm_id, text)


def reconsider(turn: Turn, session: DeviceSession) -> None:
    """The zone or standing of a device changed: if it is lost, somebody may have to know who did not before."""
    if session.presence is Presence.ELSEWHERE:
        tell_path(turn, session)
    if session.presence is not Presence.LOST:
        return
    alarm = turn.state.alarms.get(session.loss_alarm or 0)
    if alarm is not None and not alarm.told and session.device.standing is not Standing.QUARANTINED:
        forget_loss(turn, session, alarm.id, f"{session.device.name} is quarantined no more")
        tell_loss(turn, session, AlarmKind.CONTACT_LOST)
    elif not blames_uplink(turn.state, session):
        failover.contact_lost(turn, session)


def blames_uplink(state: State, session: DeviceSession) -> bool:
    return session.loss_alarm is not None and state.losses[session.loss_alarm].key[0] is AlarmKind.UPLINK_LOST


def heard_on_its_line(turn: Turn, session: DeviceSession) -> None:
    """A device is heard where it was seen last, here or at the peer: that line works."""
    state = turn.state
    if not state.loss_alarms:
        return
    for key in (UPLINK, loss_key(AlarmKind.SITE_LOST, session)):
        alarm_id = state.loss_alarms.get(key)
        if alarm_id is not None:
            expect_the_rest(state, alarm_id, turn.now.mono)


def cleared_by_hand(turn: Turn, alarm_id: int) -> None:
    """A person says it is over. Of devices, that is all; who stays away when a line is back is news all the same."""
    loss = turn.state.losses.get(alarm_id)
    if loss is None:
        return
    if loss.key[0] in SHARED:
        expect_the_rest(turn.state, alarm_id, turn.now.mono)
    else:
        drop_loss(turn.state, alarm_id)


def expect_the_rest(state: State, alarm_id: int, mono: float) -> None:
    """From now on nobody joins this loss, and its members are expected back once the line works."""
    close_loss(state, alarm_id)
    loss = state.losses[alarm_id]
    loss.works_since = mono if line_works(state, loss.key) else None
    state.agenda.add(mono + MIN_REPORT_WITHIN, STRAGGLERS, alarm_id)


def check_stragglers(turn: Turn, alarm_id: int) -> None:
    """The appointment of a shared loss that nobody joins any more: is the line down again, or who stays away?"""
    state, mono = turn.state, turn.now.mono
    loss = state.losses.get(alarm_id)
    if loss is None:
        return
    if not line_works(state, loss.key):
        loss.works_since = None
    elif loss.works_since is None:
        loss.works_since = mono
    else:
        overdue = mono - loss.works_since
        away = members_here(state, loss)
        _tell_apart(turn, alarm_id, [one for one in away if one.device.report_within <= overdue])
    state.agenda.add(mono + MIN_REPORT_WITHIN, STRAGGLERS, alarm_id)


def check_members(turn: Turn, alarm_id: int) -> None:
    """The appointment of a loss that got more members: tell of all of them in one message."""
    state = turn.state
    alarm = state.alarms.get(alarm_id)
    loss = state.losses.get(alarm_id)
    if loss is None:
        return
    loss.members_expected = False
    if alarm is None or len(loss.members) <= loss.told:
        return
    loss.told = len(loss.members)
    changed = _with_members(turn, alarm, loss)
    turn.save_alarm(changed)
    tell(turn, changed, "changed", changed.text, revision=changed.hlc)


def restore_loss(state: State, alarm: Alarm, mono: float, newest: bool) -> None:
    """After a restart, once all members of an alarm are known. newest: no later alarm is about the same cause."""
    loss = state.losses[alarm.id]
    loss.told = alarm.event_count
    if len(loss.members) > loss.told:
        _expect_members(state, alarm.id, mono)
    if newest:
        state.loss_alarms[loss.key] = alarm.id
    if loss.key[0] in SHARED and (not newest or line_works(state, loss.key)):
        expect_the_rest(state, alarm.id, mono)


def _expect_members(state: State, alarm_id: int, mono: float) -> None:
    loss = state.losses[alarm_id]
    if not loss.members_expected:
        loss.members_expected = True
        state.agenda.add(mono + MEMBERS_TOLD, MEMBERS, alarm_id)


def _tell_apart(turn: Turn, alarm_id: int, away: list[DeviceSession]) -> None:
    """Each has a fault of its own, or shares its site's."""
    state = turn.state
    hosts = Counter(session.path.host for session in away if session.path is not None)
    for session in islice(away, MAX_STRAGGLERS):
        forget_loss(turn, session, alarm_id, "the line is back; who stays away is told apart")
        assert session.path is not None, "supervised devices have been seen somewhere"
        host = session.path.host
        site = not line_works(state, (AlarmKind.SITE_LOST, host)) and hosts[host] >= SITE_DEVICES
        tell_loss(turn, session, AlarmKind.SITE_LOST if site else AlarmKind.CONTACT_LOST)


def _end(turn: Turn, alarm_id: int, text: str) -> None:
    drop_loss(turn.state, alarm_id)
    alarm = turn.state.alarms.get(alarm_id)
    if alarm is not None:  # else a person cleared it before
        gone = (turn.now.wall - alarm.raised_at) / SECOND
        clear(turn, alarm, "alarmd", f"{text}, {gone:.0f} s after the alarm")


def _with_members(turn: Turn, alarm: Alarm, loss: Loss) -> Alarm:
    members = loss.members
    if alarm.kind is AlarmKind.PATH_LOST:
        text = _path_text(turn.state, members)
    else:
        text = f"{len(members)} devices without contact: {_names(turn.state, members)}"
    return replace(alarm, text=text, event_count=len(members), last_event_at=turn.now.wall, **turn.made())


def _path_text(state: State, members: set[int]) -> str:
    """Looks at every session, which takes some milliseconds of 100,000; told at most once in MEMBERS_TOLD."""
    label, pair = state.settings.label, state.settings.pair
    assert pair is not None, "only a peer hears what this server does not"
    supervised = sum(session.presence is not Presence.NEW for session in state.by_id.values())
    devices = f"{supervised} device{'' if supervised == 1 else 's'}"
    if state.total.present == 0 and supervised > 1:
        return f"{label} hears none of its {devices}, {pair.peer} does: its own line"
    return f"{label} does not hear {_names(state, members)} (of {devices}), {pair.peer} does"


def _names(state: State, members: set[int]) -> str:
    """Of those that are here: in a cluster another member may just have found one."""
    here = (state.by_id[member].device.name for member in members if member in state.by_id)
    more = f" and {len(members) - MAX_NAMED} more" if len(members) > MAX_NAMED else ""
    return f"{', '.join(heapq.nsmallest(MAX_NAMED, here))}{more}"
