"""A picture has come: whose it is, which alarm it belongs to, and where it goes."""

from collections.abc import Iterable
from dataclasses import replace

from alarmd.core import asked
from alarmd.core.admission import introduce
from alarmd.core.capture import BELONGS
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import Answer, QueueDelivery, SavePicture
from alarmd.core.event_kinds import EventKind
from alarmd.core.galleries import Gallery
from alarmd.core.inputs import FilmMade, ManifestSealed, PictureFailed, PictureFound, PictureReceived
from alarmd.core.message_limits import spend_upload
from alarmd.core.named import check_is_no_operator, session_of
from alarmd.core.records import Alarm, Picture, Standing, Trigger
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.routing import delivery, tell
from alarmd.core.settings import PictureRoute
from alarmd.core.turn import Turn

MAX_TOLD = 10  # pictures of one alarm that are told with it; the others are in the archive


def picture_received(turn: Turn, received: PictureReceived) -> None:
    """Answered with the picture; with nothing, if it is one that is stored already, sent again."""
    session = session_of(turn, received.device)
    gallery = asked.gallery_of(turn.state, session.device.id)
    if gallery.is_again(received.upload, received.digest, received.received_at):
        turn.effects.append(Answer(()))
        return
    if turn.state.backlog_full:
        raise RequestRefusedError("busy", "", "the database does not answer; send the picture again")
    if received.upload not in gallery.asked and not received.was_announced:
        spend_upload(turn, session)
    wanted = gallery.asked.pop(received.upload, None)
    trigger = wanted.trigger if wanted is not None else received.trigger
    alarm = _alarm_of(turn, session, received, trigger)
    picture = _picture(turn, session, gallery, received, trigger, alarm)
    gallery.add(picture)
    turn.effects.append(SavePicture(picture))
    if alarm is not None:
        _join(turn, session, alarm, picture)
    _send_on(turn, session, gallery, picture)
    if wanted is not None and wanted.reply_to is not None:
        asked.reply(turn, wanted.reply_to, picture.upload, _text(session, picture), picture.key)
    turn.effects.append(Answer((picture,)))


def not_stored(turn: Turn, picture: Picture) -> None:
    """The database refused it: who sends it again must not hear that it is stored."""
    gallery = turn.state.galleries.get(picture.device_id)
    if gallery is not None:
        gallery.lose(picture)


def picture_found(turn: Turn, found: PictureFound) -> None:
    """It is known again, and that is all: it belongs to no alarm, and nobody is told."""
    received = found.picture
    session = turn.state.sessions.get(received.device) or _introduced(turn, received.device)
    gallery = asked.gallery_of(turn.state, session.device.id)
    picture = _picture(turn, session, gallery, received, received.trigger, None)
    gallery.add(picture)
    turn.effects.append(SavePicture(picture))


def picture_failed(turn: Turn, failed: PictureFailed) -> None:
    """The camera that was asked gave none; whoever asked hears of it."""
    session = turn.state.sessions.get(failed.device)
    if session is not None:
        asked.failed(turn, session, failed.upload, failed.reason)


def film_made(turn: Turn, film: FilmMade) -> None:
    session = turn.state.sessions.get(film.device)
    by = f", asked for by {film.asked_by}" if film.asked_by else ""
    turn.record(EventKind.FILM_MADE, film.text + by, session)
    again = f":{turn.stamp():x}" if film.asked_by else ""
    _send(turn, film.recipients, "film", film.key, film.text, again)


def manifest_sealed(turn: Turn, sealed: ManifestSealed) -> None:
    _send(turn, sealed.recipients, "manifest", sealed.key, sealed.key)


def _send(
    turn: Turn, recipients: Iterable[tuple[str, str]], subject: str, key: str, text: str, again: str = ""
) -> None:
    """What is no picture; one that was sent before is not sent again. again: tells one apart that is all the same."""
    for recipient in recipients:
        told = delivery(turn, *recipient, subject, f"{key}:{subject}{again}", text, attachment=key)
        turn.effects.append(QueueDelivery(told))
    turn.effects.append(Answer(()))


def _introduced(turn: Turn, name: str) -> DeviceSession:
    check_is_no_operator(turn.state, name)
    if len(turn.state.sessions) >= turn.state.settings.max_devices:
        raise RequestRefusedError("table_full", "device", "there are as many devices as devices.limit allows")
    session = introduce(turn, name, Standing.ADMITTED)
    turn.record(EventKind.DEVICE_NEW, "found in the archive", session)
    return session


def _alarm_of(turn: Turn, session: DeviceSession, received: PictureReceived, trigger: Trigger) -> Alarm | None:
    """The device's incident that goes on, else the alarm that still waits for a picture."""
    alarms = turn.state.alarms
    if session.alarm_incident is not None:
        return alarms.get(session.alarm_incident)
    if trigger is not Trigger.ALARM:
        return None
    since = received.received_at - BELONGS
    own = (alarm for alarm in reversed(alarms.values()) if alarm.device_id == session.device.id)
    return next((alarm for alarm in own if alarm.picture_by is not None and alarm.picture_by >= since), None)


def _picture(
    turn: Turn,
    session: DeviceSession,
    gallery: Gallery,
    received: PictureReceived,
    trigger: Trigger,
    alarm: Alarm | None,
) -> Picture:
    state = turn.state
    state.last_picture = state.after(state.last_picture)
    return Picture(
        id=state.last_picture,
        device_id=session.device.id,
        sequence=gallery.newest.sequence + 1 if gallery.newest else 1,
        key=received.key,
        captured_at=received.received_at if received.captured_at is None else received.captured_at,
        received_at=received.received_at,
        trigger=trigger,
        upload=received.upload,
        alarm_id=alarm.id if alarm else None,
        digest=received.digest,
        size=received.size,
        width=received.width,
        height=received.height,
        repair=received.repair,
        **turn.made(),
    )


def _join(turn: Turn, session: DeviceSession, alarm: Alarm, picture: Picture) -> None:
    """The alarm's own picture, told to those who know of the alarm."""
    number = alarm.pictures + 1
    changed = replace(alarm, pictures=number, picture=alarm.picture or picture.key, **turn.made())
    turn.save_alarm(changed)
    if number <= MAX_TOLD:
        tell(turn, changed, "picture", _text(session, picture), number, attachment=picture.key)


def _send_on(turn: Turn, session: DeviceSession, gallery: Gallery, picture: Picture) -> None:
    """To where every picture goes."""
    for route in turn.state.settings.picture_routes:
        if (not route.devices or session.device.name in route.devices) and _is_time(turn, gallery, route):
            to = route.destination, session.device.name if route.each else ""
            what, text = f"{picture.key}:picture", _text(session, picture)
            turn.effects.append(QueueDelivery(delivery(turn, *to, "picture", what, text, attachment=picture.key)))


def _is_time(turn: Turn, gallery: Gallery, route: PictureRoute) -> bool:
    if not route.apart:
        return True
    last = gallery.sent.get(route.destination)
    if last is not None and turn.now.mono - last < route.apart:
        return False
    gallery.sent[route.destination] = turn.now.mono
    return True


def _text(session: DeviceSession, picture: Picture) -> str:
    return f"{session.device.name}: picture {picture.sequence}"
