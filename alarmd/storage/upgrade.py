"""Brings a database to the schema of this program. All of it or nothing: a failure leaves the old schema."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from alarmd.storage.database import Database
from alarmd.storage.interface import StorageUnusableError
from alarmd.storage.sqlite_backup import backup_before_upgrade


@dataclass(frozen=True, slots=True)
class Upgrade:
    """before: None for a new database. backup: where the old SQLite file was copied to."""

    before: str | None
    after: str
    backup: Path | None = None


def newest_revision() -> str:
    (head,) = ScriptDirectory.from_config(_config()).get_heads()
    return head


def is_newest(database: Database) -> bool:
    """Raises StorageUnusableError if there is something that is not ours."""
    return _revision(database) == newest_revision()


def require_newest(database: Database) -> None:
    """Raises StorageUnusableError unless this program can read the database as it is."""
    found = _revision(database)
    if found != newest_revision():
        _refuse_unknown(database, found)
        raise StorageUnusableError(
            f"{database.shown} has an older schema ({found or 'none'}): run alarmd upgrade-database"
        )


def upgrade(database: Database) -> Upgrade:
    """Raises StorageUnusableError for a database that is not ours or too new, StorageUnavailableError otherwise."""
    before, after = _revision(database), newest_revision()
    if before == after:
        return Upgrade(before, after)
    _refuse_unknown(database, before)
    copy = None
    if before is not None and database.file is not None:
        copy = backup_before_upgrade(database.file, before)
    with database.first_transaction() as connection:
        _migrate(connection)
    return Upgrade(before, after, copy)


def _revision(database: Database) -> str | None:
    """None: empty. Anything else that has no revision is another program's."""
    with database.first_transaction() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
        if revision is None and inspect(connection).get_table_names():
            raise StorageUnusableError(f"{database.shown} is not a database of alarmd")
        return revision


def _refuse_unknown(database: Database, revision: str | None) -> None:
    scripts = ScriptDirectory.from_config(_config())
    known = {script.revision for script in scripts.walk_revisions()}
    if revision is not None and revision not in known:
        raise StorageUnusableError(
            f"{database.shown} was written by a newer alarmd: its schema is {revision}, this program's is "
            f"{scripts.get_current_head()}"
        )


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))  # a large table takes as long as it takes
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("alarmd.migrations")).replace("%", "%%"))
    return config
