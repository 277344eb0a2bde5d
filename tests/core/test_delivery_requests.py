from alarmd.core.effects import DropDelivery, RetryDelivery
from alarmd.core.event_kinds import EventKind
from alarmd.core.requests import DeliveryDropped, DeliveryRetried
from tests.playbook import Playbook


def test_an_operator_has_a_message_told_after_all_and_the_history_says_who() -> None:
    play = Playbook() << DeliveryRetried("ann", "phone/42:motion:A:1:cam1:raised")
    assert play.made(RetryDelivery) == [RetryDelivery("phone/42:motion:A:1:cam1:raised", play.now.wall)]
    assert [(event.kind, event.text) for event in play.events] == [
        (EventKind.DELIVERY_RETRIED, "phone/42:motion:A:1:cam1:raised by ann")
    ]
    assert play.answer == ()


def test_an_operator_has_a_message_dropped_and_the_history_says_who() -> None:
    play = Playbook() << DeliveryDropped("ann", "phone/42:x")
    assert play.made(DropDelivery) == [DropDelivery("phone/42:x", play.now.wall)]
    assert [(event.kind, event.text) for event in play.events] == [(EventKind.DELIVERY_DROPPED, "phone/42:x by ann")]
