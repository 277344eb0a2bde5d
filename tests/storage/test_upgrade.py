"""Upgrades on start: a copy first, all of it or nothing, and never a step back."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

import migrations
from alarmd.storage import upgrade as upgrade_module
from alarmd.storage.database_url import parse
from alarmd.storage.interface import EventFilter, StorageUnavailableError, StorageUnusableError
from alarmd.storage.opening import open_reader, open_store, upgrade_database
from alarmd.storage.sqlite_backup import KEPT
from alarmd.storage.upgrade import newest_revision
from tests.contracts.records import EVERYTHING, VAULT

LATER = '''
"""A later revision."""
from alembic import op
import sqlalchemy as sa
revision = "{revision}"
down_revision = "{down}"
def upgrade() -> None:
    op.create_table("later_{revision}", sa.Column("id", sa.Integer, primary_key=True))
    {then}
'''


class Program:
    """A later version of this program: its migrations and more."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shutil.copytree(Path(migrations.__file__).parent, directory, ignore=shutil.ignore_patterns("__pycache__"))
        self._directory = directory
        self._monkeypatch = monkeypatch
        self.newest = newest_revision()

    def add_revision(self, then: str = "") -> None:
        down, self.newest = self.newest, f"{int(self.newest) + 1:04}"
        source = LATER.format(revision=self.newest, down=down, then=then)
        (self._directory / "versions" / f"{self.newest}_later.py").write_text(source)

    def install(self) -> None:
        self._monkeypatch.setattr(upgrade_module, "files", lambda _: self._directory)

    def uninstall(self) -> None:
        self._monkeypatch.undo()


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    return Program(tmp_path / "later", monkeypatch)


def tables(url: str) -> list[str]:
    engine = create_engine(parse(url))
    names = inspect(engine).get_table_names()
    engine.dispose()
    return names


def copies(file: Path) -> list[str]:
    return sorted(copy.name for copy in file.parent.glob("*.backup"))


def test_a_new_database_gets_the_newest_schema_and_no_copy(url: str, file: Path) -> None:
    done = upgrade_database(url)
    assert (done.before, done.after, done.backup) == (None, newest_revision(), None)
    assert copies(file) == []
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_upgraded_database_is_left_alone(url: str, file: Path) -> None:
    upgrade_database(url)
    done = upgrade_database(url)
    assert (done.before, done.after, done.backup) == (newest_revision(), newest_revision(), None)
    assert copies(file) == []


def test_a_new_revision_is_applied_after_a_copy_was_made(url: str, file: Path, later: Program) -> None:
    store = open_store(url, "A", VAULT)
    store.commit([EVERYTHING])
    before = store.load()
    store.close()
    later.add_revision()
    later.install()
    store = open_store(url, "A", VAULT)
    assert store.load() == before
    store.close()
    assert "later_0002" in tables(url)
    (copy,) = copies(file)
    assert copy == "alarmd.db.revision-0001.backup"
    assert (file.parent / copy).stat().st_mode & 0o777 == 0o600
    assert "later_0002" not in tables(f"sqlite:///{file.parent}/{copy}")
    with closing(sqlite3.connect(file.parent / copy)) as old:
        assert old.execute("SELECT count(*) FROM events").fetchone() == (1,)


def test_the_last_copies_are_kept(url: str, file: Path, later: Program) -> None:
    upgrade_database(url)
    later.install()
    for _ in range(KEPT + 2):
        later.add_revision()
        upgrade_database(url)
    assert copies(file) == [f"alarmd.db.revision-{number:04}.backup" for number in (3, 4, 5)]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_failed_upgrade_leaves_the_old_schema(
    database: str, url: str, later: Program, request: pytest.FixtureRequest
) -> None:
    if database == "postgresql":
        url = request.getfixturevalue("empty_postgresql_url")
    upgrade_database(url)
    before = tables(url)
    later.add_revision(then='op.execute("INSERT INTO nowhere VALUES (1)")')
    later.install()
    with pytest.raises(StorageUnavailableError, match="nowhere"):
        upgrade_database(url)
    later.uninstall()
    assert tables(url) == before
    open_store(url, "A", VAULT).close()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_newer_schema_is_refused_with_both_revisions(
    database: str, url: str, later: Program, request: pytest.FixtureRequest
) -> None:
    if database == "postgresql":
        url = request.getfixturevalue("empty_postgresql_url")
    later.add_revision()
    later.install()
    upgrade_database(url)
    later.uninstall()
    for door in (lambda: open_store(url, "A", VAULT), lambda: open_reader(url), lambda: upgrade_database(url)):
        with pytest.raises(StorageUnusableError, match="newer alarmd: its schema is 0002, this program's is 0001"):
            door()


def test_a_reader_does_not_touch_an_older_schema(url: str, later: Program) -> None:
    upgrade_database(url)
    later.add_revision()
    later.install()
    with pytest.raises(StorageUnusableError, match=r"older schema \(0001\): run alarmd upgrade-database"):
        open_reader(url)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_another_programs_database_is_left_alone(database: str, url: str, request: pytest.FixtureRequest) -> None:
    if database == "postgresql":
        url = request.getfixturevalue("empty_postgresql_url")
    engine = create_engine(parse(url))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE bookmarks (id INTEGER)"))
    engine.dispose()
    with pytest.raises(StorageUnusableError, match="is not a database of alarmd"):
        open_store(url, "A", VAULT)
    assert tables(url) == ["bookmarks"]


def test_a_reader_needs_a_database(url: str, file: Path) -> None:
    with pytest.raises(StorageUnusableError, match=f"no database at {file}"):
        open_reader(url)
    assert not file.exists()


def test_an_empty_file_is_a_new_database(url: str, file: Path) -> None:
    file.touch()
    with pytest.raises(StorageUnusableError, match="older schema"):
        open_reader(url)
    open_store(url, "A", VAULT).close()
    reader = open_reader(url)
    assert reader.events(EventFilter()) == []
    reader.close()


def test_a_path_with_odd_characters_works(tmp_path: Path) -> None:
    directory = tmp_path / "50% of?this #dir"
    directory.mkdir()
    upgrade_database(f"sqlite:///{directory}/a b.db".replace("?", "%3F"))
