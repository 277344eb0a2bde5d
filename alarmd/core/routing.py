"""From an alarm to the messages that tell of it: one for each destination and each thing there is to tell."""

from alarmd.core.effects import QueueDelivery
from alarmd.core.records import Alarm, Delivery
from alarmd.core.turn import Turn

URGENT = frozenset({"raised"})  # what may not wait for a database that is away


def tell(turn: Turn, alarm: Alarm, subject: str, text: str, revision: int = 0) -> None:
    """Queue a message to every destination, unless the alarm is one that is kept but told nobody.

    subject: raised, changed, acknowledged or cleared. revision tells several changes of one alarm apart.
    """
    if not alarm.told:
        return
    state = turn.state
    for destination in state.settings.destinations:
        delivery = Delivery(
            identity=f"{destination}:{alarm.identity}:{subject}" + (f":{revision}" if revision else ""),
            destination=destination,
            subject=subject,
            alarm_id=alarm.id,
            text=text,
            urgent=subject in URGENT,
            created_at=turn.now.wall,
            due_at=turn.now.wall,
            origin=state.settings.label,
            hlc=turn.stamp(),
        )
        turn.effects.append(QueueDelivery(delivery))
