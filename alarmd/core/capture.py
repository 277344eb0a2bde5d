"""Asking for a picture: of a device that takes commands, or of a camera that the server can reach."""

from dataclasses import replace

from alarmd.core.commands import enqueue
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import Answer, FetchPicture
from alarmd.core.galleries import Asked, Gallery, ReplyTo
from alarmd.core.inputs import PictureRequested
from alarmd.core.instant import Instant
from alarmd.core.named import session_of
from alarmd.core.records import Alarm, Trigger
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.routing import tell
from alarmd.core.state import State
from alarmd.core.turn import Turn
from lfcp.constants import Verb

PICTURE_DUE = "picture_due"  # kind of appointment: of an alarm; has its picture come?
SPREAD = 97  # a prime: the first pictures after a start are spread over one interval in this many steps
CAPTURE = "capture"  # kind of appointment: of a device; time for the next scheduled picture
PATIENCE = 10.0  # s after which an alarm without a picture says so
SNAP_TIME_TO_LIVE = 60.0  # s; a picture of later is not what was asked for


def gallery_of(state: State, device_id: int) -> Gallery:
    gallery = state.galleries.get(device_id)
    if gallery is None:
        gallery = state.galleries[device_id] = Gallery()
    return gallery


def picture_requested(turn: Turn, request: PictureRequested) -> None:
    session = session_of(turn, request.device)
    if not request_picture(turn, session, Trigger.COMMAND, request.operator, request.reply_to):
        raise RequestRefusedError(
            "no_camera",
            "device",
            f"{request.device} cannot be asked for a picture: it does not report that it takes SNAP, and has no "
            f"pull URL (`alarmd camera set {request.device} --pull URL`)",
        )
    turn.effects.append(Answer(()))


def request_picture(
    turn: Turn, session: DeviceSession, trigger: Trigger, by: str, reply_to: ReplyTo | None = None
) -> bool:
    """Whether there was a way to ask."""
    camera = turn.state.cameras.get(session.device.id)
    if camera is not None and camera.pull_url:
        upload = f"{turn.state.settings.label}.{turn.stamp():x}"
        turn.effects.append(FetchPicture(session.device.name, camera.pull_url, trigger, upload))
    elif Verb.SNAP in session.knows:
        upload = enqueue(turn, session, Verb.SNAP, (), by, SNAP_TIME_TO_LIVE).identity
    else:
        return False
    gallery_of(turn.state, session.device.id).ask(upload, Asked(trigger, reply_to))
    return True


def for_alarm(turn: Turn, alarm: Alarm, session: DeviceSession) -> Alarm:
    """Have a picture taken of what is going on, or know that the camera sends one by itself."""
    camera = turn.state.cameras.get(session.device.id)
    if not alarm.told or (camera is not None and not camera.on_alarm):
        return alarm
    gallery = turn.state.galleries.get(session.device.id)
    sends = gallery is not None and gallery.newest is not None and gallery.newest.trigger is Trigger.ALARM
    if not request_picture(turn, session, Trigger.ALARM, "alarmd") and not sends:
        return alarm
    due = turn.now.mono + PATIENCE
    turn.state.agenda.add(due, PICTURE_DUE, alarm.id)
    return replace(alarm, picture_by=turn.now.wall_at(due))


def check_picture(turn: Turn, alarm_id: int) -> None:
    """The appointment of an alarm that waits for a picture."""
    alarm = turn.state.alarms.get(alarm_id)
    if alarm is not None and not alarm.pictures:
        tell(turn, alarm, "changed", f"alarm {alarm.id}: no picture within {PATIENCE:.0f} s", revision=1)


def plan(turn: Turn, device_id: int) -> None:
    """Begin the schedule of a camera whose setting changed; the appointment that it had is void."""
    turn.state.captures.pop(device_id, None)
    camera = turn.state.cameras.get(device_id)
    if camera is not None and camera.every:
        _expect(turn.state, device_id, turn.now.mono + camera.every)


def check_capture(turn: Turn, device_id: int) -> None:
    """The appointment of a camera with a schedule."""
    state = turn.state
    due = state.captures.get(device_id)
    if due is None or due > turn.now.mono:
        return
    request_picture(turn, state.by_id[device_id], Trigger.SCHEDULE, "alarmd")
    _expect(state, device_id, max(due, turn.now.mono - 1) + state.cameras[device_id].every)


def restore(state: State, now: Instant) -> None:
    """After a restart. Each camera begins its schedule at a moment of its own."""
    for device_id, camera in state.cameras.items():
        if camera.every:
            _expect(state, device_id, now.mono + camera.every * (device_id % SPREAD + 1) / SPREAD)
    for alarm in state.alarms.values():
        if alarm.picture_by is not None and not alarm.pictures and alarm.picture_by > now.wall:
            state.agenda.add(now.mono_at(alarm.picture_by), PICTURE_DUE, alarm.id)


def _expect(state: State, device_id: int, due: float) -> None:
    state.captures[device_id] = due
    state.agenda.add(due, CAPTURE, device_id)
