"""What devices' NATs do with their mappings, as far as the server is told or sees it, and whether heartbeats come often
enough to keep them; docs/protocol.md, "Keepalive". RFC 4787 §4.3 asks for two minutes; in the field it is less.
"""

from alarmd.core.device_session import DeviceSession
from alarmd.core.event_kinds import EventKind
from alarmd.core.message_limits import over_limit
from alarmd.core.paths import Halved, Path
from alarmd.core.records import Standing
from alarmd.core.signed_session import SignedSession
from alarmd.core.turn import Turn
from lfcp import Report
from lfcp.constants import KEEP_LEAST_INTERVAL_MS

HALVED = "halved"  # kind of appointment: the device may be told its whole interval again
HALVED_FOR = 86_400.0  # s
LEAST_INTERVAL = KEEP_LEAST_INTERVAL_MS // 1000  # s
CERTAIN = 3  # heartbeats in a row after which a report that does not fit, or a port that changes, is no transition


def followed(turn: Turn, session: DeviceSession, signed: SignedSession, report: Report) -> None:
    """A proven heartbeat reports. Another mapping or life than before: what was missed before says nothing of it."""
    if report.mapping is None and session.way is None:
        return
    way = session.known_way()
    if (report.mapping, report.life) != (way.mapping, way.life):
        way.mapping, way.life, way.halved = report.mapping, report.life, None
    way.interval = report.interval
    misfit = _misfit(session) if session.device.standing is not Standing.OPERATOR else None
    way.unfit = min(way.unfit + 1, CERTAIN + 1) if misfit is not None else 0
    if misfit is not None and way.unfit == CERTAIN:
        turn.record_sometimes(EventKind.INTERVAL_UNFIT, misfit, session, signed)


def settled(session: DeviceSession) -> bool:
    """Whether the next report, if it says the same, has nothing new to say about this."""
    return session.way is None or session.way.unfit == 0 or session.way.unfit >= CERTAIN


def push_missed(turn: Turn, session: DeviceSession) -> None:
    """A command reached the device as the answer to its heartbeat only: no push did, so its NAT had forgotten it."""
    way = session.known_way()
    kept = min(session.stated_interval, way.interval or session.stated_interval)
    halved = max(kept // 2, LEAST_INTERVAL)
    if halved >= session.stated_interval:
        return
    way.halved = Halved(halved, turn.now.mono + HALVED_FOR)
    turn.state.agenda.add(way.halved.until, HALVED, session.device.id)
    turn.uncache(session)
    if over_limit(turn, session) is None:
        turn.record(EventKind.PUSH_MISSED, f"its NAT forgot it; it may wait {halved} s between heartbeats", session)


def check(turn: Turn, device_id: int) -> None:
    """The appointment: what was missed a day ago counts no more."""
    session = turn.state.by_id.get(device_id)
    way = session.way if session is not None else None
    if session is not None and way is not None and way.halved is not None and way.halved.until <= turn.now.mono:
        way.halved = None
        turn.uncache(session)


def port_changed(turn: Turn, session: DeviceSession, old: Path, path: Path, before: float) -> None:
    """A device without a key comes from another address than before. Its last sign of life was at `before`: if it came
    from yet another port then, the port changes with every heartbeat."""
    way = session.known_way()
    in_a_row = (old.transport, old.host) == ("udp", path.host) and way.port_changed_at == before
    way.port_changes = way.port_changes + 1 if in_a_row else 1
    way.port_changed_at = turn.now.mono
    if way.port_changes == CERTAIN and over_limit(turn, session) is None:
        text = f"it came from another port {CERTAIN} times in a row: its NAT forgets it between its heartbeats"
        turn.record(EventKind.INTERVAL_UNFIT, text, session)


def _misfit(session: DeviceSession) -> str | None:
    """Why the interval that a device keeps to is too long for it."""
    way = session.way
    if way is None or way.interval is None:
        return None
    if way.life and way.interval > way.life:
        return f"it beats every {way.interval} s, and its NAT forgets it after {way.life} s"
    if way.interval > session.interval:
        within = session.device.report_within
        return f"it beats every {way.interval} s; report_within = {within:.0f} allows {int(session.interval)} s"
    return None
