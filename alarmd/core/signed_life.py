"""What a device with a key proves: that it lives, where it is, that it is one; docs/protocol.md, "Life".

A heartbeat that somebody held back or repeats proves nothing: only an echo of what this run of the server sent lately
does. Where it lives is told by rebinding.py.
"""

from sys import intern

from alarmd.core import (
    alarms,
    failover,
    heartbeats,
    mappings,
    messages,
    rebinding,
    rendezvous,
    signed_commands,
    supervision,
    uploads,
    wanted_state,
)
from alarmd.core.boots import BootSign
from alarmd.core.device_session import MISSES, DeviceSession
from alarmd.core.event_kinds import EventKind
from alarmd.core.message_limits import over_limit
from alarmd.core.paths import Path
from alarmd.core.records import AlarmKind, Presence, Standing
from alarmd.core.rejections import Rejection
from alarmd.core.signed_exchange import SignedExchange
from alarmd.core.signed_replies import (
    acknowledge_as_usual,
    acknowledge_heartbeat,
    acknowledge_sleep,
    synchronise,
    usual_answer,
)
from alarmd.core.signed_session import MAX_LIFT, SignedSession, Usual
from alarmd.core.turn import Turn
from lfcp import Report, read_report
from lfcp.constants import Verb
from lfcp.report import REPORTING
from lfcp.signed_fields import read_boot, read_counter, read_seconds

SYNC_GAP = 10.0  # s between two SYNCs for one boot to one address


def heartbeat(turn: Turn, exchange: SignedExchange) -> Rejection | None:
    session, signed = exchange.session, exchange.signed
    if signed.usual is not None and _is_as_usual(turn, exchange, signed.usual):
        session.seen, session.asleep_until = turn.now.mono, None
        acknowledge_as_usual(turn, session, signed, exchange.frame.path, exchange.counter, signed.usual.answer)
        return None
    report = read_report(exchange.message)
    if report is None or report.boot_id is None:
        return Rejection.BAD_FIELDS
    unseen = session.path is None
    alive = _alive(turn, exchange, report.boot_id, report.echo)
    here = rebinding.locate(turn, exchange, alive, report.echo)
    if alive and session.path is not None and (unseen or not exchange.copy):
        _live(turn, session, signed, report)
    if not (alive and here and signed_commands.answer(turn, exchange)):
        proven = (alive and here) or not exchange.newest  # one that was overtaken needs no other
        acknowledge_heartbeat(turn, session, exchange.frame.path, exchange.counter, proven)
    _expect_the_same(exchange, alive and here, report)
    return None


def _expect_the_same(exchange: SignedExchange, proven: bool, report: Report) -> None:
    """May the next heartbeat be answered like this one?"""
    session, signed, params = exchange.session, exchange.signed, exchange.message.params
    settled = proven and session.presence is Presence.ONLINE and not session.commands
    settled = settled and signed.doubt is None and mappings.settled(session)
    if settled and report.boot_id is not None and wanted_state.agrees(session, report):
        answer = usual_answer(session, exchange.frame.path)
        signed.usual = Usual(intern(params[1]), session.boot_id or "", intern(params[3]), answer)
    else:
        signed.usual = None


def _is_as_usual(turn: Turn, exchange: SignedExchange, usual: Usual) -> bool:
    """The newest heartbeat of a device that lives where it was, and says nothing new but its counters."""
    session, signed, params = exchange.session, exchange.signed, exchange.message.params
    boot_id, _, echo = params[2].partition(".")
    if not exchange.newest or signed.challenged or session.path is None or exchange.frame.path != session.path:
        return False
    if params[3] != usual.state or boot_id != usual.boot_id or params[1] != usual.interval or params[0] != REPORTING:
        return False
    counter = read_counter(echo)
    age = signed.age_of(counter, turn.now.mono) if counter is not None else None
    if age is None or age > MISSES * session.interval:
        return False
    signed.copies = (session.path,)
    return True


def sleep(turn: Turn, exchange: SignedExchange) -> Rejection | None:
    """Silence that a proven frame announces is normal."""
    session, path = exchange.session, exchange.frame.path
    boot, seconds = read_boot(exchange.message.params[2]), read_seconds(exchange.message.params[0])
    if boot is None or not seconds:
        return Rejection.BAD_FIELDS
    alive = _alive(turn, exchange, *boot)
    rebinding.locate(turn, exchange, alive, boot[1])
    alive = alive and session.path is not None
    if alive and not (exchange.copy and session.presence is Presence.ASLEEP):
        if not messages.within_limits(turn, session, exchange.frame):
            return None
        supervision.heard(turn, session)
        supervision.declare_sleep(turn, session, seconds)
    acknowledge_sleep(turn, session, path, exchange.counter, alive)
    return None


