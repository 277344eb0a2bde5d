"""A heartbeat and its answer: an ACK or one pending command, at once, since neither promises anything."""

from alarmd.core import commands, failover, mappings, standby, supervision, uploads
from alarmd.core.command_queue import sent_parameters
from alarmd.core.device_session import REGULAR_HEARTBEATS, DeviceSession
from alarmd.core.effects import CacheHeartbeat, SendFrame
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import FrameReceived
from alarmd.core.message_limits import over_limit
from alarmd.core.paths import Path
from alarmd.core.records import Command, Dialect, Presence, Standing
from alarmd.core.turn import Turn
from lfcp import Message, encode, encode_rows, read_report
from lfcp.constants import Verb

ARMING_EVERY = 5  # a device whose detector runs in our silence is answered every fifth heartbeat


def heartbeat(turn: Turn, session: DeviceSession, message: Message, frame: FrameReceived) -> None:
    before = session.seen
    supervision.heard(turn, session)
    first = session.path is None
    rebooted = _follow(turn, session, message, frame.path, before)
    count_regular(turn, session, turn.now.mono - before, first)
    if rebooted:
        failover.reassert(turn, session, "it may have rebooted")
    if not standby.apart(turn.state):
        failover.compare(turn, session)
    command = None
    if session.device.standing is not Standing.QUARANTINED:
        command = commands.next_command(turn, session, rebooted or first)
    _answer(turn, session, frame, command)


def _follow(turn: Turn, session: DeviceSession, message: Message, path: Path, before: float) -> bool:
    """Take over the address and what the device reports; whether it may have rebooted. A device that reports no boot
    id keeps its source port until it reboots. before: its last sign of life."""
    report = read_report(message)
    session.reported_detector = report.detector if report else None
    uploads.follow(turn, session, report)
    old = session.path
    if path != old:
        supervision.move_path(turn, session, path)
        if old is not None and old.host != path.host and over_limit(turn, session) is None:
            turn.record(EventKind.DEVICE_ADDRESS, f"now at {path}, was at {old}", session)
    moved = old is not None and not old.same_peer(path)  # after a restart of ours only the socket differs
    boot_id = report.boot_id if report is not None else None
    if old is not None and moved and boot_id in (None, session.boot_id):
        mappings.port_changed(turn, session, old, path, before)
    if boot_id is None:
        return moved
    was, session.boot_id = session.boot_id, boot_id
    if was in (None, boot_id):
        return False
    if over_limit(turn, session) is None:
        turn.record(EventKind.DEVICE_REBOOTED, f"boot {boot_id}, was {was}", session)
    return True


def count_regular(turn: Turn, session: DeviceSession, since: float, first: bool) -> None:
    """Adopted devices are supervised from their first heartbeat, others when they have proved regular."""
    if session.presence is not Presence.NEW:
        return
    session.regular = session.regular + 1 if not first and since <= session.interval else 1
    if session.device.standing is Standing.ADOPTED or session.regular >= REGULAR_HEARTBEATS:
        supervision.become_regular(turn, session)


def _answer(turn: Turn, session: DeviceSession, frame: FrameReceived, command: Command | None) -> None:
    device, path = session.device, frame.path
    if command is None and _stay_silent(session):
        return
    ack = encode(device.name, Verb.ACK, "0", "0", "0", str(int(session.interval)))
    if command is None:
        turn.effects.append(SendFrame(path, ack, promises=False))
        _cache(turn, session, frame, ack)
    elif device.dialect is Dialect.SEED:  # rows are acted on only right behind the CSV reply
        turn.effects.append(SendFrame(path, ack, promises=False))
        rows = encode_rows(device.name, command.verb, *sent_parameters(command))
        turn.effects.append(SendFrame(path, rows, promises=False))
    else:
        frame_out = encode(device.name, command.verb, *sent_parameters(command))
        turn.effects.append(SendFrame(path, frame_out, promises=False))


def _stay_silent(session: DeviceSession) -> bool:
    """On purpose, so that the device's own detector runs (docs/protocol.md); it must have been answered once."""
    if not session.device.arming_answers:
        return False
    session.heartbeats_unanswered = (session.heartbeats_unanswered + 1) % ARMING_EVERY
    return session.heartbeats_unanswered != 1


def _cache(turn: Turn, session: DeviceSession, frame: FrameReceived, reply: bytes) -> None:
    """Let the listener answer the next ones like this, while there is nothing to decide about them."""
    plain = (
        frame.path.transport == "udp"
        and session.presence is Presence.ONLINE
        and not session.device.arming_answers
        and session.reported_detector is None
        and (session.commands is None or session.commands.idle)
    )
    if plain:
        session.cached = True
        turn.effects.append(CacheHeartbeat(session, frame.path, frame.payload, reply))
