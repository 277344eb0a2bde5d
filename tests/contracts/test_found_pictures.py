"""Pictures that people ask for, what a start knows of them, and messages that have one."""

from dataclasses import replace
from typing import Any

import pytest

from alarmd.core.effects import QueueDelivery, SavePicture
from alarmd.core.instant import Instant
from alarmd.core.records import Picture
from alarmd.storage.interface import (
    Claim,
    DeliveryFilter,
    DeliveryState,
    PictureFilter,
    Reader,
    Store,
    StoredPicture,
)
from tests.contracts import records
from tests.contracts.conftest import Storage
from tests.contracts.records import ALARM, CAMERA, EVERYTHING, NOON, PICTURE, cleared_alarm, device, picture

ME = "incarnation 1"


@pytest.fixture(autouse=True)
def place(store: Store) -> None:
    """Two devices and an open alarm, no pictures."""
    assert store.commit([EVERYTHING[:6], [device(2, name="cam2")]]) == []


def keep(store: Store, *pictures: SavePicture) -> None:
    assert store.commit([[each] for each in pictures]) == []


def found(reader: Reader, **wanted: Any) -> list[int]:
    return [stored.picture.id for stored in reader.pictures(PictureFilter(**wanted))]


def attached(identity: str, key: str, **changes: Any) -> QueueDelivery:
    """A message of no alarm."""
    return records.delivery(
        identity, **{"alarm_id": None, "attachment": key, "urgent": False, "subject": "picture"} | changes
    )


def claim(store: Store, owner: str = ME, limit: int = 10) -> list[Any]:
    return store.claim_deliveries(Claim(owner, "log", Instant(NOON, 50.0), 3600.0, limit, limit))


def test_a_picture_is_found_as_it_was_stored_with_its_devices_name(storage: Storage) -> None:
    keep(storage.store, SavePicture(PICTURE))
    storage.restart()
    assert storage.reader.pictures(PictureFilter()) == [StoredPicture(PICTURE, "cam1")]


def test_pictures_are_found_by_what_is_asked_for(store: Store, reader: Reader) -> None:
    keep(
        store,
        picture(1, captured_at=NOON),
        picture(2, captured_at=NOON + 1, alarm_id=1),
        picture(3, captured_at=NOON + 2, device_id=2),
        picture(4, captured_at=NOON + 3),
    )
    assert found(reader) == [4, 3, 2, 1]
    assert found(reader, newest_first=False) == [1, 2, 3, 4]
    assert found(reader, limit=2) == [4, 3]
    assert found(reader, newest_first=False, limit=2) == [1, 2]
    assert found(reader, device="cam2") == [3]
    assert found(reader, device="cam9") == []
    assert found(reader, alarm_id=1) == [2]
    assert found(reader, picture_id=3) == [3]
    assert found(reader, picture_id=3, device="cam1") == []
    assert found(reader, since=NOON + 1, until=NOON + 3) == [3, 2]
    assert found(reader, device="cam1", since=NOON + 1, until=NOON + 3) == [2]
    assert found(reader, after_id=2) == [4, 3]
    assert found(reader, after_id=1, device="cam1", newest_first=False, limit=1) == [2]


def test_pages_follow_each_other_by_id_whatever_their_cameras_clocks_say(store: Store, reader: Reader) -> None:
    keep(store, *(picture(number, captured_at=NOON - number) for number in range(1, 6)))
    seen: list[int] = []
    while page := found(reader, after_id=max(seen, default=0), newest_first=False, limit=2):
        seen += page
    assert seen == [1, 2, 3, 4, 5]


def test_the_name_of_a_device_also_finds_the_pictures_of_one_that_had_it_and_was_forgotten(
    store: Store, reader: Reader
) -> None:
    keep(store, picture(1))
    store.commit([[device(1, forgotten_at=NOON)], [device(3, name="cam1")]])
    keep(store, picture(2, device_id=3))
    assert found(reader, device="cam1") == [2, 1]


def test_two_pictures_never_share_a_key(store: Store, reader: Reader) -> None:
    refused = store.commit([[picture(1, key="a.jpg")], [picture(2, key="a.jpg")]])
    assert ([turn.index for turn in refused], found(reader)) == ([1], [1])


