"""The other server of the pair: met, gone, lost, back. Who is alone says so and watches as hard as it can.

Time in which this server itself stood still counts for nobody: these deadlines run on the rules' clock too.
"""

from collections import deque

from alarmd.core import alarms, failover, numbering, peer_presence
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import PeerGone, PeerLeft, PeerMet
from alarmd.core.instant import SECOND
from alarmd.core.peer_lifecycle import Peering, PeerSign
from alarmd.core.records import Alarm, AlarmKind
from alarmd.core.settings import Pair
from alarmd.core.state import UNASSIGNED, State
from alarmd.core.turn import Turn

OVERDUE = "peer_overdue"  # kind of appointment: is the peer lost?
MODES = "peer_modes"  # kind of appointment: zones that do not know yet whether it is
MAX_MODES = 500  # of them in one turn
FIRST_MEETING = 30.0  # s after a start in which the peer is to be met
CLOCKS_APART = 2.0  # s between the two wall clocks that an operator should know of
LINK_SILENT = 6.0  # s for which the link may have been dead before it counted as down, see adapters/peer


def peer_met(turn: Turn, met: PeerMet) -> None:
    state, pair = turn.state, _pair(turn.state)
    numbering.lift(state, met.last_alarm, met.last_command)
    before = state.peer.move(PeerSign.MET, turn.now.mono)
    if before is Peering.MET:
        peer_presence.peer_ceased(turn, LINK_SILENT)
    state.peer_met = True
    peer_presence.tell_all(turn)
    if before is Peering.GONE:  # before anybody was told
        return
    turn.record(EventKind.PEER_MET, f"server {pair.peer}, alarmd {met.version}")
    if abs(met.clock_offset) > CLOCKS_APART:
        how = "ahead of" if met.clock_offset > 0 else "behind"
        text = f"the clock of server {pair.peer} is {abs(met.clock_offset):.1f} s {how} that of {state.settings.label}"
        turn.record(EventKind.CLOCKS_APART, text)
    if before is Peering.LOST:
        _found(turn, pair)


def peer_gone(turn: Turn, gone: PeerGone) -> None:
    """The link is down; who is back within lost_after of its last word was never gone. A longer silence than the link
    allows is one in which this server itself stood still."""
    state, pair = turn.state, _pair(turn.state)
    state.peer.reason = gone.reason
    since = turn.now.mono - min(gone.silent, LINK_SILENT)
    if state.peer.move(PeerSign.GONE, since) is Peering.MET:
        _alone(turn, LINK_SILENT)
        state.agenda.add(since + pair.lost_after, OVERDUE, 0)


def peer_left(turn: Turn, _left: PeerLeft) -> None:
    """A planned stop is no loss."""
    state, pair = turn.state, _pair(turn.state)
    before = state.peer.move(PeerSign.LEFT, turn.now.mono)
    if before is Peering.MET:
        _alone(turn, 0.0)
    if state.peer.peering is not before:
        turn.record(EventKind.PEER_LEFT, f"server {pair.peer} said goodbye; {state.settings.label} watches alone")


def started(turn: Turn) -> None:
    """A loss that was told before a restart is not told again; and what is no longer our peer is not lost."""
    state, pair = turn.state, turn.state.settings.pair
    alarm = own_alarm(state, AlarmKind.PEER_LOST)
    if alarm is not None and (pair is None or _subject(alarm) != pair.peer):
        alarms.clear(turn, alarm, "alarmd", f"server {_subject(alarm)} is no longer the peer")
        alarm = None
    if alarm is not None:
        state.peer.move(PeerSign.OVERDUE, turn.now.mono)
        _change_modes(turn)
    elif pair is not None:
        state.agenda.add(turn.now.mono + FIRST_MEETING, OVERDUE, 0)


def check_overdue(turn: Turn, _subject_id: int) -> None:
    """The appointment made when the peer went, or at the start; it may have come, and gone again later."""
    state, pair = turn.state, _pair(turn.state)
    waits = {Peering.AWAITED: FIRST_MEETING, Peering.GONE: pair.lost_after}.get(state.peer.peering)
    if waits is None or turn.now.mono < state.peer.since + waits:
        return
    state.peer.move(PeerSign.OVERDUE, turn.now.mono)
    reason = f": {state.peer.reason}" if state.peer.reason else ""
    text = f"{state.settings.label} is alone, without a word from it for {waits:.0f} s{reason}"
    turn.record(EventKind.PEER_LOST, f"server {pair.peer}: {text}")
    alarms.raise_alarm(turn, AlarmKind.PEER_LOST, None, pair.peer, text, told=True)
    _change_modes(turn)


def change_some_modes(turn: Turn, _subject_id: int) -> None:
    """The appointment of the zones: those that do not know yet follow what the peer is now."""
    state = turn.state
    cause = failover.cause_of(_pair(state).peer)
    lost = state.peer.peering is Peering.LOST
    for _ in range(0 if state.backlog_full else min(MAX_MODES, len(state.mode_untold))):
        zone_id = state.mode_untold.popleft()
        if lost:
            failover.add_cause(turn, zone_id, cause, None)
        elif cause in state.causes.get(zone_id, ()):
            failover.add_cause(turn, zone_id, cause, turn.now.mono + state.settings.failover_hysteresis)
    if state.mode_untold:
        state.agenda.add(turn.now.mono + failover.UPDATES_GAP, MODES, 0)


def own_alarm(state: State, kind: AlarmKind) -> Alarm | None:
    """The open alarm of a kind of which each server has one; the peer's own may be among ours."""
    mine = f"{kind}:{state.settings.label}:"
    return next((alarm for alarm in state.alarms.values() if alarm.identity.startswith(mine)), None)


def _alone(turn: Turn, silent: float) -> None:
    turn.state.peer_met = False
    turn.state.hears_untold.clear()
    peer_presence.peer_ceased(turn, silent)


def _found(turn: Turn, pair: Pair) -> None:
    alarm = own_alarm(turn.state, AlarmKind.PEER_LOST)
    if alarm is not None:  # else a person cleared it before
        gone = (turn.now.wall - alarm.raised_at) / SECOND
        alarms.clear(turn, alarm, "alarmd", f"server {pair.peer} is back, {gone:.0f} s after the alarm")
    _change_modes(turn)


def _change_modes(turn: Turn) -> None:
    """Every zone follows, at once if they are few."""
    state, under_way = turn.state, bool(turn.state.mode_untold)
    state.mode_untold = deque(zone.id for zone in state.zones.values() if zone.name != UNASSIGNED)
    if not under_way:
        change_some_modes(turn, 0)


def _subject(alarm: Alarm) -> str:
    return alarm.identity.split(":", 3)[-1]


def _pair(state: State) -> Pair:
    pair = state.settings.pair
    assert pair is not None, "only a server of a pair has a peer"
    return pair
