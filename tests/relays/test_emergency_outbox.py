from dataclasses import replace

import pytest

from alarmd.core.instant import SECOND
from alarmd.core.records import Delivery
from alarmd.relays import emergency_outbox
from alarmd.relays.emergency_outbox import EmergencyOutbox
from tests.contracts.records import DELIVERY, NOON


def message(number: int, due_at: int = NOON) -> Delivery:
    return replace(DELIVERY, identity=f"log:{number}", due_at=due_at)


def test_a_message_waits_once_and_wakes_whoever_tells_it() -> None:
    outbox, woken = EmergencyOutbox(), []
    outbox.wake = lambda: woken.append(1)
    outbox.put(message(1))
    outbox.put(message(1))
    assert outbox.due("log", NOON, 10) == [message(1)]
    assert woken == [1]


def test_messages_are_due_in_order_and_not_before_their_time() -> None:
    outbox = EmergencyOutbox()
    for number, due_at in ((1, NOON), (2, NOON + SECOND), (3, NOON)):
        outbox.put(message(number, due_at))
    assert [one.identity for one in outbox.due("log", NOON, 10)] == ["log:1", "log:3"]
    assert [one.identity for one in outbox.due("log", NOON + SECOND, 2)] == ["log:1", "log:2"]


def test_what_was_told_is_remembered_and_not_told_again() -> None:
    outbox = EmergencyOutbox()
    outbox.put(message(1))
    outbox.told("log:1", "17")
    outbox.put(message(1))
    assert len(outbox) == 0
    assert outbox.reference("log:1") == "17"
    assert outbox.reference("log:2") is None


def test_what_it_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emergency_outbox, "REMEMBERED", 2)
    outbox = EmergencyOutbox()
    for number in range(3):
        outbox.told(f"log:{number}", str(number))
    assert [outbox.reference(f"log:{number}") for number in range(3)] == [None, "1", "2"]


def test_what_does_not_fit_is_left_to_the_database_and_counted() -> None:
    outbox = EmergencyOutbox(limit=2)
    for number in range(5):
        outbox.put(message(number))
    assert len(outbox) == 2
    assert outbox.refused == 3


def test_a_message_that_could_not_be_told_is_due_later() -> None:
    outbox = EmergencyOutbox()
    outbox.put(message(1))
    outbox.postpone(message(1, NOON + SECOND), uncertain=False)
    outbox.postpone(message(2), uncertain=False)
    assert outbox.due("log", NOON, 10) == []
    assert outbox.due("log", NOON + SECOND, 10) == [message(1, NOON + SECOND)]


def test_when_the_database_is_back_it_has_everything_that_is_left() -> None:
    outbox, woken = EmergencyOutbox(limit=1), []
    outbox.put(message(1))
    outbox.put(message(2))
    outbox.wake = lambda: woken.append(1)
    outbox.recovered()
    outbox.stored()
    assert len(outbox) == outbox.refused == 0
    assert woken == [1, 1]
    outbox.put(message(3))
    outbox.drop("log:3")
    assert len(outbox) == 0


def test_who_may_have_been_told_is_remembered_as_long_as_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emergency_outbox, "REMEMBERED", 2)
    outbox = EmergencyOutbox()
    for number in range(3):
        outbox.put(message(number))
        outbox.postpone(message(number, NOON + SECOND), uncertain=True)
    outbox.recovered()
    assert [outbox.is_uncertain(f"log:{number}") for number in range(3)] == [False, True, True]


def test_recipients_that_are_busy_are_left_alone() -> None:
    outbox = EmergencyOutbox()
    for recipient in ("ann", "bob"):
        outbox.put(replace(DELIVERY, identity=recipient, recipient=recipient, due_at=NOON))
    assert [one.identity for one in outbox.due("log", NOON, 10, frozenset({"ann"}))] == ["bob"]


def test_each_destination_has_its_own_share() -> None:
    outbox = EmergencyOutbox()
    outbox.put(message(1))
    outbox.put(replace(DELIVERY, identity="phone:1", destination="phone", due_at=NOON))
    assert [one.identity for one in outbox.due("phone", NOON, 10)] == ["phone:1"]
    assert [one.identity for one in outbox.due("log", NOON, 10)] == ["log:1"]
