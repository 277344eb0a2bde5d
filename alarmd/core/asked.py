"""Pictures that were asked for. Whoever asked hears of each once: it comes, or it does not.

What is asked for is not stored: after a restart a picture that still comes is one like any other.
"""

from alarmd.core.command_queue import MAX_QUEUED
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import QueueDelivery
from alarmd.core.event_kinds import EventKind
from alarmd.core.galleries import Asked, Gallery, ReplyTo
from alarmd.core.records import Trigger
from alarmd.core.routing import delivery
from alarmd.core.state import State
from alarmd.core.turn import Turn

ASKED = "asked"  # kind of appointment: of a device; has what it was asked for come?
MAX_ASKED = MAX_QUEUED  # pictures that one device is asked for at a time
GIVEN_UP = 90.0  # s after which one does not come any more; a SNAP is open for 60 of them


def gallery_of(state: State, device_id: int) -> Gallery:
    gallery = state.galleries.get(device_id)
    if gallery is None:
        gallery = state.galleries[device_id] = Gallery()
    return gallery


def ask(turn: Turn, session: DeviceSession, upload: str, trigger: Trigger, reply_to: ReplyTo | None) -> None:
    """upload: the id that the picture is to come with."""
    due = turn.now.mono + GIVEN_UP
    gallery_of(turn.state, session.device.id).asked[upload] = Asked(trigger, due, reply_to)
    turn.state.agenda.add(due, ASKED, session.device.id)


def waiting(state: State, session: DeviceSession) -> int:
    """How many pictures it is asked for now."""
    gallery = state.galleries.get(session.device.id)
    return len(gallery.asked) if gallery is not None else 0


def failed(turn: Turn, session: DeviceSession, upload: str, reason: str) -> None:
    """The camera gave none. The first of a row is an event: one that is switched off is asked again and again."""
    gallery = gallery_of(turn.state, session.device.id)
    if not gallery.failing:
        turn.record(EventKind.PICTURE_FAILED, reason, session)
    gallery.failing = reason
    not_coming(turn, session, upload, reason)


def not_coming(turn: Turn, session: DeviceSession, upload: str, reason: str) -> None:
    """Nothing if nobody asked for it, or it came."""
    gallery = turn.state.galleries.get(session.device.id)
    asked = gallery.asked.pop(upload, None) if gallery is not None else None
    if asked is not None and asked.reply_to is not None:
        reply(turn, asked.reply_to, upload, f"{session.device.name}: no picture: {reason}")


def reply(turn: Turn, to: ReplyTo, upload: str, text: str, attachment: str = "") -> None:
    """To whoever asked. Its identity is the same whether the picture came or not."""
    told = delivery(turn, *to, "snapshot", f"{upload}:snapshot", text, attachment=attachment)
    turn.effects.append(QueueDelivery(told))


def check(turn: Turn, device_id: int) -> None:
    """The appointment. Nothing for a device that was forgotten, or for what has come."""
    gallery, session = turn.state.galleries.get(device_id), turn.state.by_id.get(device_id)
    if gallery is None or session is None:
        return
    for upload in [upload for upload, asked in gallery.asked.items() if asked.due <= turn.now.mono]:
        failed(turn, session, upload, f"none came within {GIVEN_UP:.0f} s")


def forget(turn: Turn, session: DeviceSession) -> None:
    """The device's pictures are nothing to the rules any more."""
    gallery = turn.state.galleries.get(session.device.id)
    for upload in list(gallery.asked) if gallery is not None else ():
        not_coming(turn, session, upload, "the device was forgotten")
    turn.state.galleries.pop(session.device.id, None)