def test_a_start_knows_the_newest_picture_of_each_device_that_is_not_forgotten(storage: Storage) -> None:
    store = storage.store
    store.commit([[device(3, name="cam3", forgotten_at=NOON)]])
    keep(store, picture(1), picture(2, device_id=2), picture(3), picture(4, device_id=3), picture(5, device_id=2))
    storage.restart()
    snapshot = storage.store.load()
    assert [one.id for one in snapshot.pictures] == [3, 5]
    assert snapshot.last_picture_id == 5


def test_cameras_are_known_after_a_start_but_not_those_of_forgotten_devices(storage: Storage) -> None:
    storage.store.commit([[records.camera(1), records.camera(2, pull_url="", source_networks=())]])
    storage.store.commit([[records.camera(1, every=7)], [device(2, name="cam2", forgotten_at=NOON)]])
    storage.restart()
    assert storage.store.load().cameras == (replace(CAMERA, every=7),)


def test_history_that_a_picture_belongs_to_stays_until_the_picture_goes(store: Store) -> None:
    store.commit([[cleared_alarm(1, NOON, device_id=2)], [device(2, name="cam2", forgotten_at=NOON)]])
    keep(store, picture(1, alarm_id=1, device_id=2))
    assert store.purge(NOON + 1, 100) == 0
    store.drop_pictures([1])
    assert store.purge(NOON + 1, 100) == 2


def test_a_forgotten_device_is_purged_with_its_camera(storage: Storage) -> None:
    storage.store.commit([[records.camera(2)], [device(2, name="cam2", forgotten_at=NOON)]])
    assert storage.store.purge(NOON + 1, 100) == 1
    storage.store.commit([[device(2, name="cam2")]])
    storage.restart()
    assert storage.store.load().cameras == ()


def test_a_lease_has_the_picture_that_goes_with_it(store: Store) -> None:
    keep(store, picture(1), picture(2, alarm_id=1))
    store.commit([[attached("a", "cam1/1.jpg"), attached("b", "cam1/2.jpg", alarm_id=1), attached("c", "cam1/9.mp4")]])
    leases = {lease.delivery.identity: lease for lease in claim(store)}
    assert leases["a"].picture == StoredPicture(_of(picture(1)), "cam1")
    assert leases["a"].alarm is None
    assert leases["a"].message is None
    assert leases["b"].picture == StoredPicture(_of(picture(2, alarm_id=1)), "cam1")
    assert leases["b"].alarm is not None
    assert leases["b"].alarm.alarm == ALARM
    assert (leases["c"].picture, leases["c"].delivery.attachment) == (None, "cam1/9.mp4")


def test_a_picture_that_is_gone_leaves_its_message(store: Store) -> None:
    keep(store, picture(1))
    store.commit([[attached("a", "cam1/1.jpg")]])
    store.drop_pictures([1])
    (lease,) = claim(store)
    assert (lease.picture, lease.delivery.attachment) == (None, "cam1/1.jpg")


def test_messages_of_no_alarm_do_not_wait_for_each_other(store: Store) -> None:
    store.commit([[attached(name, "") for name in "abc"]])
    assert [lease.delivery.identity for lease in claim(store)] == ["a", "b", "c"]
    store.commit([[attached(name, "", alarm_id=1, subject="changed") for name in "12"]])
    assert [lease.delivery.identity for lease in claim(store)] == ["1"], "those of one alarm do"


def test_what_told_of_no_alarm_is_not_kept_as_a_message_that_can_be_changed(store: Store, reader: Reader) -> None:
    store.commit([[attached("a", ""), attached("b", "")]])
    claim(store)
    store.finish_delivery("a", ME, NOON, reference="17", moved_to="-100")
    assert reader.moved("log") == {"": "-100"}
    store.retry_delivery("b", ME, NOON, "why")
    (again,) = claim(store)
    assert again.message is None


def test_a_message_that_nobody_needs_is_dropped_with_the_reason(store: Store, reader: Reader) -> None:
    store.commit([[attached("a", "")]])
    claim(store)
    store.drop_delivery("a", "incarnation 2", NOON, "not its own")
    assert reader.deliveries(DeliveryFilter())[0].state is DeliveryState.PENDING
    store.drop_delivery("a", ME, NOON + 7, "a newer one took its place")
    assert reader.deliveries(DeliveryFilter()) == []
    (gone,) = reader.deliveries(DeliveryFilter((DeliveryState.DROPPED,)))
    assert (gone.last_error, gone.settled_at) == ("a newer one took its place", NOON + 7)
    assert claim(store) == []


def _of(saved: SavePicture) -> Picture:
    return saved.picture
