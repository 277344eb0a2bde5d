"""What a device with a key proves: that it lives, where it is, that it is one; docs/protocol.md, "Life".

A heartbeat that somebody held back or repeats proves nothing: only an echo of what this run of the server sent lately
does. An address is believed when something that was sent there alone comes back.
"""

from alarmd.core import alarms, failover, heartbeats, messages, signed_commands, supervision, wanted_state
from alarmd.core.boots import BootSign
from alarmd.core.device_session import MISSES, DeviceSession
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import ConnectionClosed
from alarmd.core.message_limits import over_limit
from alarmd.core.paths import Path
from alarmd.core.records import AlarmKind, Standing
from alarmd.core.rejections import Rejection
from alarmd.core.signed_exchange import SignedExchange
from alarmd.core.signed_replies import acknowledge_heartbeat, acknowledge_sleep, synchronise
from alarmd.core.signed_session import MAX_CHALLENGED, MAX_COUNTER, SignedSession
from alarmd.core.turn import Turn
from lfcp import Report, read_report
from lfcp.constants import Verb
from lfcp.signed_fields import read_boot, read_seconds

SYNC_GAP = 10.0  # s between two SYNCs to one device
SYNCED = "synced"


def heartbeat(turn: Turn, exchange: SignedExchange) -> Rejection | None:
    session, signed = exchange.session, exchange.signed
    report = read_report(exchange.message)
    if report is None or report.boot_id is None:
        return Rejection.BAD_FIELDS
    alive = _alive(turn, exchange, report.boot_id, report.echo)
    if signed.proven and exchange.frame.path == session.path:
        if exchange.newest and signed.challenged:
            _contest(turn, session, signed)
    elif not (alive and _proves_path(exchange, report.echo)):
        return _elsewhere(turn, exchange, alive, report)
    else:
        _move(turn, session, signed, exchange.frame.path)
    if alive:
        _live(turn, session, signed, report)
    if not (alive and signed_commands.answer(turn, session, exchange.counter)):
        proven = alive or not exchange.newest  # one that was overtaken needs no other
        acknowledge_heartbeat(turn, session, exchange.frame.path, exchange.counter, proven)
    return None


def _elsewhere(turn: Turn, exchange: SignedExchange, alive: bool, report: Report) -> Rejection | None:
    """From where the device is not proved to be: it may live, and is asked to prove the rest."""
    session, signed, path = exchange.session, exchange.signed, exchange.frame.path
    if alive and session.path is not None:
        _live(turn, session, signed, report)
    if exchange.newest:
        signed.copies = 0
        signed.challenge(path)
    acknowledge_heartbeat(turn, session, path, exchange.counter, proven=not exchange.newest)
    return None


def sleep(turn: Turn, exchange: SignedExchange) -> Rejection | None:
    """Silence that a proven frame announces is normal."""
    boot, seconds = read_boot(exchange.message.params[2]), read_seconds(exchange.message.params[0])
    if boot is None or not seconds:
        return Rejection.BAD_FIELDS
    alive = _alive(turn, exchange, *boot)
    if alive and messages.within_limits(turn, exchange.session, exchange.frame):
        supervision.declare_sleep(turn, exchange.session, seconds)
    elif alive:
        return None
    acknowledge_sleep(turn, exchange.session, exchange.frame.path, exchange.counter, alive)
    return None


def repeated(turn: Turn, exchange: SignedExchange) -> Rejection | None:
    """A heartbeat or SLEP with a stale counter."""
    boot = read_boot(exchange.message.params[2])
    if boot is None:
        return Rejection.BAD_FIELDS
    if exchange.message.verb == Verb.HEARTBEAT and exchange.counter == exchange.signed.up.highest:
        return _second_copy(turn, exchange)
    return synchronise_if_reset(turn, exchange, boot[0])


