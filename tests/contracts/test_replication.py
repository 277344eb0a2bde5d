"""What a peer is told of the database, and how what it told is kept."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from alarmd.core.effects import (
    CopyDelivery,
    CopyEvent,
    DropKey,
    DurableEffect,
    HushAlarm,
    SaveAlarm,
    SaveCamera,
    SaveCommand,
    SaveDevice,
    SaveKey,
    SaveMark,
    SaveSite,
    SaveZone,
)
from alarmd.core.instant import Instant
from alarmd.core.records import (
    Alarm,
    Camera,
    Command,
    Delivery,
    Device,
    DeviceKey,
    Event,
    Mark,
    Replicated,
    Site,
    Standing,
    Told,
    Zone,
)
from alarmd.storage.interface import DeliveryFilter, DeliveryState, EventFilter, Reader, Store, StoredDelivery, Vector
from tests.contracts.conftest import Storage
from tests.contracts.records import (
    ALARM,
    CAMERA,
    CLAIM,
    COMMAND,
    DELIVERY,
    DEVICE,
    EVENT,
    EVERYTHING,
    KEY,
    NOON,
    ORIGIN,
    SITE,
    ZONE,
    alarm,
    camera,
    cleared_alarm,
    command,
    delivery,
    device,
    event,
    finished_command,
    key,
)

T = TypeVar("T")
ALL = 1000
MARK = Mark(DELIVERY.identity, NOON + 7, "B", 300)
ORDER = (Site, Zone, Device, DeviceKey, Camera, Mark, Alarm, Command, Event, Delivery)


@pytest.fixture(autouse=True)
def place(store: Store) -> None:
    assert store.commit([EVERYTHING]) == []


def told(reader: Reader, since: Vector, page: int = ALL) -> list[Told]:
    return [each for part in reader.changes(since, page) for each in part]


def records(reader: Reader, since: Vector) -> list[Replicated]:
    return [each.record for each in told(reader, since)]


def outbox(reader: Reader) -> dict[str, StoredDelivery]:
    return {stored.delivery.identity: stored for stored in reader.deliveries(DeliveryFilter(tuple(DeliveryState)))}


def in_a_thread(work: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1) as new:
        return new.submit(work).result()


def copy(sequence: int, **changes: Any) -> CopyEvent:
    return CopyEvent(event(sequence, **{"origin": "B", **changes}).event)


def copied(identity: str, **changes: Any) -> CopyDelivery:
    return CopyDelivery(delivery(identity, **{"origin": "B", **changes}).delivery)


def mark(identity: str, hlc: int = 300, at: int = NOON + 7) -> SaveMark:
    return SaveMark(Mark(identity, at, "B", hlc))


# What the peer told


def test_a_copied_event_is_kept_as_the_peer_recorded_it(store: Store, reader: Reader) -> None:
    assert store.commit([[copy(5, hlc=205, alarm_id=1)]]) == []
    newest = reader.events(EventFilter())[0]
    assert newest.event == replace(EVENT, origin="B", sequence=5, hlc=205)


def test_an_event_that_is_known_is_not_copied_again(store: Store, reader: Reader) -> None:
    store.commit([[copy(5)], [copy(5, text="another")]])
    store.commit([[copy(5, text="a third")]])
    assert [stored.event.text for stored in reader.events(EventFilter())] == ["garden_gate", "garden_gate"]


def test_a_copied_event_of_an_alarm_that_is_not_here_names_none(store: Store, reader: Reader) -> None:
    assert store.commit([[copy(5, alarm_id=77), copy(6, alarm_id=1), copy(7, alarm_id=2), alarm(2)]]) == []
    found = {stored.event.sequence: stored.event.alarm_id for stored in reader.events(EventFilter(limit=3))}
    assert found == {5: None, 6: 1, 7: 2}


def test_an_own_event_of_an_alarm_that_is_not_here_is_refused_beside_copies(store: Store, reader: Reader) -> None:
    refused = store.commit([[copy(5, alarm_id=77)], [event(2, alarm_id=77)]])
    assert [turn.index for turn in refused] == [1]
    assert [stored.event.origin for stored in reader.events(EventFilter())] == ["B", "A"]


def test_many_copies_are_stored_in_their_order(store: Store, reader: Reader) -> None:
    store.commit([[copy(number, alarm_id=number % 3) for number in range(1, 700)]])
    found = [stored.event for stored in reader.events(EventFilter(after_row=0, limit=ALL))][1:]
    assert [each.sequence for each in found] == list(range(1, 700))
    assert {each.alarm_id for each in found} == {None, 1}


def test_a_copied_delivery_waits_until_it_is_due(store: Store) -> None:
    store.commit([[alarm(2), copied("copy", alarm_id=2, due_at=NOON + 5)]])
    assert [lease.delivery.identity for lease in store.claim_deliveries(CLAIM)] == [DELIVERY.identity]
    later = replace(CLAIM, now=Instant(NOON + 5, 0.0))
    assert [lease.delivery.identity for lease in store.claim_deliveries(later)] == ["copy"]


def test_a_delivery_that_is_known_is_not_copied(store: Store, reader: Reader) -> None:
    store.claim_deliveries(CLAIM)
    store.finish_delivery(DELIVERY.identity, "me", NOON)
    store.commit([[copied(DELIVERY.identity, text="another")]])
    (stored,) = outbox(reader).values()
    assert (stored.delivery, stored.state) == (DELIVERY, DeliveryState.DELIVERED)


def test_a_copied_delivery_of_an_alarm_that_is_not_here_names_none(store: Store, reader: Reader) -> None:
    assert store.commit([[copied("copy", alarm_id=77)]]) == []
    assert outbox(reader)["copy"].delivery.alarm_id is None


def test_a_mark_settles_the_delivery_that_waits(store: Store, reader: Reader) -> None:
    store.commit([[SaveMark(MARK)]])
    (stored,) = outbox(reader).values()
    assert (stored.state, stored.settled_at) == (DeliveryState.DELIVERED, NOON + 7)
    assert store.claim_deliveries(CLAIM) == []


def test_a_mark_settles_a_delivery_of_the_same_turn(store: Store, reader: Reader) -> None:
    store.commit([[mark("first"), copied("first"), copied("second"), mark("second")]])
    assert {one.state for identity, one in outbox(reader).items() if identity != DELIVERY.identity} == {"delivered"}


def test_a_delivery_that_comes_after_its_mark_is_never_told(storage: Storage) -> None:
    storage.store.commit([[mark("copy")]])
    storage.restart()
    storage.store.commit([[copied("copy"), copied("other")]])
    found = outbox(storage.reader)
    assert (found["copy"].state, found["copy"].settled_at) == (DeliveryState.DELIVERED, NOON + 7)
    assert found["other"].state == DeliveryState.PENDING


def test_a_worker_whose_delivery_a_mark_settles_meanwhile_changes_nothing(store: Store, reader: Reader) -> None:
    store.claim_deliveries(CLAIM)
    store.commit([[SaveMark(MARK)]])
    before = outbox(reader)
    assert reader.outbox().leased == 0
    store.finish_delivery(DELIVERY.identity, "me", NOON + 9, "17", "elsewhere")
    store.retry_delivery(DELIVERY.identity, "me", NOON + 9, "why")
    store.postpone_delivery(DELIVERY.identity, "me", NOON + 9)
    store.abandon_delivery(DELIVERY.identity, "me", NOON + 9, "why")
    assert outbox(reader) == before
    assert reader.moved("log") == {}


def test_a_mark_leaves_alone_what_is_settled(store: Store, reader: Reader) -> None:
    store.claim_deliveries(CLAIM)
    store.abandon_delivery(DELIVERY.identity, "me", NOON, "refused")
    store.commit([[SaveMark(MARK)]])
    assert outbox(reader)[DELIVERY.identity].state == DeliveryState.DEAD


def test_a_later_mark_takes_the_place_of_an_earlier_one(store: Store, reader: Reader) -> None:
    store.commit([[SaveMark(MARK)], [SaveMark(replace(MARK, origin=ORIGIN, hlc=400))]])
    store.commit([[SaveMark(replace(MARK, origin=ORIGIN, hlc=401))]])
    assert [one for one in records(reader, {}) if isinstance(one, Mark)] == [replace(MARK, origin=ORIGIN, hlc=401)]


def test_more_marks_than_one_statement_takes_settle_all(store: Store, reader: Reader) -> None:
    store.commit([[alarm(2), *(delivery(str(number), alarm_id=2) for number in range(1200))]])
    store.commit([[mark(str(number), hlc=number + 1) for number in range(1200)]])
    assert reader.outbox().pending == 1


def test_of_a_hushed_alarm_only_pictures_are_told(store: Store, reader: Reader) -> None:
    store.commit([[alarm(2), delivery("more"), delivery("shown", attachment="1.jpg"), delivery("2", alarm_id=2)]])
    assert len(store.claim_deliveries(CLAIM)) == 2
    store.commit([[HushAlarm(1, NOON + 8)]])
    states = {identity: (one.state, one.settled_at) for identity, one in outbox(reader).items()}
    dropped = (DeliveryState.DROPPED, NOON + 8)
    pending = (DeliveryState.PENDING, None)
    assert states == {DELIVERY.identity: dropped, "more": dropped, "shown": pending, "2": pending}
    assert reader.outbox().leased == 1


def test_what_a_merge_made_takes_the_place_of_the_own_version(storage: Storage) -> None:
    wraps = (SaveSite, SaveZone, SaveDevice, SaveKey, SaveCamera, SaveAlarm, SaveCommand)
    merged = [
        replace(SITE, time_zone="Europe/Brno", origin="B", hlc=201),
        replace(ZONE, schedule="", origin="B", hlc=202),
        replace(DEVICE, wanted_version=9, origin="B", hlc=203),
        replace(KEY, secret=b"2" * 32, origin="B", hlc=204),
        replace(CAMERA, every=60, origin="B", hlc=205),
        replace(ALARM, event_count=9, origin="B", hlc=206),
        replace(COMMAND, attempts=9, origin="B", hlc=207),
    ]
    effects: list[Any] = [wrap(record) for wrap, record in zip(wraps, merged, strict=True)]  # type: ignore[operator]
    assert storage.store.commit([effects]) == []
    storage.restart()
    assert [one for one in records(storage.reader, {}) if one.origin == "B"] == merged
    assert storage.store.load().last_hlc == 207


# What the peer is told


def test_a_peer_that_has_nothing_is_told_everything_with_its_names(reader: Reader) -> None:
    assert told(reader, {}) == [
        Told(SITE),
        Told(ZONE, site="home"),
        Told(DEVICE, zone="garden"),
        Told(KEY, device="cam1"),
        Told(CAMERA, device="cam1"),
        Told(ALARM, device="cam1", zone="garden"),
        Told(COMMAND, device="cam1"),
        Told(EVENT, device="cam1", zone="garden"),
        Told(DELIVERY),
    ]


def test_a_peer_that_has_everything_is_told_nothing(reader: Reader) -> None:
    vector = reader.vector()
    assert vector == {
        ("site", "A"): 101,
        ("zone", "A"): 102,
        ("device", "A"): 103,
        ("key", "A"): 104,
        ("camera", "A"): 108,
        ("alarm", "A"): 104,
        ("command", "A"): 105,
        ("event", "A"): 106,
        ("delivery", "A"): 107,
    }
    assert told(reader, vector) == []


def test_what_is_newer_is_told_and_nothing_else(store: Store, reader: Reader) -> None:
    vector = reader.vector()
    newer: list[DurableEffect] = [
        device(2, hlc=401),
        key(2, hlc=402),
        camera(2, hlc=403),
        mark("x", hlc=404),
        alarm(2, hlc=405),
        command(2, hlc=406),
        event(2, hlc=407),
        delivery("y", hlc=408),
    ]
    store.commit([newer])
    assert [each.hlc for each in records(reader, vector)] == [401, 402, 403, 404, 405, 406, 407, 408]


def test_each_server_is_told_of_by_its_own_stamps(store: Store, reader: Reader) -> None:
    store.commit([[event(2, hlc=300), event(3, hlc=400), copy(1, hlc=50), copy(2, hlc=60), copy(9, origin="C", hlc=1)]])
    since = {**reader.vector(), ("event", "A"): 300, ("event", "B"): 59}
    del since["event", "C"]
    events = [one for one in records(reader, since) if isinstance(one, Event)]
    assert [(each.origin, each.sequence) for each in events] == [("A", 3), ("B", 2), ("C", 9)]


def test_a_stamp_between_two_events_is_told_from_the_later_one(store: Store, reader: Reader) -> None:
    store.commit([[event(number, hlc=1000 * number) for number in range(2, 9)]])
    for stamp, first in ((0, 1), (105, 1), (106, 2), (5999, 6), (6000, 7), (7999, 8)):
        found = [one for one in records(reader, {("event", "A"): stamp}) if isinstance(one, Event)]
        assert [each.sequence for each in found] == list(range(first, 9))


def test_parents_come_before_what_names_them(store: Store, reader: Reader) -> None:
    for number in range(2, 30):
        turn = [alarm(number), event(number, alarm_id=number), delivery(str(number), alarm_id=number)]
        store.commit([[device(number), key(number), camera(number), *turn, command(number, device_id=number)]])
    found = told(reader, {}, page=7)
    kinds = [ORDER.index(type(each.record)) for each in found]
    assert kinds == sorted(kinds)
    known: set[object] = set()
    for each in found:
        record = each.record
        known.add((type(record), getattr(record, "name", getattr(record, "id", None))))
        needed = {
            (Device, each.device),
            (Zone, each.zone),
            (Site, each.site),
            (Alarm, getattr(record, "alarm_id", None)),
        }
        assert {(kind, name) for kind, name in needed if name is not None} <= known


def test_pages_are_as_long_as_asked_for(store: Store, reader: Reader) -> None:
    store.commit([[event(number, hlc=1000 + number) for number in range(2, 30)]])
    pages = list(reader.changes({}, 10))
    assert [len(page) for page in pages] == [10, 10, 10, 7]
    assert [each for page in pages for each in page] == told(reader, {})


def test_what_nobody_made_on_purpose_is_never_told(store: Store, reader: Reader) -> None:
    store.commit([[SaveSite(replace(SITE, hlc=0)), SaveZone(replace(ZONE, hlc=0))]])
    assert {type(one) for one in records(reader, {})}.isdisjoint({Site, Zone})
    assert {("site", "A"), ("zone", "A")}.isdisjoint(reader.vector())


def test_what_was_forgotten_is_told_but_for_who_only_made_room(store: Store, reader: Reader) -> None:
    gone = {"forgotten_at": NOON, "standing": Standing.ADMITTED}
    store.commit([[device(2, hlc=201, **gone), device(3, hlc=0, **gone)]])
    assert [one.id for one in records(reader, {}) if isinstance(one, Device)] == [1, 2]


def test_what_a_forgotten_device_left_is_not_told_of_its_name(store: Store, reader: Reader) -> None:
    store.commit([[device(2, forgotten_at=NOON, name="cam1"), key(2, hlc=900), camera(2, hlc=901)]])
    assert {one.device_id for one in records(reader, {}) if isinstance(one, DeviceKey | Camera)} == {1}


def test_deliveries_that_are_settled_or_carry_a_file_are_not_told(store: Store, reader: Reader) -> None:
    store.claim_deliveries(CLAIM)
    store.finish_delivery(DELIVERY.identity, "me", NOON)
    store.commit([[delivery("file", attachment="1.jpg", hlc=201), delivery("open", hlc=202)]])
    assert [one.identity for one in records(reader, {}) if isinstance(one, Delivery)] == ["open"]


def test_finished_commands_and_cleared_alarms_are_told_too(store: Store, reader: Reader) -> None:
    store.commit([[cleared_alarm(2, NOON), finished_command(2, NOON, params=())]])
    found = records(reader, {})
    assert cleared_alarm(2, NOON).alarm in found
    assert finished_command(2, NOON, params=()).command in found


def test_what_is_stored_meanwhile_is_not_in_what_is_being_told(store: Store, reader: Reader) -> None:
    store.commit([[event(number, hlc=1000 + number) for number in range(2, 30)]])
    pages = reader.changes({}, 5)
    found = [*next(pages)]
    before = len(told(reader, {}))
    for number in range(30, 60):
        store.commit([[device(number, hlc=2000 + number), event(number, hlc=2000 + number, device_id=number)]])
        store.purge(NOON + 1, 1)
    found += [each for page in pages for each in page]
    assert len(found) == before
    assert max(each.record.hlc for each in found) < 2000


def test_whoever_stops_early_leaves_nothing_behind(store: Store, reader: Reader) -> None:
    store.commit([[event(number, hlc=1000 + number) for number in range(2, 30)]])
    for _ in range(12):  # more often than there are connections
        pages = reader.changes({}, 5)
        assert len(next(pages)) == 5
        pages.close()
    assert len(told(reader, {})) == 37


def test_each_page_may_be_read_by_another_thread(store: Store, reader: Reader) -> None:
    store.commit([[event(number, hlc=1000 + number) for number in range(2, 30)]])
    pages = reader.changes({}, 5)
    found: list[Told] = []
    while page := in_a_thread(lambda: next(pages, ())):
        found += page
    assert found == told(reader, {})
    unread = reader.changes({}, 5)
    in_a_thread(lambda: next(unread))
    in_a_thread(unread.close)


# What a purge took


def test_a_purge_does_not_make_the_peer_tell_again(storage: Storage) -> None:
    store = storage.store
    store.commit([[DropKey(1, 2), copy(7, hlc=777), mark("old", hlc=778, at=NOON)]])
    store.commit([[cleared_alarm(1, NOON, hlc=210), finished_command(1, NOON, hlc=211), HushAlarm(1, NOON)]])
    store.commit([[SaveDevice(replace(DEVICE, forgotten_at=NOON, hlc=212))]])
    store.drop_pictures([1])
    before = storage.reader.vector()
    assert store.purge(NOON + 1, ALL) == 7  # two events, the delivery, the mark, the command, the alarm and the device
    assert {type(one) for one in records(storage.reader, {})} == {Site, Zone}
    storage.restart()
    assert storage.reader.vector() == before
    assert before["event", "B"] == 777
    assert before["key", "A"] == 104
    assert before["camera", "A"] == 108
    assert storage.store.load().last_hlc == 778


def test_a_mark_goes_with_the_history(store: Store, reader: Reader) -> None:
    store.commit([[mark("old", at=NOON - 2), mark("new", at=NOON - 1)]])
    assert store.purge(NOON - 1, ALL) == 1
    assert [one.identity for one in records(reader, {}) if isinstance(one, Mark)] == ["new"]


def test_the_highest_stamp_counts_marks(storage: Storage) -> None:
    storage.store.commit([[mark("x", hlc=5000)]])
    storage.restart()
    assert storage.store.load().last_hlc == 5000


def test_ids_of_a_peers_alarms_and_commands_are_counted(storage: Storage) -> None:
    storage.store.commit([[alarm(41, origin="B"), command(43, origin="B"), copy(99)]])
    storage.restart()
    loaded = storage.store.load()
    assert (loaded.last_alarm_id, loaded.last_command_id, loaded.last_event_sequence) == (41, 43, 1)
