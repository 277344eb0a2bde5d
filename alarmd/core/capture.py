"""Asking for a picture: of a device that takes commands, or of a camera that the server can reach."""

from collections.abc import Iterable
from dataclasses import replace

from alarmd.core import asked, standby
from alarmd.core.asked import MAX_ASKED
from alarmd.core.command_queue import MAX_QUEUED
from alarmd.core.commands import enqueue
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import Answer, FetchPicture
from alarmd.core.galleries import ReplyTo
from alarmd.core.instant import Instant
from alarmd.core.named import session_of
from alarmd.core.records import Alarm, Camera, Presence, Standing, Trigger
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import PictureRequested
from alarmd.core.routing import tell
from alarmd.core.state import State
from alarmd.core.turn import Turn
from alarmd.core.uploads import can_snap
from lfcp.constants import Verb

PICTURE_DUE = "picture_due"  # kind of appointment: of an alarm; has its picture come?
CAPTURE = "capture"  # kind of appointment: of a device; time for the next scheduled picture
PATIENCE = 10.0  # s after which an alarm without a picture says so
BELONGS = 120_000_000  # µs after an alarm should have had its picture in which one is still taken for it
SNAP_TIME_TO_LIVE = 60.0  # s; a picture of later is not what was asked for
SPREAD = 97  # a prime: the first pictures after a start are spread over one interval in this many steps
ALARMD = "alarmd"  # asks, where no person does
SILENT = (Presence.LOST, Presence.ELSEWHERE, Presence.ASLEEP)


def picture_requested(turn: Turn, request: PictureRequested) -> None:
    session = session_of(turn, request.device)
    if not can_be_asked(turn.state, session):
        raise RequestRefusedError(
            "no_camera",
            "device",
            f"{request.device} cannot be asked for a picture: it is not an adopted device that reports SNAP, and has "
            f"no pull URL (`alarmd camera set {request.device} --pull URL`)",
        )
    if not has_room(turn.state, session):
        raise RequestRefusedError(
            "queue_full", "device", f"{request.device} has {MAX_ASKED} pictures or commands waiting, the limit"
        )
    request_picture(turn, session, Trigger.COMMAND, request.operator, request.reply_to)
    turn.effects.append(Answer(()))


def can_be_asked(state: State, session: DeviceSession) -> bool:
    """Whether there is a way to. What a device that nobody adopted would send is not taken."""
    return bool(_pull_url(state, session)) or (can_snap(session) and session.device.standing is Standing.ADOPTED)


def has_room(state: State, session: DeviceSession) -> bool:
    commands = len(session.commands) if session.commands is not None else 0
    return asked.waiting(state, session) < MAX_ASKED and commands < MAX_QUEUED


def request_picture(
    turn: Turn, session: DeviceSession, trigger: Trigger, by: str, reply_to: ReplyTo | None = None
) -> None:
    """Of one that can be asked, and for which there is room."""
    url = _pull_url(turn.state, session)
    if url:
        upload = f"{turn.state.settings.label}.{turn.stamp():x}"
        turn.effects.append(FetchPicture(session.device.name, url, trigger, upload))
    else:
        upload = enqueue(turn, session, Verb.SNAP, (), by, SNAP_TIME_TO_LIVE).identity
    asked.ask(turn, session, upload, trigger, reply_to)


def for_alarm(turn: Turn, alarm: Alarm, session: DeviceSession) -> Alarm:
    """Have a picture taken of what is going on, or know that the camera sends one by itself."""
    camera = turn.state.cameras.get(session.device.id)
    if not alarm.told or (camera is not None and not camera.on_alarm):
        return alarm
    if not standby.serves(turn.state, session):  # the peer asks for one, and says so if none comes
        return alarm
    takes = can_be_asked(turn.state, session)
    if not takes and not _sends(turn.state, session):
        return alarm
    if takes and has_room(turn.state, session):
        request_picture(turn, session, Trigger.ALARM, ALARMD)
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
    """The appointment of a camera with a schedule. One that has not answered yet is not asked again."""
    state = turn.state
    due = state.captures.get(device_id)
    if due is None or due > turn.now.mono:
        return
    session = state.by_id[device_id]  # who is forgotten has no schedule
    if _is_there(state, session) and not asked.waiting(state, session) and has_room(state, session):
        request_picture(turn, session, Trigger.SCHEDULE, ALARMD)
    _expect(state, device_id, max(due, turn.now.mono - 1) + state.cameras[device_id].every)


def restore(state: State, cameras: Iterable[Camera], alarms: Iterable[Alarm], now: Instant) -> None:
    """After a restart. Each camera begins its schedule at a moment of its own. An alarm whose picture was due meanwhile
    says so at once, or again: the message is the same one."""
    for camera in cameras:
        if camera.every:
            _expect(state, camera.device_id, now.mono + camera.every * (camera.device_id % SPREAD + 1) / SPREAD)
    for alarm in alarms:
        if alarm.picture_by is not None and not alarm.pictures and alarm.picture_by > now.wall - BELONGS:
            due = min(now.mono_at(alarm.picture_by), now.mono + PATIENCE)  # the wall clock may have been set back
            state.agenda.add(due, PICTURE_DUE, alarm.id)


def _pull_url(state: State, session: DeviceSession) -> str:
    camera = state.cameras.get(session.device.id)
    return camera.pull_url if camera is not None else ""


def _sends(state: State, session: DeviceSession) -> bool:
    """Whether it sends pictures when it raises an alarm, as it did the last time."""
    gallery = state.galleries.get(session.device.id)
    return gallery is not None and gallery.newest is not None and gallery.newest.trigger is Trigger.ALARM


def _is_there(state: State, session: DeviceSession) -> bool:
    """Whether it may answer: a command for one that is silent would only wait until it is of no use. Of two servers
    that hear it one asks."""
    if not standby.serves(state, session):
        return False
    if _pull_url(state, session):
        return True
    return can_be_asked(state, session) and session.presence not in SILENT


def _expect(state: State, device_id: int, due: float) -> None:
    state.captures[device_id] = due
    state.agenda.add(due, CAPTURE, device_id)
