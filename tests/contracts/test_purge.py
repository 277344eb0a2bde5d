"""Retention: what goes, what stays, and that nothing is given out twice."""

import pytest

from alarmd.core.effects import QueueDelivery
from alarmd.core.records import AlarmState
from alarmd.storage.interface import EventFilter, Reader, Store
from tests.contracts.conftest import Storage
from tests.contracts.records import (
    CLAIM,
    DELIVERY,
    EVERYTHING,
    NOON,
    alarm,
    cleared_alarm,
    command,
    contact,
    delivery,
    device,
    event,
    finished_command,
)

ALL = 1000


@pytest.fixture(autouse=True)
def place(store: Store) -> None:
    assert store.commit([EVERYTHING[:4]]) == []


def sequences(reader: Reader) -> list[int]:
    return [stored.event.sequence for stored in reader.events(EventFilter(after_row=0))]


def test_events_before_the_moment_go(store: Store, reader: Reader) -> None:
    store.commit([[event(number, received_at=NOON + number) for number in (3, 1, 2)]])
    assert store.purge(NOON + 3, ALL) == 2
    assert sequences(reader) == [3]


def test_a_portion_takes_the_oldest_first(store: Store, reader: Reader) -> None:
    store.commit([[event(number, received_at=NOON - number) for number in range(1, 6)]])
    assert store.purge(NOON, 2) == 2
    assert sequences(reader) == [1, 2, 3]
    assert store.purge(NOON, 2) == 2
    assert store.purge(NOON, 2) == 1
    assert store.purge(NOON, 2) == 0


def test_the_portion_covers_all_tables_together(store: Store) -> None:
    store.commit([[event(1, received_at=NOON), finished_command(1, NOON), cleared_alarm(1, NOON)]])
    assert [store.purge(NOON + 1, 2), store.purge(NOON + 1, 2)] == [2, 1]


def test_what_is_open_stays(store: Store) -> None:
    store.commit([[alarm(1), alarm(2, state=AlarmState.ACKNOWLEDGED), command(1), QueueDelivery(DELIVERY)]])
    before = store.load()
    assert store.purge(NOON * 2, ALL) == 0
    assert store.load() == before


def test_finished_commands_and_cleared_alarms_go(store: Store, reader: Reader) -> None:
    store.commit([[cleared_alarm(1, NOON), cleared_alarm(2, NOON + 1)]])
    store.commit([[finished_command(1, NOON), finished_command(2, NOON + 1)]])
    assert store.purge(NOON + 1, ALL) == 2
    assert [stored.alarm.id for stored in reader.alarms(include_cleared=True)] == [2]
    assert [stored.command.id for stored in reader.commands()] == [2]


def test_an_alarm_stays_as_long_as_an_event_or_a_delivery_names_it(store: Store, reader: Reader) -> None:
    store.commit([[cleared_alarm(1, NOON), event(1, alarm_id=1, received_at=NOON + 5)]])
    store.commit([[cleared_alarm(2, NOON), delivery("2", alarm_id=2)]])
    assert store.purge(NOON + 1, ALL) == 0
    assert store.purge(NOON + 6, ALL) == 2
    assert [stored.alarm.id for stored in reader.alarms(include_cleared=True)] == [2]


def test_settled_deliveries_go_and_their_alarm_with_them(store: Store, reader: Reader) -> None:
    store.commit(
        [
            [cleared_alarm(1, NOON), delivery("sent"), delivery("waiting", alarm_id=2), alarm(2)],
            [cleared_alarm(3, NOON), delivery("dead", alarm_id=3)],
        ]
    )
    store.claim_deliveries(CLAIM)
    store.finish_delivery("sent", "me", NOON)
    store.abandon_delivery("dead", "me", NOON, "refused")
    assert store.purge(NOON + 1, ALL) == 4
    assert reader.outbox().dead == 0
    assert reader.outbox().leased == 1


def test_with_an_alarm_go_the_messages_that_told_of_it(store: Store) -> None:
    store.commit([[cleared_alarm(1, NOON), delivery("sent"), alarm(2), delivery("open", alarm_id=2)]])
    store.claim_deliveries(CLAIM)
    store.finish_delivery("sent", "me", NOON, "17")
    store.finish_delivery("open", "me", NOON, "17")
    assert store.purge(NOON + 1, ALL) == 3
    store.commit([[alarm(1), delivery("again"), delivery("over", alarm_id=2)]])
    found = {lease.delivery.identity: lease.message for lease in store.claim_deliveries(CLAIM)}
    assert found["again"] is None
    assert found["over"] is not None
    assert [stored.alarm.id for stored in found["over"].alarms] == [2]


def test_forgotten_devices_that_nothing_names_go_with_their_contact(store: Store, reader: Reader) -> None:
    store.commit([[device(number, forgotten_at=NOON) for number in range(2, 7)], [contact(2), contact(6)]])
    store.commit([[event(1, device_id=2), alarm(1, device_id=3), command(1, device_id=4)]])
    assert store.purge(NOON, ALL) == 0
    assert store.purge(NOON + 1, ALL) == 4  # the event, and devices 2, 5 and 6
    refused = store.commit([[event(number, device_id=number)] for number in range(2, 7)])
    assert [turn.index for turn in refused] == [0, 3, 4]
    assert [stored.device for stored in reader.events(EventFilter())] == ["cam4", "cam3"]
    assert store.commit([[device(2, name="back")]]) == []
    assert [stored.contact for stored in reader.devices() if stored.device.name == "back"] == [None]


def test_nothing_that_was_purged_is_given_out_again(storage: Storage) -> None:
    store = storage.store
    store.commit([[device(9, forgotten_at=NOON, hlc=900), cleared_alarm(8, NOON), finished_command(7, NOON)]])
    store.commit([[event(6, received_at=NOON), event(60, origin="B", received_at=NOON)]])
    before = store.load()
    row = storage.reader.events(EventFilter())[0].row
    assert store.purge(NOON + 1, ALL) == 5
    storage.restart()
    assert storage.store.load() == before
    storage.store.commit([[event(7)]])
    assert storage.reader.events(EventFilter())[0].row > row
