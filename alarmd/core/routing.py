"""From what happened to the messages that tell of it: one for each recipient and each thing there is to tell."""

from collections.abc import Sequence

from alarmd.core import standby
from alarmd.core.effects import QueueDelivery
from alarmd.core.records import Alarm, Delivery
from alarmd.core.settings import Route, Settings
from alarmd.core.turn import Turn

URGENT = frozenset({"raised"})  # what may not wait for a database that is away


def tell(
    turn: Turn,
    alarm: Alarm,
    subject: str,
    text: str,
    revision: int = 0,
    routes: Sequence[Route] | None = None,
    attachment: str = "",
) -> None:
    """Queue a message, unless the alarm is one that is kept but told nobody.

    subject: raised, reminder, changed, picture, acknowledged or cleared. revision tells several of one subject apart.
    routes: whom to tell; None: all who know of the alarm. attachment: the key of a picture.
    """
    if not alarm.told:
        return
    what = f"{alarm.identity}:{subject}:{revision}" if revision else f"{alarm.identity}:{subject}"
    for route in reached_routes(turn.state.settings, alarm) if routes is None else routes:
        to = route.destination, route.recipient
        told = delivery(turn, *to, subject, what, text, alarm_id=alarm.id, attachment=attachment)
        turn.effects.append(QueueDelivery(told))


def reached_routes(settings: Settings, alarm: Alarm) -> list[Route]:
    """Those by which this alarm has been told by now."""
    return [route for route in settings.routes if route.after <= alarm.followed_up]


def delivery(
    turn: Turn,
    destination: str,
    recipient: str,
    subject: str,
    what: str,
    text: str,
    *,
    alarm_id: int | None = None,
    attachment: str = "",
) -> Delivery:
    """what: the part of its identity that is the same for all recipients. Only what the peer tells too waits for it:
    pictures, and answers to whoever asked, are this server's alone."""
    return Delivery(
        identity=f"{destination}/{recipient}:{what}" if recipient else f"{destination}:{what}",
        destination=destination,
        recipient=recipient,
        subject=subject,
        alarm_id=alarm_id,
        text=text,
        attachment=attachment,
        urgent=subject in URGENT,
        created_at=turn.now.wall,
        due_at=turn.now.wall if attachment or alarm_id is None else standby.due(turn.state, turn.now.wall),
        origin=turn.state.settings.label,
        hlc=turn.stamp(),
    )