def _second_copy(turn: Turn, exchange: SignedExchange) -> Rejection | None:
    """Of the newest heartbeat. It may be the genuine one, if somebody was faster with a copy of it."""
    session, signed, path = exchange.session, exchange.signed, exchange.frame.path
    proven = True
    if signed.proven and path == session.path:
        if not signed.challenged:
            return Rejection.REPLAYED
        _contest(turn, session, signed)
    elif path not in signed.challenged:
        if signed.copies >= MAX_CHALLENGED:
            return Rejection.REPLAYED
        signed.copies += 1
        signed.challenge(path)
        proven = False
    else:
        report = read_report(exchange.message)
        if report is None or not _proves_path(exchange, report.echo):
            return Rejection.REPLAYED
        _move(turn, session, signed, path)
        _live(turn, session, signed, report)
    acknowledge_heartbeat(turn, session, path, exchange.counter, proven)
    return None


def synchronise_if_reset(turn: Turn, exchange: SignedExchange, boot_id: str) -> Rejection | None:
    """A boot that the newest frame did not name: the device may have lost its counter, so it is told ours."""
    session, signed = exchange.session, exchange.signed
    if boot_id == signed.boots.current:
        return Rejection.REPLAYED
    last = signed.told.get(SYNCED)
    if last is not None and turn.now.mono - last < SYNC_GAP:
        return Rejection.REPLAYED
    signed.told[SYNCED] = turn.now.mono
    text = f"a frame of boot {boot_id} from {exchange.frame.path} has a counter that was used"
    turn.record_sometimes(EventKind.COUNTER_STALE, text, session, signed)
    synchronise(turn, session, signed, exchange.frame.path, boot_id)
    return None


def enter_boot(turn: Turn, session: DeviceSession, signed: SignedSession, boot_id: str) -> None:
    """The newest frame names this boot."""
    was, session.boot_id = signed.boots.current, boot_id
    sign = signed.boots.enter(boot_id)
    if sign is BootSign.SAME:
        return
    signed.rebooted = True
    turn.save_contact(session)  # a clone must be seen over a restart of ours too
    if over_limit(turn, session) is None:
        turn.record(EventKind.DEVICE_REBOOTED, f"boot {boot_id}, was {was}", session)
    if sign is BootSign.RETURNED:
        _cloned(turn, session, signed)


def connection_closed(turn: Turn, closed: ConnectionClosed) -> None:
    """A path over TCP ends with its connection: nothing can be pushed there."""
    session = turn.state.connections.pop(closed.path, None)
    if session is not None and session.signed is not None:
        session.signed.proven = False


def _alive(turn: Turn, exchange: SignedExchange, boot_id: str, echo: int) -> bool:
    session, signed = exchange.session, exchange.signed
    if not exchange.newest:
        return False
    enter_boot(turn, session, signed, boot_id)
    if signed.down < echo <= MAX_COUNTER:
        signed.lift(echo)
    age = signed.age_of(echo, turn.now.mono)
    return age is not None and age <= MISSES * session.interval


def _proves_path(exchange: SignedExchange, echo: int) -> bool:
    """It echoes what was sent there and nowhere else."""
    return echo in exchange.signed.challenged.get(exchange.frame.path, ())


def _move(turn: Turn, session: DeviceSession, signed: SignedSession, path: Path) -> None:
    old = session.path
    signed.challenged.clear()
    signed.proven = True
    if old is not None:
        turn.state.connections.pop(old, None)
    if path.transport == "tcp":
        turn.state.connections[path] = session
    if path != old:
        supervision.move_path(turn, session, path)
        if old is not None and old.host != path.host and over_limit(turn, session) is None:
            turn.record(EventKind.DEVICE_ADDRESS, f"now at {path}, was at {old}", session)
    signed_commands.due(turn, session)


def _contest(turn: Turn, session: DeviceSession, signed: SignedSession) -> None:
    """The device still speaks from its path: what came from elsewhere was a copy of its frame."""
    text = f"frames came from {', '.join(map(str, signed.challenged))} too; it stays at {session.path}"
    signed.challenged.clear()
    turn.record_sometimes(EventKind.ADDRESS_CONTESTED, text, session, signed)


def _live(turn: Turn, session: DeviceSession, signed: SignedSession, report: Report) -> None:
    before = session.seen
    supervision.heard(turn, session)
    session.reported_detector = report.detector
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
        alarm = alarms.raise_alarm(turn, AlarmKind.TAMPER, session, name, text, f"{name}: tamper", told)
        signed.tamper_alarm = alarm.id
