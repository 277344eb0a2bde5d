"""One server per SQLite file."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from alarmd.storage.interface import StorageUnavailableError, StorageUnusableError
from alarmd.storage.opening import open_reader, open_store, upgrade_database
from alarmd.storage.ownership import own
from tests.contracts.records import VAULT

OWNER = """
import sys
from alarmd.storage.opening import open_store
from alarmd.storage.vault import Vault
store = open_store(sys.argv[1], "A", Vault(bytes(32)))
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_server_on_a_file_is_refused_and_told_who_has_it(url: str, file: Path) -> None:
    store = open_store(url, "A", VAULT)
    for door in (lambda: open_store(url, "B", VAULT), lambda: upgrade_database(url)):
        with pytest.raises(StorageUnavailableError, match=f"{file} is in use by process {os.getpid()}"):
            door()
    store.close()
    open_store(url, "B", VAULT).close()


def test_a_link_to_the_file_is_no_way_around(url: str, file: Path, tmp_path: Path) -> None:
    store = open_store(url, "A", VAULT)
    (tmp_path / "link.db").symlink_to(file)
    with pytest.raises(StorageUnavailableError, match="in use"):
        open_store(f"sqlite:///{tmp_path}/link.db", "A", VAULT)
    store.close()


def test_a_killed_server_leaves_no_lock_behind(url: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(StorageUnavailableError, match=f"in use by process {process.pid}"):
            open_store(url, "A", VAULT)
        process.send_signal(signal.SIGKILL)
    open_store(url, "A", VAULT).close()


def test_a_reader_needs_no_ownership(url: str) -> None:
    store = open_store(url, "A", VAULT)
    reader = open_reader(url)
    assert reader.healthy()
    reader.close()
    store.close()


def test_a_failed_opening_lets_go(url: str, file: Path) -> None:
    file.write_text("this is no database, but it is long enough to look at" * 100)
    with pytest.raises(StorageUnusableError, match="not a database"):
        open_store(url, "A", VAULT)
    file.unlink()
    open_store(url, "A", VAULT).close()


def test_letting_go_twice_is_harmless(file: Path) -> None:
    ownership = own(file)
    ownership.release()
    again = own(file)
    ownership.release()
    with pytest.raises(StorageUnavailableError, match="in use"):
        own(file)
    again.release()


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailableError, match=r"cannot open .*/missing/a.db.lock: No such file"):
        own(tmp_path / "missing" / "a.db")
