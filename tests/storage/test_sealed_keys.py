"""Keys of devices at rest: on the disk, and nowhere in clear."""

import json
import shutil
import sqlite3
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from alarmd.core.effects import DropKey, DurableEffect, SaveCamera, SaveCommand, SaveKey
from alarmd.core.records import CommandState
from alarmd.storage.interface import StorageUnavailableError, StorageUnusableError
from alarmd.storage.opening import drop_keys, open_reader, open_store
from alarmd.storage.sql_store import SqlStore
from alarmd.storage.tables import metadata
from alarmd.storage.vault import Vault
from tests.contracts.records import CAMERA, COMMAND, EVERYTHING, KEY, SERVER_KEY, VAULT, device, event, key

ANOTHER = Vault(bytes(32))
LOST = r"server.key does not open \d of its \d device keys: put back server.key .* `alarmd drop-keys` removes"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, url: str) -> str:
    return url if request.param == "sqlite" else request.getfixturevalue("postgresql_url")


@pytest.fixture
def either(database_url: str) -> Iterator[SqlStore]:
    """A store on SQLite and on PostgreSQL."""
    store = open_store(database_url, "A", VAULT)
    store.commit([EVERYTHING])
    yield store
    store.close()


def forms(secret: bytes) -> list[bytes]:
    """How bytes may be written down, in upper and lower case; base64 at each of its three beginnings."""
    parts = [secret[start : start + (len(secret) - start) // 3 * 3] for start in range(3)]
    base64 = [encode(part) for part in parts for encode in (b64encode, urlsafe_b64encode)]
    return [secret, secret.hex().encode(), secret.hex().upper().encode(), *base64]


def contains(haystack: bytes, secret: bytes) -> bool:
    return any(form in haystack for form in forms(secret))


def sealed_secret(store: SqlStore) -> bytes:
    with store._database.transaction() as connection:
        return bytes(connection.execute(text("SELECT secret FROM device_keys")).scalar_one())


def everything_in(store: SqlStore) -> bytes:
    """Every value of every table, as text or raw."""
    with store._database.transaction() as connection:
        rows = [row for table in metadata.tables.values() for row in connection.execute(table.select())]
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)


def change(store: SqlStore, statement: str, **values: Any) -> None:
    with store._database.transaction() as connection:
        connection.execute(text(statement), values)


def test_a_search_finds_a_secret_in_any_of_its_forms() -> None:
    for beginning in (b"", b"1", b"12"):
        for shown in (b64encode, urlsafe_b64encode, lambda value: value.hex().encode(), bytes):
            assert contains(b"..." + shown(beginning + KEY.secret + b"end"), KEY.secret)


def test_no_key_is_in_clear_in_any_file(store: SqlStore, file: Path, tmp_path: Path) -> None:
    store.backup(tmp_path / "copy")
    before = {path.name: path.read_bytes() for path in file.parent.iterdir() if path.is_file()}
    assert {"alarmd.db", "alarmd.db-wal", "alarmd.db-shm", "copy"} <= before.keys()
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sealed = sealed_secret(store)
    assert sealed in before["alarmd.db-wal"]
    assert sealed in before["copy"]
    assert sealed in file.read_bytes()
    for content in (*before.values(), file.read_bytes()):
        assert not contains(content, KEY.secret)
        assert not contains(content, SERVER_KEY)


def test_no_key_is_in_clear_in_any_table(either: SqlStore) -> None:
    either.commit([[key(99)]])  # refused, and kept in the quarantine
    content = everything_in(either)
    assert b"garden_gate" in content
    assert b"SaveKey" in content
    assert sealed_secret(either) in content
    assert not contains(content, KEY.secret)


def test_a_committed_key_is_there_although_nothing_was_closed(store: SqlStore, file: Path, tmp_path: Path) -> None:
    store.commit([[key(1, 3)]])
    store.commit([[DropKey(KEY.device_id, KEY.epoch)]])
    (tmp_path / "after").mkdir()
    for part in (file, file.with_name("alarmd.db-wal")):  # as a power cut leaves them
        shutil.copy(part, tmp_path / "after" / part.name)
    survivor = open_store(f"sqlite:///{tmp_path}/after/alarmd.db", "A", VAULT)
    assert survivor.load().keys == (key(1, 3).key,)
    survivor.close()


def test_a_backup_opens_with_the_same_server_key_only(store: SqlStore, tmp_path: Path) -> None:
    store.backup(tmp_path / "copy.db")
    copy = open_store(f"sqlite:///{tmp_path}/copy.db", "A", VAULT)
    assert copy.load() == store.load()
    copy.close()
    copy = open_store(f"sqlite:///{tmp_path}/copy.db", "A", ANOTHER)
    with pytest.raises(StorageUnusableError, match=LOST):
        copy.load()
    copy.close()


def test_a_lost_server_key_opens_no_url_of_a_camera(store: SqlStore, url: str) -> None:
    store.commit([[DropKey(KEY.device_id, KEY.epoch), SaveCommand(replace(COMMAND, verb="WCAM", params=()))]])
    store.close()
    again = open_store(url, "A", ANOTHER)
    with pytest.raises(StorageUnusableError, match="`alarmd drop-keys` removes them"):
        again.load()
    again.close()
    drop_keys(url)
    again = open_store(url, "A", ANOTHER)
    assert [camera.pull_url for camera in again.load().cameras] == [""]
    again.close()


def test_the_url_of_a_camera_is_sealed(either: SqlStore) -> None:
    with either._database.transaction() as connection:
        (sealed,) = connection.scalars(text("SELECT pull_url FROM cameras"))
    assert b"password" not in bytes(sealed)


def test_a_lost_server_key_opens_no_secret_of_a_command(store: SqlStore, url: str) -> None:
    store.commit([[DropKey(KEY.device_id, KEY.epoch), SaveCamera(replace(CAMERA, pull_url=""))]])
    store.close()
    again = open_store(url, "A", ANOTHER)
    with pytest.raises(StorageUnusableError, match="`alarmd drop-keys` gives them up"):
        again.load()
    again.close()
    drop_keys(url)
    again = open_store(url, "A", ANOTHER)
    assert again.load().commands == ()
    again.close()
    reader = open_reader(url)
    (given_up,) = reader.commands()
    assert (given_up.command.state, given_up.command.params) == (CommandState.FAILED, ())
    assert "send it again" in given_up.command.outcome
    reader.close()


def test_the_secret_of_a_command_is_sealed_while_it_waits(either: SqlStore) -> None:
    with either._database.transaction() as connection:
        (stored,) = connection.scalars(text("SELECT params FROM commands"))
    assert len(json.loads(stored)) == len(COMMAND.params)
    assert not any(param in stored for param in COMMAND.params)
    assert either.load().commands == (COMMAND,)


def test_the_secret_of_a_command_opens_in_no_other_command(either: SqlStore) -> None:
    change(either, "UPDATE commands SET identity = 'A:9'")
    with pytest.raises(StorageUnusableError, match="secrets of commands"):
        either.load()


def test_without_secrets_any_server_key_will_do(store: SqlStore, url: str) -> None:
    store.commit([[DropKey(KEY.device_id, KEY.epoch), SaveCamera(replace(CAMERA, pull_url=""))]])
    store.commit([[SaveCommand(replace(COMMAND, verb="WCAM", params=()))]])
    before = store.load()
    store.close()
    again = open_store(url, "A", ANOTHER)
    assert again.load() == before
    again.close()


def test_a_key_moved_to_another_device_is_refused(either: SqlStore) -> None:
    either.commit([[device(2)]])
    change(either, "UPDATE device_keys SET device_id = 2")
    with pytest.raises(StorageUnusableError, match=LOST):
        either.load()


def test_a_key_moved_to_another_epoch_is_refused(either: SqlStore) -> None:
    change(either, "UPDATE device_keys SET epoch = 3")
    with pytest.raises(StorageUnusableError, match=LOST):
        either.load()


def test_keys_swapped_between_devices_are_refused_and_counted(either: SqlStore) -> None:
    either.commit([[device(2), device(3), key(2, KEY.epoch), key(3, KEY.epoch)]])
    rows = "SELECT device_id, secret FROM device_keys WHERE device_id < 3 ORDER BY device_id"
    with either._database.transaction() as connection:
        (first, one), (second, other) = connection.execute(text(rows)).all()
    for number, secret in ((first, other), (second, one)):
        change(
            either, "UPDATE device_keys SET secret = :secret WHERE device_id = :number", secret=secret, number=number
        )
    with pytest.raises(StorageUnusableError, match="does not open 2 of its 3 device keys"):
        either.load()


@pytest.mark.parametrize("damaged", [b"", b"\0", b"\0" * 12, b"\0" * 60])
def test_a_damaged_key_is_refused(either: SqlStore, damaged: bytes) -> None:
    change(either, "UPDATE device_keys SET secret = :damaged", damaged=damaged)
    with pytest.raises(StorageUnusableError, match=LOST):
        either.load()


def test_all_keys_are_dropped_for_an_operator_who_lost_the_server_key(either: SqlStore, database_url: str) -> None:
    either.commit([[device(2), key(2), key(2, 2, hlc=900)]])
    before = either.load()
    either.close()
    assert drop_keys(database_url) == 3
    assert drop_keys(database_url) == 0
    again = open_store(database_url, "A", ANOTHER)
    after = again.load()
    assert after.keys == ()
    assert (after.devices, after.contacts, after.last_hlc) == (before.devices, before.contacts, 900)
    again.close()


def test_no_keys_are_dropped_under_a_running_server(store: SqlStore, url: str) -> None:
    with pytest.raises(StorageUnavailableError, match="in use by process"):
        drop_keys(url)
    assert store.load().keys == (KEY,)


SECRET = "a secret that is text, not bytes"
POISON: dict[str, DurableEffect] = {
    "of a device that is not there": key(99),
    "that is text": key(1, 9, secret=SECRET),
    "that is nothing": key(1, 9, secret=None),
    "with an epoch beyond 64 bits": key(1, 2**63),
}


@pytest.mark.parametrize("what", POISON)
def test_a_key_that_cannot_be_stored_is_refused_alone_and_shown_to_nobody(either: SqlStore, what: str) -> None:
    refused = either.commit([[event(2)], [event(3), POISON[what]], [key(1, 7)]])
    assert [turn.index for turn in refused] == [1]
    shown = everything_in(either) + repr(refused).encode()
    assert b"SaveKey(key=DeviceKey(" in shown
    assert not contains(shown, KEY.secret)
    assert SECRET.encode() not in shown
    assert [each.epoch for each in either.load().keys] == [KEY.epoch, 7]


def test_a_key_is_sealed_anew_each_time(store: SqlStore) -> None:
    first = sealed_secret(store)
    store.commit([[SaveKey(KEY)]])
    assert sealed_secret(store) != first
    assert store.load().keys == (KEY,)
