"""What operators ask of messages that could not be told. Which messages there are, only storage knows."""

from alarmd.core.effects import Answer, DropDelivery, RetryDelivery
from alarmd.core.event_kinds import EventKind
from alarmd.core.replication import mark
from alarmd.core.requests import DeliveryDropped, DeliveryRetried
from alarmd.core.turn import Turn


def delivery_retried(turn: Turn, request: DeliveryRetried) -> None:
    turn.record(EventKind.DELIVERY_RETRIED, f"{request.identity} by {request.operator}")
    turn.effects += [RetryDelivery(request.identity, turn.now.wall), Answer(())]


def delivery_dropped(turn: Turn, request: DeliveryDropped) -> None:
    turn.record(EventKind.DELIVERY_DROPPED, f"{request.identity} by {request.operator}")
    turn.effects.append(DropDelivery(request.identity, turn.now.wall))
    if turn.state.settings.pair is not None:
        mark(turn, request.identity)
    turn.effects.append(Answer(()))
