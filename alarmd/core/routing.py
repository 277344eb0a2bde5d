"""From an alarm to the messages that tell of it: one for each recipient and each thing there is to tell."""

from collections.abc import Sequence

from alarmd.core.effects import QueueDelivery
from alarmd.core.records import Alarm, Delivery
from alarmd.core.settings import Route, Settings
from alarmd.core.turn import Turn

URGENT = frozenset({"raised"})  # what may not wait for a database that is away


def tell(
    turn: Turn, alarm: Alarm, subject: str, text: str, revision: int = 0, routes: Sequence[Route] | None = None
) -> None:
    """Queue a message, unless the alarm is one that is kept but told nobody.

    subject: raised, reminder, changed, acknowledged or cleared. revision tells several changes of one alarm apart.
    routes: whom to tell; None: all who know of the alarm.
    """
    if not alarm.told:
        return
    what = f"{subject}:{revision}" if revision else subject
    for route in reached_routes(turn.state.settings, alarm) if routes is None else routes:
        turn.effects.append(QueueDelivery(_delivery(turn, alarm, route, subject, what, text)))


def reached_routes(settings: Settings, alarm: Alarm) -> list[Route]:
    """Those by which this alarm has been told by now."""
    return [route for route in settings.routes if route.after <= alarm.followed_up]


def _delivery(turn: Turn, alarm: Alarm, route: Route, subject: str, what: str, text: str) -> Delivery:
    address = f"{route.destination}/{route.recipient}" if route.recipient else route.destination
    return Delivery(
        identity=f"{address}:{alarm.identity}:{what}",
        destination=route.destination,
        recipient=route.recipient,
        subject=subject,
        alarm_id=alarm.id,
        text=text,
        urgent=subject in URGENT,
        created_at=turn.now.wall,
        due_at=turn.now.wall,
        origin=turn.state.settings.label,
        hlc=turn.stamp(),
    )
