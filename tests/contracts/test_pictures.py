"""Pictures in the index: what is found, what may go, and that no id is given out again."""

import pytest

from alarmd.core.effects import QueueDelivery
from alarmd.core.records import AlarmState
from alarmd.storage.interface import (
    MAX_PAGE,
    CameraTotals,
    DeliveryFilter,
    DeliveryState,
    Expendable,
    PictureFilter,
    Reader,
    ReceivedFilter,
    Store,
)
from tests.contracts.conftest import Storage
from tests.contracts.records import (
    CLAIM,
    DELIVERY,
    EVERYTHING,
    HOUR,
    NOON,
    alarm,
    cleared_alarm,
    delivery,
    device,
    picture,
)

LATER = NOON + HOUR


@pytest.fixture(autouse=True)
def place(store: Store) -> None:
    assert store.commit([[*EVERYTHING[:4], device(2)]]) == []


def expendable(reader: Reader, before: int = LATER, alarms_before: int = LATER, **others: object) -> list[int]:
    return [one.id for one in reader.expendable_pictures(Expendable(before, alarms_before, **others))]  # type: ignore[arg-type]


def received(reader: Reader, name: str, since: int, until: int, after_id: int = 0) -> list[int]:
    return [one.id for one in reader.received_pictures(ReceivedFilter(name, since, until, after_id))]


def test_the_oldest_go_first_and_none_of_the_moment_itself(store: Store, reader: Reader) -> None:
    store.commit([[picture(1, received_at=NOON + 2), picture(2, received_at=NOON + 1), picture(3, received_at=LATER)]])
    assert expendable(reader) == [2, 1]
    assert expendable(reader, limit=1) == [2]


def test_what_was_seen_is_not_looked_at_again(store: Store, reader: Reader) -> None:
    store.commit([[picture(number, received_at=NOON + number // 3) for number in range(1, 7)]])
    assert expendable(reader, after=(NOON + 1, 3)) == [4, 5, 6]
    assert expendable(reader, after=(NOON + 2, 6)) == []


def test_pictures_of_alarms_have_a_limit_of_their_own(store: Store, reader: Reader) -> None:
    store.commit([[cleared_alarm(1, NOON), picture(1, alarm_id=1), picture(2)]])
    assert expendable(reader, alarms_before=NOON) == [2]
    assert expendable(reader, alarms_before=NOON + 1) == [1, 2]
    assert expendable(reader, before=NOON) == []


@pytest.mark.parametrize("state", [AlarmState.RAISED, AlarmState.ACKNOWLEDGED])
def test_those_of_an_open_alarm_stay(store: Store, reader: Reader, state: AlarmState) -> None:
    store.commit([[alarm(1, state=state), picture(1, alarm_id=1)]])
    assert expendable(reader) == []
    store.commit([[cleared_alarm(1, NOON)]])
    assert expendable(reader) == [1]


def test_those_that_a_destination_waits_for_stay(store: Store, reader: Reader) -> None:
    store.commit([[alarm(1), picture(1), delivery("sent", attachment="cam1/1.jpg"), picture(2)]])
    assert expendable(reader) == [2]
    assert reader.awaited(["cam1/1.jpg", "cam1/2.jpg"]) == {"cam1/1.jpg"}
    store.claim_deliveries(CLAIM)
    store.finish_delivery("sent", "me", NOON)
    assert expendable(reader) == [1, 2]
    assert reader.awaited(["cam1/1.jpg"]) == set()


def test_those_that_a_destination_waits_for_go_if_that_is_wished(store: Store, reader: Reader) -> None:
    waits = [delivery(name, destination=name, alarm_id=None, attachment="cam1/1.jpg") for name in ("a", "b")]
    other = delivery("c", alarm_id=None, attachment="cam1/2.jpg")
    store.commit([[alarm(1), picture(1), picture(2), picture(3, alarm_id=1), *waits, other]])
    assert expendable(reader, awaited=True) == [1, 2]
    assert store.drop_attached(["cam1/1.jpg", "cam1/9.jpg"], NOON, "why") == {"a": 1, "b": 1}
    assert store.drop_attached(["cam1/1.jpg"], NOON, "why") == {}
    assert expendable(reader) == [1]
    settled = reader.deliveries(DeliveryFilter((DeliveryState.DROPPED,)))
    assert [(one.delivery.destination, one.last_error, one.settled_at) for one in settled] == [
        ("b", "why", NOON),
        ("a", "why", NOON),
    ]


def test_what_is_dropped_with_its_picture_is_not_settled_again_by_who_tries_it(store: Store, reader: Reader) -> None:
    store.commit([[picture(1), delivery("sent", alarm_id=None, attachment="cam1/1.jpg")]])
    assert [one.delivery.identity for one in store.claim_deliveries(CLAIM)] == ["sent"]
    assert store.drop_attached(["cam1/1.jpg"], NOON, "why") == {"log": 1}
    store.finish_delivery("sent", "me", NOON)
    assert [one.state for one in reader.deliveries(DeliveryFilter(tuple(DeliveryState)))] == [DeliveryState.DROPPED]


def test_totals_are_told_by_device(store: Store, reader: Reader) -> None:
    assert reader.picture_totals() == []
    store.commit([[picture(1, size=10, received_at=NOON + 5), picture(2, size=20), picture(3, device_id=2, size=5)]])
    assert reader.picture_totals() == [
        CameraTotals("cam1", 2, 30, NOON, NOON + 5),
        CameraTotals("cam2", 1, 5, NOON, NOON),
    ]


def test_the_pictures_of_a_day_are_those_received_then_whatever_they_say(store: Store, reader: Reader) -> None:
    times = {1: NOON - 1, 2: NOON, 3: LATER - 1, 4: LATER, 5: NOON + 1}
    store.commit([[picture(number, received_at=at, captured_at=7) for number, at in times.items()]])
    store.commit([[picture(6, device_id=2, received_at=NOON)]])
    assert received(reader, "cam1", NOON, LATER) == [2, 3, 5]
    assert received(reader, "cam1", NOON, LATER, after_id=2) == [3, 5]
    assert received(reader, "cam2", NOON, LATER) == [6]
    assert received(reader, "cam3", NOON, LATER) == received(reader, "cam1", LATER + 1, LATER + 9) == []


def test_the_pictures_of_a_day_come_a_page_at_a_time(store: Store, reader: Reader) -> None:
    store.commit([[picture(number) for number in range(1, MAX_PAGE + 3)]])
    first = received(reader, "cam1", NOON, LATER)
    assert (len(first), received(reader, "cam1", NOON, LATER, first[-1])) == (MAX_PAGE, [MAX_PAGE + 1, MAX_PAGE + 2])


def test_keys_are_known_or_not(store: Store, reader: Reader) -> None:
    store.commit([[picture(1)]])
    assert reader.known_pictures(["cam1/1.jpg", "cam1/2.jpg"]) == {"cam1/1.jpg"}
    assert reader.known_pictures([]) == set()


def test_dropped_pictures_are_gone_and_their_ids_with_them(storage: Storage) -> None:
    storage.store.commit([[picture(1), picture(2)], [alarm(1), QueueDelivery(DELIVERY)]])
    before = storage.store.load()
    storage.store.drop_pictures([2, 9])
    assert [stored.picture.id for stored in storage.reader.pictures(PictureFilter())] == [1]
    storage.restart()
    after = storage.store.load()
    assert (after.last_picture_id, after.last_hlc) == (before.last_picture_id, before.last_hlc) == (2, 109)
