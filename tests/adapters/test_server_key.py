"""server.key: made once, kept private, and never guessed at."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from alarmd.adapters.exit_codes import CANNOT_CREATE, UNUSABLE_DATA, StartError
from alarmd.adapters.open_storage import OpenStorage
from alarmd.adapters.server_key import NAME, server_key
from alarmd.storage.vault import SERVER_KEY, Vault
from lfcp.authenticator import key_as_text
from tests.adapters.parts import sqlite_url
from tests.contracts.records import EVERYTHING, KEY, ORIGIN, VAULT

KEY_FILE = key_as_text(bytes(range(SERVER_KEY)))


def write(directory: Path, content: str, mode: int = 0o600) -> Path:
    path = directory / NAME
    path.write_text(content)
    path.chmod(mode)
    return path


def test_the_first_start_makes_a_key_and_the_next_ones_read_it(tmp_path: Path) -> None:
    key = server_key(tmp_path)
    assert len(key) == SERVER_KEY
    assert server_key(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_no_two_servers_get_the_same_key(tmp_path: Path) -> None:
    directories = [tmp_path / str(number) for number in range(100)]
    for directory in directories:
        directory.mkdir()
    assert len(set(map(server_key, directories))) == 100


def test_the_file_is_private_whatever_the_umask_and_holds_one_line_of_text(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        key = server_key(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert (tmp_path / NAME).read_text() == key_as_text(key) + "\n"


def test_the_key_is_on_the_disk_before_it_has_its_name_and_the_name_before_its_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def noted(name: str, function: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: object) -> None:
            done.append(name)
            function(*arguments)

        return call

    monkeypatch.setattr(os, "fsync", noted("synced", os.fsync))
    monkeypatch.setattr(os, "link", noted("named", os.link))
    server_key(tmp_path)
    assert done == ["synced", "named", "synced"]


def test_a_key_that_another_process_made_meanwhile_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def be_late(descriptor: int) -> None:
        if not (tmp_path / NAME).exists():
            write(tmp_path, KEY_FILE)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", be_late)
    assert server_key(tmp_path) == bytes(range(SERVER_KEY))
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_full_disk_leaves_no_half_of_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StartError, match=f"cannot make {tmp_path}/server.key: No space left") as caught:
        server_key(tmp_path)
    assert caught.value.code == CANNOT_CREATE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_key_put_back_with_any_end_of_line_is_read(tmp_path: Path, end: str) -> None:
    write(tmp_path, KEY_FILE + end)
    assert server_key(tmp_path) == bytes(range(SERVER_KEY))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o601])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path, KEY_FILE, mode)
    with pytest.raises(StartError, match=f"others may read or change {path}: chmod 600 {path}") as caught:
        server_key(tmp_path)
    assert caught.value.code == UNUSABLE_DATA
    path.chmod(0o600)
    assert server_key(tmp_path) == bytes(range(SERVER_KEY))


WRONG = {
    "empty": "",
    "too short": KEY_FILE[:-1],
    "too long": KEY_FILE + "A",
    "two lines": KEY_FILE + "\n" + KEY_FILE,
    "a space before it": " " + KEY_FILE,
    "not of the alphabet": KEY_FILE[:-1] + "+",
    "bits that no key has": KEY_FILE[:-1] + "9",
    "not ASCII": "ß" * 21,
    "a whole book": KEY_FILE * 10_000,
}


@pytest.mark.parametrize("what", WRONG)
def test_a_file_that_holds_no_key_is_refused_without_being_shown(tmp_path: Path, what: str) -> None:
    path = write(tmp_path, WRONG[what])
    with pytest.raises(StartError, match=rf"{path} is not a line of 43 .*put it back .*`alarmd drop-keys`") as caught:
        server_key(tmp_path)
    assert caught.value.code == UNUSABLE_DATA
    assert KEY_FILE[:8] not in str(caught.value)
    assert path.read_text() == WRONG[what]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(StartError, match=r"cannot read .*server.key: Is a directory") as caught:
        server_key(tmp_path)
    assert caught.value.code == UNUSABLE_DATA


def test_a_database_sealed_with_another_key_is_told_and_let_go(tmp_path: Path) -> None:
    storage = OpenStorage(sqlite_url(tmp_path), ORIGIN, VAULT)
    storage.store.commit([EVERYTHING])
    storage.close_now()
    with pytest.raises(StartError, match=r"cannot be used: server.key does not open 1 of its 1 device keys") as caught:
        OpenStorage(sqlite_url(tmp_path), ORIGIN, Vault(server_key(tmp_path)))
    assert caught.value.code == UNUSABLE_DATA
    storage = OpenStorage(sqlite_url(tmp_path), ORIGIN, VAULT)
    assert storage.snapshot.keys == (KEY,)
    storage.close_now()
