"""Who is heard and who is not: late, lost, elsewhere, asleep, found. The server's own blindness is never a device's
loss, nor is what the peer hears lost.
"""

from collections.abc import Sequence
from itertools import islice

from alarmd.core import failover
from alarmd.core.deadlines import BUCKET
from alarmd.core.device_session import MAX_SLEEP, DeviceSession, Sign
from alarmd.core.effects import HandOver, TellPeer
from alarmd.core.event_kinds import EventKind
from alarmd.core.instant import SECOND, Instant
from alarmd.core.loss_causes import classify, count_in, count_out
from alarmd.core.losses import forget_loss, heard_on_its_line, tell_loss, tell_path
from alarmd.core.paths import Path
from alarmd.core.records import Presence
from alarmd.core.turn import Turn

MAX_LOOKS = 500  # sessions in one tick, some 3 ms: devices that were switched on together keep nobody else waiting
CHECKPOINT = 60.0  # s after which a contact is written again, when the wheel looks at the session anyway
TICK = 1.0  # s; the timer fires at least this often, so that a stall of ours is seen
BLIND = 2.0  # s that the timer may be late before the server counts as blind
STALL = TICK + BLIND  # s since the last tick after which it was blind, whatever tells first
SLEEP_AFTER_DSLP = 3600.0  # s of silence that are normal after DSLP, unless the device says SLEP
CLOCK_STEP = 2.0  # s that the wall clock may drift from the monotonic one between two ticks


def heard(turn: Turn, session: DeviceSession) -> None:
    """Any valid frame is a sign of life."""
    session.seen = turn.now.mono
    session.asleep_until = None
    if session.presence in (Presence.ONLINE, Presence.NEW):
        if turn.state.settings.member is not None and session.seen - session.saved >= CHECKPOINT:
            turn.save_contact(session)  # whoever takes it next goes by what is stored
        return
    was, alarm_id = session.presence, session.loss_alarm
    _move(turn, session, Sign.HEARD)
    file(turn, session)
    if was is Presence.LOST:
        _found(turn, session, "contact is back")
    elif alarm_id is not None:
        forget_loss(turn, session, alarm_id, f"{turn.state.settings.label} hears {session.device.name} again")
    if was is not Presence.LATE or alarm_id is not None or turn.state.settings.member is not None:
        turn.save_contact(session)


def heard_elsewhere(turn: Turn, session: DeviceSession) -> None:
    """The peer hears one that is beyond its limit here: it is not lost, our path to it is."""
    was = session.presence
    _move(turn, session, Sign.PEER_HEARS)
    if was is Presence.LOST:
        _found(turn, session, "the peer hears it")
    tell_path(turn, session)
    turn.save_contact(session)


def unheard_elsewhere(turn: Turn, session: DeviceSession, at: float) -> None:
    """The peer does not hear it any more. at: when it said so, having waited for one interval; on the rules' clock.
    What it heard last counts as heard here: a loss is told within the limit since anybody heard the device, and not
    before."""
    session.seen = max(session.seen, at - session.interval)
    if session.presence is Presence.ELSEWHERE:
        _move(turn, session, Sign.PEER_CEASED)
        file(turn, session)


def heartbeats_repeated(turn: Turn, sessions: Sequence[DeviceSession]) -> None:
    """The listener answered them from its cache, which holds online sessions only."""
    mono = turn.now.mono
    for session in sessions:
        session.seen = mono


def become_regular(turn: Turn, session: DeviceSession) -> None:
    """A new device has proved that it reports: from now on its silence means something."""
    _move(turn, session, Sign.BECAME_REGULAR)
    if session.device.id in turn.state.strangers:
        turn.state.strangers.move_to_end(session.device.id)  # out of reach of eviction
    file(turn, session)
    turn.save_contact(session)


def expect(turn: Turn, session: DeviceSession) -> None:
    """A device that sent heartbeats before it was adopted is supervised from now on, whether it sends more or not. One
    past its limit gets one interval."""
    if session.presence is Presence.NEW and session.regular:
        session.seen = max(session.seen, turn.now.mono - session.device.report_within + session.interval)
        become_regular(turn, session)


def excuse(session: DeviceSession, interval: float) -> None:
    """Its limit was shortened: until its next heartbeat it keeps to the interval that it was told before."""
    if session.presence in (Presence.ONLINE, Presence.LATE) and session.interval < interval:
        session.asleep_until = session.silent_since() + interval


def declare_sleep(turn: Turn, session: DeviceSession, seconds: float) -> None:
    """Silence is normal until then, bounded by MAX_SLEEP, and a fault after."""
    session.asleep_until = turn.now.mono + min(seconds, MAX_SLEEP)
    _move(turn, session, Sign.SLEEP_DECLARED)
    if session.loss_alarm is not None:
        forget_loss(turn, session, session.loss_alarm, f"{session.device.name} is asleep")
    turn.uncache(session)
    file(turn, session)
    turn.save_contact(session)
    turn.record(EventKind.DEVICE_ASLEEP, f"for {min(seconds, MAX_SLEEP):.0f} s", session)


