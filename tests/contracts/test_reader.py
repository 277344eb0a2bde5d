"""What people get to see."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from alarmd.core.effects import SaveDevice, SaveSite, SaveZone
from alarmd.core.records import Standing
from alarmd.storage.interface import MAX_PAGE, EventFilter, Reader, Store, StoredAlarm, StoredCommand, StoredEvent
from tests.contracts.records import (
    ALARM,
    COMMAND,
    CONTACT,
    DEVICE,
    EVENT,
    EVERYTHING,
    NOON,
    SITE,
    ZONE,
    alarm,
    cleared_alarm,
    command,
    device,
    event,
    finished_command,
)


@pytest.fixture(autouse=True)
def place(store: Store) -> None:
    assert store.commit([EVERYTHING]) == []


def sequences(reader: Reader, wanted: EventFilter) -> list[int]:
    return [stored.event.sequence for stored in reader.events(wanted)]


def test_events_come_with_the_names_of_device_and_zone(reader: Reader) -> None:
    (stored,) = reader.events(EventFilter())
    assert stored == StoredEvent(stored.row, EVENT, "cam1", "garden")


def test_events_come_newest_first_and_no_more_than_wanted(store: Store, reader: Reader) -> None:
    store.commit([[event(number)] for number in range(2, 9)])
    assert sequences(reader, EventFilter(limit=3)) == [8, 7, 6]
    assert sequences(reader, EventFilter(limit=0)) == sequences(reader, EventFilter(limit=-1)) == []


def test_followers_get_what_is_newer_than_the_last_row_they_saw(store: Store, reader: Reader) -> None:
    (last,) = reader.events(EventFilter())
    store.commit([[event(number)] for number in (2, 3, 4)])
    assert sequences(reader, EventFilter(after_row=last.row, limit=2)) == [2, 3]
    third = reader.events(EventFilter(after_row=last.row))[1].row
    assert sequences(reader, EventFilter(after_row=third)) == [4]


def test_events_are_found_by_device_kind_and_time(store: Store, reader: Reader) -> None:
    store.commit([[device(2), event(2, device_id=2, kind="log", received_at=NOON + 1)]])
    store.commit([[event(3, device_id=2, received_at=NOON + 2), event(4, received_at=NOON + 3, device_id=None)]])
    assert sequences(reader, EventFilter(device="cam2")) == [3, 2]
    assert sequences(reader, EventFilter(device="cam2", kind="log")) == [2]
    assert sequences(reader, EventFilter(since=NOON + 1, until=NOON + 3)) == [3, 2]
    assert sequences(reader, EventFilter(device="cam9")) == []


def test_a_name_finds_every_device_that_ever_had_it(store: Store, reader: Reader) -> None:
    store.commit([[SaveDevice(replace(DEVICE, forgotten_at=NOON)), device(2, name="cam1"), event(2, device_id=2)]])
    assert sequences(reader, EventFilter(device="cam1")) == [2, 1]


def test_no_answer_is_longer_than_a_page(store: Store, reader: Reader) -> None:
    store.commit([[event(number)] for number in range(2, MAX_PAGE + 10)])
    assert len(reader.events(EventFilter(limit=10**9))) == MAX_PAGE


def test_open_alarms_are_shown_newest_first_cleared_ones_on_request(store: Store, reader: Reader) -> None:
    store.commit([[cleared_alarm(2, NOON), alarm(3, device_id=None, zone_id=None)]])
    assert reader.alarms() == [
        StoredAlarm(alarm(3, device_id=None, zone_id=None).alarm, None, None),
        StoredAlarm(ALARM, "cam1", "garden"),
    ]
    assert [stored.alarm.id for stored in reader.alarms(include_cleared=True)] == [3, 2, 1]
    assert [stored.alarm.id for stored in reader.alarms(include_cleared=True, limit=2)] == [3, 2]
    assert [stored.alarm.id for stored in reader.alarms(device="cam1")] == [1]


def test_commands_are_found_by_device_and_number(store: Store, reader: Reader) -> None:
    store.commit([[device(2), command(2, device_id=2), finished_command(3, NOON)]])
    assert [stored.command.id for stored in reader.commands()] == [3, 2, 1]
    assert [stored.command.id for stored in reader.commands(device="cam1")] == [3, 1]
    assert [stored.command.id for stored in reader.commands(limit=1)] == [3]
    assert reader.commands(command_id=1) == [StoredCommand.shown(COMMAND, "cam1")]
    assert reader.commands(device="cam2", command_id=1) == []


def test_devices_are_listed_by_name_with_zone_and_contact(store: Store, reader: Reader) -> None:
    names = {2: "Zoo", 3: "apple", 4: "_x", 5: "cam-1", 6: "cam10"}
    store.commit([[device(number, name=name) for number, name in names.items()]])
    store.commit([[device(7, forgotten_at=NOON)]])
    assert [stored.device.name for stored in reader.devices()] == sorted(["cam1", *names.values()])
    contacts = {stored.device.name: stored.contact for stored in reader.devices()}
    assert contacts["cam1"] == CONTACT
    assert contacts["apple"] is None
    assert {stored.zone for stored in reader.devices()} == {"garden"}


def test_operators_machines_are_listed_apart_from_devices(store: Store, reader: Reader) -> None:
    store.commit([[device(2, name="laptop", standing=Standing.OPERATOR)]])
    assert [stored.device.name for stored in reader.devices()] == ["cam1"]
    assert [stored.device.name for stored in reader.operators()] == ["laptop"]


def test_sites_and_zones_are_listed_by_name(store: Store, reader: Reader) -> None:
    site, zone = replace(SITE, id=2, name="cabin"), replace(ZONE, id=2, name="Attic", site_id=2)
    store.commit([[SaveSite(site), SaveZone(zone)]])
    assert reader.sites() == [site, SITE]
    assert reader.zones() == [zone, ZONE]


def test_a_reader_that_can_read_is_healthy(reader: Reader) -> None:
    assert reader.healthy()


def test_many_threads_read_while_the_writer_writes(store: Store, reader: Reader) -> None:
    def read(_: int) -> list[int]:
        return sequences(reader, EventFilter(after_row=0, limit=MAX_PAGE))

    with ThreadPoolExecutor(8) as pool:
        seen = pool.map(read, range(40))
        for number in range(2, 200):
            store.commit([[event(number)]])
    for found in seen:  # never a gap, never out of order
        assert found == list(range(1, len(found) + 1))
    assert read(0) == list(range(1, 200))
