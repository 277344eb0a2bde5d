"""What every store does with turns, and gives back at a start."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alarmd.core.effects import DurableEffect, SaveAlarm, SaveCommand, SaveContacts, SaveDevice, SaveSite, SaveZone
from alarmd.core.records import AlarmState, CommandState, Signing
from alarmd.core.snapshot import Snapshot
from alarmd.storage.interface import EventFilter, Reader, Store, Turn
from lfcp.authenticator import MAX_COUNTER
from tests.contracts import records
from tests.contracts.conftest import Storage
from tests.contracts.records import (
    ALARM,
    CAMERA,
    COMMAND,
    CONTACT,
    DEVICE,
    EVERYTHING,
    KEY,
    NOON,
    PICTURE,
    PLACE,
    SITE,
    ZONE,
)


def test_a_new_store_remembers_nothing(store: Store) -> None:
    assert store.load() == Snapshot()


def test_what_was_committed_is_there_after_a_restart(storage: Storage) -> None:
    assert storage.store.commit([EVERYTHING]) == []
    storage.restart()
    assert storage.store.load() == Snapshot(
        sites=(SITE,),
        zones=(ZONE,),
        devices=(DEVICE,),
        contacts=(CONTACT,),
        keys=(KEY,),
        alarms=(ALARM,),
        commands=(COMMAND,),
        cameras=(CAMERA,),
        pictures=(PICTURE,),
        last_site_id=1,
        last_zone_id=1,
        last_device_id=1,
        last_alarm_id=1,
        last_command_id=1,
        last_picture_id=1,
        last_event_sequence=1,
        last_hlc=109,
    )


def test_the_latest_of_what_is_over_are_handed_over_if_a_pair_needs_them(storage: Storage) -> None:
    alarms = [replace(ALARM, id=n, identity=f"{n}", state=AlarmState.CLEARED, cleared_at=NOON) for n in (5, 6, 7)]
    finished = replace(COMMAND, state=CommandState.ACKED, finished_at=NOON)
    commands = [replace(finished, id=n, identity=f"{n}") for n in (5, 6, 7)]
    gone = [replace(DEVICE, id=n, name=f"gone{n}", forgotten_at=NOON) for n in (5, 6, 7)]
    over: list[DurableEffect] = [*map(SaveDevice, gone), *map(SaveAlarm, alarms), *map(SaveCommand, commands)]
    assert storage.store.commit([EVERYTHING, over]) == []
    storage.restart()
    snapshot = storage.store.load(2)
    assert snapshot.ended_alarms == tuple(alarms[1:])
    assert snapshot.ended_commands == tuple(commands[1:])
    assert snapshot.forgotten == tuple(gone[1:])
    alone = storage.store.load()
    assert (alone.ended_alarms, alone.ended_commands, alone.forgotten) == ((), (), ())
    assert replace(snapshot, ended_alarms=(), ended_commands=(), forgotten=()) == alone


def test_values_that_may_be_missing_come_back_missing(store: Store, reader: Reader) -> None:
    bare = replace(
        DEVICE,
        report_within=0.0,
        arming_answers=False,
        detector_wish=None,
        wanted_detector=None,
        wanted_version=0,
        camera_wish=None,
        settings=(),
        signing=Signing.OPEN,
        muted_until=None,
    )
    alarm = records.alarm(
        1, device_id=None, zone_id=None, told=False, ended_at=None, acknowledged_at=None, acknowledged_by=None
    )
    event = records.event(1, device_id=None, zone_id=None, boot_id=None, boot_event=None)
    contact = replace(CONTACT, asleep_until=None, counter_up=0, counter_down=0, boots="")
    command = records.command(1, params=(), sent_at=None, state=CommandState.QUEUED)
    assert store.commit([[*PLACE, SaveDevice(bare), SaveContacts((contact,)), alarm, event, command]]) == []
    snapshot = store.load()
    assert snapshot.devices == (bare,)
    assert snapshot.devices[0].detector_wish is None
    assert snapshot.devices[0].camera_wish is None
    assert snapshot.devices[0].arming_answers is False
    assert snapshot.contacts == (contact,)
    assert snapshot.alarms == (alarm.alarm,)
    assert snapshot.commands == (command.command,)
    (stored,) = reader.events(EventFilter())
    assert (stored.event, stored.device, stored.zone) == (event.event, None, None)


def test_the_largest_numbers_fit(store: Store) -> None:
    store.commit([[*PLACE, records.device(2**63 - 1, hlc=2**63 - 1)]])
    assert store.load().last_device_id == store.load().last_hlc == 2**63 - 1


@pytest.mark.parametrize("counter", [2**63 - 1, 2**63, MAX_COUNTER])
def test_counters_beyond_what_databases_count_are_stored(storage: Storage, counter: int) -> None:
    contact = records.contact(1, counter_up=counter, counter_down=counter)
    assert storage.store.commit([[*EVERYTHING, contact]]) == []
    storage.restart()
    assert storage.store.load().contacts == contact.contacts


def test_committing_the_same_turns_again_changes_nothing(store: Store, reader: Reader) -> None:
    store.commit([EVERYTHING])
    before = store.load(), reader.events(EventFilter()), reader.outbox()
    assert store.commit([EVERYTHING, EVERYTHING]) == []
    assert (store.load(), reader.events(EventFilter()), reader.outbox()) == before


def test_a_commit_of_nothing_is_fine(store: Store) -> None:
    assert store.commit([]) == []
    assert store.commit([[], []]) == []


def test_the_last_of_several_saves_counts(store: Store) -> None:
    store.commit([EVERYTHING])
    zones = [replace(ZONE, schedule=str(number), hlc=200 + number) for number in range(5)]
    contacts = [replace(CONTACT, last_contact=NOON + number) for number in range(5)]
    store.commit([[SaveZone(zone), SaveContacts((contact,))] for zone, contact in zip(zones, contacts, strict=True)])
    assert store.load().zones == (zones[-1],)
    assert store.load().contacts == (contacts[-1],)
    assert store.load().last_hlc == 204


def test_an_event_is_never_changed(store: Store, reader: Reader) -> None:
    store.commit([EVERYTHING])
    store.commit([[records.event(1, text="another"), records.event(2, text="first"), records.event(2, text="second")]])
    assert [stored.event.text for stored in reader.events(EventFilter())] == ["first", "garden_gate"]


def test_the_order_of_effects_within_a_batch_is_free(store: Store, reader: Reader) -> None:
    assert store.commit([list(reversed(EVERYTHING))]) == []
    assert store.commit([[records.event(2, alarm_id=2)], [records.alarm(2)]]) == []
    assert [stored.event.sequence for stored in reader.events(EventFilter())] == [2, 1]


def test_thousands_of_turns_are_stored_in_one_commit(store: Store, reader: Reader) -> None:
    turns = [[records.event(number)] for number in range(1, 3001)]
    assert store.commit([EVERYTHING[:-2], *turns]) == []
    assert store.load().last_event_sequence == 3000
    found = reader.events(EventFilter(after_row=0, limit=1000))
    assert [stored.event.sequence for stored in found] == list(range(1, 1001))


def test_only_what_is_open_is_loaded(store: Store) -> None:
    store.commit([EVERYTHING])
    store.commit(
        [
            [records.cleared_alarm(2, NOON), records.alarm(3, state=AlarmState.ACKNOWLEDGED)],
            [records.finished_command(2, NOON), records.command(3, state=CommandState.QUEUED)],
            [records.command(4, state=CommandState.EXPIRED), records.command(5, state=CommandState.FAILED)],
            [records.device(2, forgotten_at=NOON), records.contact(2)],
        ]
    )
    snapshot = store.load()
    assert [alarm.id for alarm in snapshot.alarms] == [1, 3]
    assert [command.id for command in snapshot.commands] == [1, 3]
    assert [device.id for device in snapshot.devices] == [1]
    assert [contact.device_id for contact in snapshot.contacts] == [1]
    assert (snapshot.last_alarm_id, snapshot.last_command_id, snapshot.last_device_id) == (3, 5, 2)


def test_only_this_servers_own_events_are_counted(store: Store) -> None:
    store.commit([[*EVERYTHING, records.event(50, origin="B", hlc=900), records.event(40, origin="0", hlc=800)]])
    assert store.load().last_event_sequence == 1
    assert store.load().last_hlc == 900


def test_a_forgotten_devices_name_is_free_again(store: Store) -> None:
    store.commit([EVERYTHING])
    forgotten = replace(DEVICE, forgotten_at=NOON)
    assert store.commit([[SaveDevice(forgotten)], [records.device(2, name="cam1")]]) == []
    assert [device.id for device in store.load().devices] == [2]


def test_two_active_devices_of_one_name_are_refused(store: Store) -> None:
    store.commit([EVERYTHING])
    (refused,) = store.commit([[records.device(2, name="cam1")]])
    assert refused.index == 0
    assert "devices" in refused.reason
    assert store.commit([[records.device(2, name="cam1", forgotten_at=NOON)]]) == []
    assert [device.id for device in store.load().devices] == [1]


def test_a_refused_turn_is_set_aside_whole_and_alone(store: Store, reader: Reader) -> None:
    store.commit([EVERYTHING])
    turns: list[Turn] = [
        [records.event(2)],
        [records.event(3), records.event(4, device_id=99)],
        [records.device(2)],
        [records.contact(2), records.event(5, device_id=2)],
        [records.alarm(1, identity="another"), records.alarm(2, identity="another")],
    ]
    refused = store.commit(turns)
    assert [turn.index for turn in refused] == [1, 4]
    assert all(turn.reason for turn in refused)
    assert [stored.event.sequence for stored in reader.events(EventFilter())] == [5, 2, 1]
    assert [device.id for device in store.load().devices] == [1, 2]
    assert store.load().alarms[0].identity == ALARM.identity


def test_every_reference_is_checked(store: Store) -> None:
    store.commit([EVERYTHING])
    strangers: list[DurableEffect] = [
        SaveZone(replace(ZONE, id=2, name="far", site_id=99)),
        records.device(2, zone_id=99),
        records.contact(99),
        records.key(99),
        records.alarm(2, device_id=99),
        records.alarm(2, zone_id=99),
        records.command(2, device_id=99),
        records.event(2, device_id=99),
        records.event(2, zone_id=99),
        records.event(2, alarm_id=99),
        records.delivery("x", alarm_id=99),
    ]
    before = store.load()
    refused = store.commit([[stranger] for stranger in strangers])
    assert [turn.index for turn in refused] == list(range(len(strangers)))
    assert store.load() == before


def test_names_of_sites_and_zones_are_there_once(store: Store) -> None:
    store.commit([EVERYTHING])
    doubles: list[DurableEffect] = [
        SaveSite(replace(SITE, id=2)),
        SaveZone(replace(ZONE, id=2)),
        records.command(2, identity="A:1"),
    ]
    assert len(store.commit([[double] for double in doubles])) == len(doubles)


def test_a_store_works_on_after_a_refusal(store: Store) -> None:
    store.commit([EVERYTHING])
    assert len(store.commit([[records.event(2, device_id=99)]])) == 1
    assert store.commit([[records.event(2)]]) == []
    assert store.load().last_event_sequence == 2


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=50)  # PostgreSQL takes no NUL


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXT, params=st.lists(TEXT, max_size=6).map(tuple))
def test_any_text_comes_back_as_it_was(store: Store, text: str, params: tuple[str, ...]) -> None:
    alarm, command = replace(ALARM, text=text), replace(COMMAND, params=params)
    assert store.commit([[*EVERYTHING, SaveAlarm(alarm), SaveCommand(command)]]) == []
    assert store.load().alarms == (alarm,)
    assert store.load().commands == (command,)
