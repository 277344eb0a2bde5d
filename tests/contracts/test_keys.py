"""Keys of devices: what every store does with them, and that no reader ever sees one."""

import pickle

import pytest

from alarmd.core.effects import DropKey, SaveKey
from alarmd.core.records import DeviceKey
from alarmd.storage.interface import Reader, Store, Turn
from tests.contracts.conftest import Storage
from tests.contracts.records import EVERYTHING, KEY, NOON, PLACE, contact, device, event, key
from tests.contracts.test_like_memory import answers

OTHER = b"another secret, 32 bytes as well"


@pytest.fixture(autouse=True)
def place(store: Store) -> None:
    assert store.commit([[*PLACE, device(1), device(2)]]) == []


def identities(keys: tuple[DeviceKey, ...]) -> list[tuple[int, int]]:
    return [(each.device_id, each.epoch) for each in keys]


def test_a_key_comes_back_as_it_was_after_a_restart(storage: Storage) -> None:
    assert storage.store.commit([[SaveKey(KEY)]]) == []
    storage.restart()
    assert storage.store.load().keys == (KEY,)


def test_keys_come_in_the_order_of_device_and_epoch(store: Store) -> None:
    store.commit([[key(2, 10), key(2, 9), key(1, 3)], [key(1, 20)]])
    assert identities(store.load().keys) == [(1, 3), (1, 20), (2, 9), (2, 10)]


def test_a_key_saved_again_takes_the_place_of_the_first(store: Store) -> None:
    store.commit([[key(1)], [key(1, secret=OTHER)]])
    store.commit([[key(2, secret=OTHER)]])
    store.commit([[key(2)]])
    assert [each.secret for each in store.load().keys] == [OTHER, KEY.secret]


def test_a_dropped_key_is_gone_and_the_others_stay(storage: Storage) -> None:
    storage.store.commit([[key(1, 1), key(1, 2), key(2, 1)]])
    assert storage.store.commit([[DropKey(1, 1)]]) == []
    storage.restart()
    assert identities(storage.store.load().keys) == [(1, 2), (2, 1)]


def test_to_drop_a_key_that_is_not_there_is_harmless(store: Store) -> None:
    store.commit([[key(1)]])
    assert store.commit([[DropKey(1, 7), DropKey(99, 1)], [DropKey(1, 7)]]) == []
    assert identities(store.load().keys) == [(1, 1)]


def test_what_is_said_last_about_a_key_counts(store: Store) -> None:
    store.commit([[key(1, 1), DropKey(1, 1), key(1, 2)], [DropKey(1, 2), key(1, 2, secret=OTHER)], [key(2, 1)]])
    assert identities(store.load().keys) == [(1, 2), (2, 1)]
    assert store.load().keys[0].secret == OTHER
    store.commit([[key(2, 1, secret=OTHER)], [DropKey(2, 1)]])
    assert identities(store.load().keys) == [(1, 2)]


def test_turns_that_save_and_drop_may_be_committed_again(store: Store) -> None:
    turns: list[Turn] = [[key(1, 1)], [key(1, 2), DropKey(1, 1)], [event(1, hlc=200)]]
    store.commit(turns)
    before = store.load()
    assert store.commit(turns) == []
    assert store.load() == before


def test_a_refused_turn_saves_and_drops_no_key(store: Store) -> None:
    store.commit([[key(1)]])
    refused = store.commit([[key(2), event(1, device_id=99)], [DropKey(1, 1), event(2, device_id=99)], [key(1, 2)]])
    assert [turn.index for turn in refused] == [0, 1]
    assert identities(store.load().keys) == [(1, 1), (1, 2)]


def test_keys_of_forgotten_devices_are_not_loaded(store: Store) -> None:
    store.commit([[key(1), key(2)], [device(2, forgotten_at=NOON)]])
    assert identities(store.load().keys) == [(1, 1)]


def test_a_purged_device_takes_its_keys_along_and_nothing_of_the_portion(store: Store) -> None:
    store.commit([[key(1), key(2, 1), key(2, 2), contact(2), device(2, forgotten_at=NOON)]])
    assert store.purge(NOON + 1, 1) == 1
    assert store.commit([[device(2)]]) == []
    assert identities(store.load().keys) == [(1, 1)]


def test_the_stamps_of_keys_that_are_gone_stay_counted(storage: Storage) -> None:
    storage.store.commit([[key(1, hlc=900), key(2, hlc=800), device(2, forgotten_at=NOON)]])
    storage.store.purge(NOON + 1, 10)
    storage.store.commit([[DropKey(1, 1)]])
    storage.restart()
    assert storage.store.load().keys == ()
    assert storage.store.load().last_hlc == 900


def test_no_reader_ever_sees_a_key(store: Store, reader: Reader) -> None:
    assert store.commit([EVERYTHING]) == []
    shown = pickle.dumps([answers(reader), reader.healthy()])
    assert b"garden_gate" in shown
    assert KEY.secret not in shown


def test_no_key_shows_in_a_representation() -> None:
    shown = repr([SaveKey(KEY), KEY])
    assert "created_at" in shown
    assert KEY.secret.decode() not in shown
