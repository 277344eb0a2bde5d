"""What a device has to tell, LOG, ERR or MOAL: stored within its limits, whichever way it is signed."""

from alarmd.core import alarms
from alarmd.core.device_session import DeviceSession
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import FrameReceived
from alarmd.core.message_limits import over_limit
from alarmd.core.records import Event, Standing
from alarmd.core.rejections import Rejection
from alarmd.core.turn import Said, Turn
from lfcp import EventId
from lfcp.constants import Verb

KINDS = {Verb.LOG: EventKind.LOG, Verb.ERR: EventKind.ERROR}
AGE_TOLD = 60  # s; older motion is told with its age


def keep(turn: Turn, session: DeviceSession, verb: Verb, text: str, frame: FrameReceived, said: Said | None) -> bool:
    """Store it; False: refused, and not to be acknowledged, so that the device keeps it."""
    if verb is not Verb.MOAL:
        kept = within_limits(turn, session, frame, unsigned=said is None)
        if kept:
            turn.record(KINDS[verb], text, session, said=said)
        return kept
    begins = session.alarm_incident is None and session.device.standing is Standing.ADOPTED
    if not within_limits(turn, session, frame, unsigned=said is None, unlimited=begins):
        return False
    if not alarms.room_for_motion(turn, session):
        turn.reject(frame.path, Rejection.NO_ROOM, frame.payload)
        return False
    if said is not None and said.age >= AGE_TOLD:
        text = f"{text} ({said.age} s ago)"
    alarms.motion(turn, session, text, said)
    return True


def not_stored(turn: Turn, event: Event) -> None:
    """The database refused it: who sends it again must not get an ACK for it, and the next motion is told."""
    session = turn.state.by_id.get(event.device_id) if event.device_id is not None else None
    if session is None:
        return
    if event.kind == EventKind.MOTION:
        alarms.end_incident(turn, session)
    if session.signed is not None and event.boot_id is not None and event.boot_event is not None:
        session.signed.boots.lose(EventId(event.boot_id, event.boot_event))


def within_limits(
    turn: Turn, session: DeviceSession, frame: FrameReceived, *, unsigned: bool = False, unlimited: bool = False
) -> bool:
    """Whether a message may be stored.

    unlimited: what begins an incident of an adopted device, at most once a minute; nobody may keep an alarm from being
    told by a flood in the device's name."""
    reason = over_limit(turn, session, unsigned)
    if unlimited and reason is Rejection.DEVICE_RATE:
        return True
    if reason is not None:
        turn.reject(frame.path, reason, frame.payload)
    return reason is None
