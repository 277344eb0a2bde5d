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
from alarmd.core.signed_session import MAX_COUNTER, SignedSession
from alarmd.core.turn import Turn
from lfcp import Report, read_report
from lfcp.signed_fields import read_boot, read_seconds

SYNC_GAP = 10.0  # s between two SYNCs to one device
SYNCED = "synced"


def heartbeat(turn: Turn, exchange: SignedExchange) -> Rejection | None:
    session, signed, path = exchange.session, exchange.signed, exchange.frame.path
    report = read_report(exchange.message)
    if report is None or report.boot_id is None:
        return Rejection.BAD_FIELDS
    alive = _alive(turn, exchange, report.boot_id, report.echo)
    here = _prove_path(turn, exchange, report.echo)
    if alive:
        _live(turn, session, signed, report)
    proven = not exchange.newest or (alive and here)  # an overtaken one needs no other
    if alive and here and signed_commands.answer(turn, session, exchange.counter):
        return None
    answered = acknowledge_heartbeat(turn, session, path, exchange.counter, proven)
    if not here:
        signed.candidate = path, answered
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
    """A heartbeat or SLEP with a stale counter. The genuine one may be it, if somebody was faster with a copy."""
    session, signed = exchange.session, exchange.signed
    boot = read_boot(exchange.message.params[2])
    if boot is None:
        return Rejection.BAD_FIELDS
    overtaken = signed.candidate is not None and exchange.counter == signed.up.highest
    if overtaken and signed.proven and exchange.frame.path == session.path:
        _contest(turn, session, signed)
        acknowledge_heartbeat(turn, session, exchange.frame.path, exchange.counter, proven=True)
        return None
    return synchronise_if_reset(turn, exchange, boot[0])


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


def _prove_path(turn: Turn, exchange: SignedExchange, echo: int) -> bool:
    """Whether the device is proved to be where the frame came from."""
    session, signed, path = exchange.session, exchange.signed, exchange.frame.path
    if signed.proven and path == session.path:
        if exchange.newest and signed.candidate is not None:
            _contest(turn, session, signed)
        return True
    if signed.candidate is None or signed.candidate[0] != path or not signed.candidate[1] <= echo <= signed.down:
        return False
    _move(turn, session, signed, path)
    return True


def _move(turn: Turn, session: DeviceSession, signed: SignedSession, path: Path) -> None:
    old = session.path
    signed.candidate, signed.proven = None, True
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
    assert signed.candidate is not None
    text = f"frames came from {signed.candidate[0]} too; it stays at {session.path}"
    signed.candidate = None
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