def move_path(turn: Turn, session: DeviceSession, path: Path) -> None:
    """Heartbeats come from here now."""
    first, old = session.path is None, session.path
    if old is not None and not old.same_peer(path):  # after a restart of ours only the socket is another one
        session.known_way().leave(old, path, turn.now.wall)
    count_out(turn.state, session)
    session.path = path
    count_in(turn.state, session)
    if first:
        turn.save_contact(session)
    if session.presence is Presence.ONLINE:
        heard_on_its_line(turn, session)
    turn.uncache(session)


def file(turn: Turn, session: DeviceSession) -> None:
    due = session.deadline()
    if due is not None:
        turn.state.wheel.file(session, due)


def tick(turn: Turn) -> None:
    """Look at the sessions whose bucket is due, some at a time: the timer fires again at once for the rest."""
    stale: list[DeviceSession] = []
    late: list[int] = []
    for session in islice(turn.state.wheel.take_due(turn.now.mono), MAX_LOOKS):
        missed = _look_at(turn, session)
        file(turn, session)
        if missed and turn.state.settings.member is not None:  # the judge counts by what is stored
            stale.append(session)
            late.append(session.device.id)
        forgotten = turn.state.by_id.get(session.device.id) is not session
        if session.seen - session.saved >= CHECKPOINT and not forgotten:
            stale.append(session)
    turn.save_contacts(stale)
    if late and not turn.state.judges:
        turn.effects.append(HandOver(tuple(late)))


def _look_at(turn: Turn, session: DeviceSession) -> bool:
    """Whether it has become late."""
    due = session.deadline()
    if due is None or due > turn.now.mono + BUCKET / 2:
        return False
    if session.presence is Presence.LATE:
        _lose(turn, session)
        return False
    _move(turn, session, Sign.INTERVAL_MISSED)
    turn.uncache(session)
    return True


def _move(turn: Turn, session: DeviceSession, sign: Sign) -> None:
    was_heard = session.is_heard
    count_out(turn.state, session)
    session.move(sign)
    count_in(turn.state, session)
    if session.presence in (Presence.ONLINE, Presence.ELSEWHERE):
        heard_on_its_line(turn, session)
    if session.is_heard is not was_heard:
        tell_peer(turn, session)


def tell_peer(turn: Turn, session: DeviceSession) -> None:
    """That this server hears it now, or does not."""
    if turn.state.peer_met:
        name = (session.device.name,)
        turn.effects.append(TellPeer(heard=name) if session.is_heard else TellPeer(unheard=name))


def _lose(turn: Turn, session: DeviceSession) -> None:
    if session.device.name in turn.state.peer_hears:
        heard_elsewhere(turn, session)
        return
    kind, path_alarm = classify(turn.state, session), session.loss_alarm
    _move(turn, session, Sign.LIMIT_REACHED)
    turn.save_contact(session)
    silence = turn.state.seconds_since(session.silent_since(), turn.now.mono)
    if path_alarm is not None:
        forget_loss(turn, session, path_alarm, f"nobody hears {session.device.name} any more")
    tell_loss(turn, session, kind)
    turn.record(EventKind.CONTACT_LOST, f"silent for {silence:.0f} s", session, alarm_id=session.loss_alarm)


def _found(turn: Turn, session: DeviceSession, how: str) -> None:
    alarm_id = session.loss_alarm
    turn.record(EventKind.CONTACT_FOUND, how, session, alarm_id=alarm_id)
    failover.contact_found(turn, session)
    if alarm_id is not None:
        forget_loss(turn, session, alarm_id, f"{session.device.name}: {how}")


def save_all(turn: Turn) -> None:
    """Write every contact that is not up to date: the last thing before a planned stop."""
    turn.save_contacts([session for session in turn.state.by_id.values() if session.seen > session.saved])


def watch_clocks(turn: Turn) -> None:
    """Compare when the timer was to fire at the latest with now: the time between is time in which nobody was heard.

    Before anything else of a turn: a frame that was stamped with the time before the shift would count as heard that
    much later than it was, and its device's loss be told that much too late.
    """
    state = turn.state
    real = Instant(turn.now.wall, turn.now.mono + state.blind)
    passed = real.mono - state.last_tick.mono
    late = passed - TICK
    if late > BLIND:
        state.stalls.append((state.last_tick.mono - state.blind, late))
        state.blind += late
        turn.now = Instant(real.wall, real.mono - state.blind)
        turn.record(EventKind.SERVER_BLIND, f"this server stood still for {late:.1f} s; deadlines wait as long")
    step = (real.wall - state.last_tick.wall) / SECOND - passed
    if abs(step) > CLOCK_STEP:
        turn.record(EventKind.CLOCK_STEPPED, f"the wall clock was set by {step:+.0f} s")
    state.last_tick = real