def repeated(turn: Turn, exchange: SignedExchange) -> Rejection | None:
    """A heartbeat or SLEP with a stale counter. The genuine one may be it, if somebody was faster with a copy."""
    session, signed, path = exchange.session, exchange.signed, exchange.frame.path
    boot = read_boot(exchange.message.params[2])
    if boot is None:
        return Rejection.BAD_FIELDS
    newest = exchange.counter == signed.up.highest and boot[0] == signed.boots.current
    if newest and signed.wants_copy(path, session.path):
        again = heartbeat if exchange.message.verb == Verb.HEARTBEAT else sleep
        return again(turn, exchange._replace(newest=True, copy=True))
    return synchronise_if_reset(turn, exchange, boot[0])


def synchronise_if_reset(turn: Turn, exchange: SignedExchange, boot_id: str) -> Rejection | None:
    """A boot that the newest frame did not name: the device may have lost its counter, so it is told ours."""
    session, signed, path = exchange.session, exchange.signed, exchange.frame.path
    if boot_id == signed.boots.current or signed.up.highest > MAX_LIFT or _synchronised(turn, signed, boot_id, path):
        return Rejection.REPLAYED
    signed.synced = boot_id, path, turn.now.mono
    text = f"a frame of boot {boot_id} from {path} has a counter that was used"
    turn.record_sometimes(EventKind.COUNTER_STALE, text, session, signed)
    synchronise(turn, session, signed, path, boot_id)
    return None


def _synchronised(turn: Turn, signed: SignedSession, boot_id: str, path: Path) -> bool:
    """Just now. Replays of other boots, or from elsewhere, do not keep a device from being told."""
    if signed.synced is None:
        return False
    boot, where, mono = signed.synced
    return (boot, where) == (boot_id, path) and turn.now.mono - mono < SYNC_GAP


def enter_boot(turn: Turn, session: DeviceSession, signed: SignedSession, boot_id: str) -> None:
    """The newest frame names this boot."""
    was, sign = signed.boots.current, signed.boots.enter(boot_id)
    session.boot_id = signed.boots.current  # one string for all that remember it
    if sign is BootSign.SAME:
        return
    signed.rebooted = True
    turn.uncache(session)
    rendezvous.restarted(turn, session)
    is_operator = session.device.standing is Standing.OPERATOR
    if is_operator:
        signed.proven = False  # another program, on another socket: nobody waits where the last one was
    if over_limit(turn, session) is None:
        turn.save_contact(session)  # a clone must be seen over a restart of ours too
        if not is_operator:  # which starts anew for every connection
            turn.record(EventKind.DEVICE_REBOOTED, f"boot {boot_id}, was {was}", session)
    if sign is BootSign.RETURNED:
        _cloned(turn, session, signed)


def _alive(turn: Turn, exchange: SignedExchange, boot_id: str, echo: int) -> bool:
    session, signed = exchange.session, exchange.signed
    if not exchange.newest:
        return False
    enter_boot(turn, session, signed, boot_id)
    if signed.down < echo <= MAX_LIFT:
        signed.lift(echo)
    age = signed.age_of(echo, turn.now.mono)
    return age is not None and age <= MISSES * session.interval


def _live(turn: Turn, session: DeviceSession, signed: SignedSession, report: Report) -> None:
    before = session.seen
    supervision.heard(turn, session)
    mappings.followed(turn, session, signed, report)
    if session.device.standing is Standing.OPERATOR:
        return
    session.reported_detector = report.detector
    uploads.follow(turn, session, report)
    heartbeats.count_regular(turn, session, turn.now.mono - before, first=False)
    if signed.rebooted:
        signed.rebooted = False
        failover.reassert(turn, session, "it rebooted")
    wanted_state.compare(turn, session, signed, report)


def _cloned(turn: Turn, session: DeviceSession, signed: SignedSession) -> None:
    name, text = session.device.name, "two devices use its key"
    turn.record_sometimes(EventKind.CLONED, text, session, signed)
    if signed.tamper_alarm not in turn.state.alarms:
        told = session.device.standing is not Standing.QUARANTINED
        alarm = alarms.raise_alarm(turn, AlarmKind.TAMPER, session, name, text, told)
        signed.tamper_alarm = alarm.id
