"""Several members on one real PostgreSQL: leases, custody of devices, and turns that hold only while it does."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import psycopg
import pytest

from alarmd.core.effects import (
    Custody,
    QueueDelivery,
    RecordEvent,
    SaveAlarm,
    SaveCause,
    SaveContacts,
    SaveDevice,
    SaveKey,
    SaveSite,
    SaveZone,
)
from alarmd.core.instant import Instant
from alarmd.core.member_numbers import MEMBERS
from alarmd.core.records import Cause, Presence
from alarmd.storage.cluster_store import ClusterStore
from alarmd.storage.interface import Claim, StorageUnavailableError, StorageUnusableError
from alarmd.storage.member_queries import BuriedError
from alarmd.storage.opening import open_member, open_store
from tests.contracts.records import ALARM, CONTACT, DELIVERY, DEVICE, EVENT, KEY, NOON, SITE, VAULT, ZONE

Join = Callable[[], ClusterStore]
WALL = NOON + 1


@pytest.fixture
def join(postgresql_url: str) -> Iterator[Join]:
    with ExitStack() as stack:

        def one_more() -> ClusterStore:
            store = open_member(postgresql_url, "A", VAULT, "test")
            stack.callback(store.close)
            return store

        yield one_more


@pytest.fixture
def sql(postgresql_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        yield connection


def introduce(store: ClusterStore, device_id: int = DEVICE.id, name: str = DEVICE.name) -> None:
    device = replace(DEVICE, id=device_id, name=name)
    condition = Custody({device_id: 1}, frozenset({device_id}), divisible=False)
    assert store.commit([[SaveSite(SITE), SaveZone(ZONE), SaveDevice(device), condition]]) == []


def an_event(number: int, epoch: int, device_id: int = DEVICE.id, *, divisible: bool = False) -> list[object]:
    event = replace(EVENT, sequence=number, device_id=device_id, alarm_id=None)
    return [RecordEvent(event), Custody({device_id: epoch}, frozenset(), divisible=divisible)]


def test_members_have_different_places_and_incarnations(join: Join) -> None:
    joined = [join().joined for _ in range(3)]
    assert [one.slot for one in joined] == [0, 1, 2]
    assert len({one.incarnation for one in joined}) == 3


def test_there_is_an_end_to_members(join: Join, sql: psycopg.Connection) -> None:
    join()
    sql.execute(
        "INSERT INTO members (slot, label, name, lease_until, buried) "
        "SELECT slot, 'A', '', 1e12, FALSE FROM generate_series(1, %s) AS slot",
        (MEMBERS - 1,),
    )
    with pytest.raises(StorageUnusableError, match="16 servers use this database"):
        join()
    sql.execute("UPDATE members SET lease_until = 0 WHERE slot = 7")
    assert join().joined.slot == 7


def test_a_member_with_another_label_is_refused(join: Join, postgresql_url: str) -> None:
    join()
    with pytest.raises(StorageUnusableError, match="have the label A"):
        open_member(postgresql_url, "B", VAULT, "test")


def test_a_server_that_is_alone_and_members_keep_each_other_out(join: Join, postgresql_url: str) -> None:
    join()
    with pytest.raises(StorageUnavailableError, match="in use by another server"):
        open_store(postgresql_url, "A", VAULT)


def test_sqlite_has_no_members() -> None:
    with pytest.raises(StorageUnusableError, match="need a PostgreSQL"):
        open_member("sqlite:////tmp/alarmd.db", "A", VAULT, "test")


def test_who_does_not_renew_expires_and_is_buried(join: Join, sql: psycopg.Connection) -> None:
    one, two = join(), join()
    sql.execute("UPDATE members SET lease_until = 0 WHERE slot = 1")
    standing = one.renew()
    assert standing.judge == one.joined.incarnation
    assert standing.expired == {two.joined.incarnation}
    one.bury(sorted(standing.expired))
    with pytest.raises(BuriedError):
        two.renew()
    with pytest.raises(BuriedError):
        two.commit([[SaveSite(SITE)]])


def test_who_renews_in_time_after_all_lives_on(join: Join, sql: psycopg.Connection) -> None:
    one, two = join(), join()
    sql.execute("UPDATE members SET lease_until = 0 WHERE slot = 1")
    two.renew()
    assert one.renew().expired == set()


def test_a_device_is_taken_with_all_that_it_has(join: Join) -> None:
    one, two = join(), join()
    introduce(one)
    belongings = [SaveContacts((CONTACT,)), SaveKey(KEY), SaveAlarm(replace(ALARM, id=5, identity="five"))]
    assert one.commit([[*belongings, Custody({DEVICE.id: 1}, frozenset(), divisible=False)]]) == []
    taken = two.take([DEVICE.name, "nobody"], [], WALL)
    assert taken.taken.epochs == {DEVICE.id: 2}
    assert taken.unknown == {"nobody"}
    assert taken.part.devices == (DEVICE,)
    assert taken.part.contacts == (CONTACT,)
    assert taken.part.keys == (KEY,)
    assert taken.part.zones == (ZONE,)


def test_a_turn_of_who_lost_the_device_is_not_stored(join: Join) -> None:
    one, two = join(), join()
    introduce(one)
    two.take([DEVICE.name], [], WALL)
    (refused,) = one.commit([an_event(1, 1)])
    assert refused.released
    assert two.commit([an_event(2, 2)]) == []


def test_a_turn_that_was_made_before_the_device_went_and_came_back_is_not_stored(join: Join) -> None:
    one, two = join(), join()
    introduce(one)
    two.take([DEVICE.name], [], WALL)
    one.take([DEVICE.name], [], WALL)
    (refused,) = one.commit([an_event(1, 1)])
    assert refused.released
    assert one.commit([an_event(1, 3)]) == []


def test_of_a_turn_about_many_devices_the_rest_is_stored(join: Join, sql: psycopg.Connection) -> None:
    one, two = join(), join()
    introduce(one)
    introduce(one, 2, "cam2")
    two.take(["cam2"], [], WALL)
    contacts = SaveContacts((replace(CONTACT, device_id=1), replace(CONTACT, device_id=2)))
    alarm = replace(ALARM, id=9, identity="nine", device_id=2)
    told = QueueDelivery(replace(DELIVERY, alarm_id=9))
    events = [RecordEvent(replace(EVENT, sequence=n, device_id=n, alarm_id=None)) for n in (1, 2)]
    turn = [contacts, SaveAlarm(alarm), told, *events, Custody({1: 1, 2: 1}, frozenset(), divisible=True)]
    assert one.commit([turn]) == []
    assert sql.execute("SELECT device_id FROM contacts").fetchall() == [(1,)]
    assert sql.execute("SELECT device_id FROM events").fetchall() == [(1,)]
    assert sql.execute("SELECT count(*) FROM alarms, outbox").fetchall() == [(0,)]


def test_of_two_that_introduce_a_name_one_does(join: Join) -> None:
    one, two = join(), join()
    introduce(one)
    device = replace(DEVICE, id=2)
    (refused,) = two.commit([[SaveDevice(device), Custody({2: 1}, frozenset({2}), divisible=False)]])
    assert refused.released


def test_what_the_database_refuses_for_good_is_set_aside_and_its_neighbours_are_stored(join: Join) -> None:
    store = join()
    introduce(store)
    (refused,) = store.commit([[SaveAlarm(replace(ALARM, id=7, device_id=None, zone_id=999))], an_event(1, 1)])
    assert refused.index == 0
    assert not refused.released


def test_what_a_dead_member_watched_is_taken_in_portions(join: Join, sql: psycopg.Connection) -> None:
    one, two = join(), join()
    for number in (1, 2, 3):
        introduce(one, number, f"cam{number}")
    assert two.take_abandoned(frozenset({1, 2}), 10, WALL).taken.epochs == {}
    alive = frozenset({two.joined.incarnation})
    first = two.take_abandoned(alive, 2, WALL)
    rest = two.take_abandoned(alive, 2, WALL)
    assert len(first.part.devices), len(rest.part.devices) == (2, 1)
    assert two.take_abandoned(alive, 2, WALL).taken.epochs == {}


def test_the_grace_of_a_device_that_nobody_hears_is_not_renewed(join: Join) -> None:
    one, two = join(), join()
    introduce(one)
    one.commit([[SaveContacts((CONTACT,)), Custody({1: 1}, frozenset(), divisible=False)]])
    later = CONTACT.last_contact + 5
    assert two.take([DEVICE.name], [], later).taken.unheard_since == {1: later}
    assert one.take([DEVICE.name], [], later + 100).taken.unheard_since == {1: later}


def test_what_is_handed_over_as_late_has_no_grace(join: Join) -> None:
    one, two = join(), join()
    introduce(one)
    late = replace(CONTACT, presence=Presence.LATE)
    one.commit([[SaveContacts((late,)), Custody({1: 1}, frozenset(), divisible=False)]])
    one.give(two.joined.incarnation, [1])
    assert two.mine() == {1: 2}
    taken = two.take([], [1], WALL)
    assert taken.taken.unheard_since == {}
    assert one.take([], [1], WALL).taken.epochs == {}, "it is not its own any more"


def test_counters_of_a_key_begin_above_whatever_was_used_with_every_claim(join: Join, sql: psycopg.Connection) -> None:
    one, two = join(), join()
    introduce(one)
    one.commit([[SaveContacts((CONTACT,)), SaveKey(KEY), Custody({1: 1}, frozenset(), divisible=False)]])
    downs = []
    for member in (two, one, two):
        member.take([DEVICE.name], [], WALL)
        downs.append(int(str(sql.execute("SELECT counter_down FROM contacts").fetchall()[0][0]), 16))
    assert downs == sorted(set(downs))


def test_the_judge_is_told_where_the_others_hear_devices(join: Join) -> None:
    store = join()
    for number, presence, address in (
        (1, Presence.ONLINE, "udp:192.0.2.1:4000"),
        (2, Presence.LOST, "udp:192.0.2.2:4000"),
        (3, Presence.ONLINE, "tcp:[2001:db8::1]:4000"),
    ):
        introduce(store, number, f"cam{number}")
        contact = replace(CONTACT, device_id=number, presence=presence, address=address)
        store.commit([[SaveContacts((contact,)), Custody({number: 1}, frozenset(), divisible=False)]])
    hosts = frozenset({"192.0.2.1", "192.0.2.2", "2001:db8::1"})
    assert store.lines(hosts, frozenset({1, 2})) == ({"192.0.2.1", "2001:db8::1"}, True, (1,))


def test_all_members_read_the_causes_of_failover_mode(join: Join) -> None:
    one, two = join(), join()
    introduce(one)
    lost, back = Cause(ZONE.id, "cam1", None), Cause(ZONE.id, "cam2", WALL)
    one.commit([[SaveCause(lost), SaveCause(back), SaveCause(lost, over=True)]])
    assert two.places() == ((SITE,), (ZONE,), (back,))


def test_a_delivery_is_leased_to_one_member_until_it_is_buried(join: Join, sql: psycopg.Connection) -> None:
    one, two = join(), join()
    introduce(one)
    one.commit([[QueueDelivery(replace(DELIVERY, alarm_id=None, due_at=NOON))]])

    def claim(store: ClusterStore) -> int:
        owner = str(store.joined.incarnation)
        return len(store.claim_deliveries(Claim(owner, DELIVERY.destination, Instant(WALL, 0.0), 60.0, 5, 5)))

    assert claim(one) == 1
    assert claim(two) == 0
    two.bury([one.joined.incarnation])
    assert claim(two) == 1


def test_devices_of_a_zone_and_of_an_alarm_are_found(join: Join) -> None:
    store = join()
    introduce(store)
    store.commit([[SaveAlarm(replace(ALARM, id=5)), Custody({1: 1}, frozenset(), divisible=False)]])
    assert store.device_of_alarm(5) == [DEVICE.name]
    assert store.device_of_alarm(6) == []
    assert store.members_of("*", 10) == [DEVICE.name]
    assert store.members_of(f"@{ZONE.name}", 10) == [DEVICE.name]
    assert store.members_of("@elsewhere", 10) == []


def test_a_planned_stop_leaves_everything_to_the_others_at_once(join: Join) -> None:
    one, two = join(), join()
    introduce(one)
    one.leave()
    standing = two.renew()
    assert standing.judge == two.joined.incarnation
    assert two.take_abandoned(standing.alive, 10, WALL).taken.epochs == {1: 2}
