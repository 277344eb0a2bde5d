"""Which databases are taken, and that no password is ever repeated."""

from pathlib import Path

import pytest

from alarmd.storage.database_url import file_of, parse, shown
from alarmd.storage.interface import StorageUnusableError
from alarmd.storage.opening import drop_keys, open_reader, open_store, upgrade_database
from tests.contracts.records import VAULT


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_is_known_by_its_names(scheme: str) -> None:
    url = parse(f"{scheme}://user:secret@db.example:5433/alarms")
    assert url.drivername == "postgresql+psycopg"
    assert file_of(url) is None
    assert shown(url) == "PostgreSQL database alarms on db.example"


def test_a_sqlite_file_is_shown_without_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    url = parse(f"sqlite:///{tmp_path}/link/a.db")
    assert file_of(url) == tmp_path / "real" / "a.db"
    assert shown(url) == str(tmp_path / "real" / "a.db")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "alarms.db",
        "mysql://user:secret@db/alarms",
        "postgresql://user:secret@db:port/alarms",
        "postgresql+asyncpg://user:secret@db/alarms",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////var/a.db?mode=secret",
    ],
)
def test_anything_else_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(StorageUnusableError, match="sqlite:////absolute/file") as refused:
        parse(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("door", [lambda url: open_store(url, "A", VAULT), open_reader, upgrade_database, drop_keys])
def test_every_door_checks_the_url(door: object) -> None:
    assert callable(door)
    with pytest.raises(StorageUnusableError, match="mysql"):
        door("mysql://user:secret@db/alarms")
