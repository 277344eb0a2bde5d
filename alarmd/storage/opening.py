"""The doors: from a database's URL to a store, a reader, or work on it while no server runs.

All raise StorageUnusableError when a person must act (a newer schema, a broken file, a wrong URL) and
StorageUnavailableError when the database cannot be reached or used now (also: another server has it).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import true

from alarmd.storage import engines, sealed_cameras, sealed_commands, sealed_keys
from alarmd.storage.cluster_store import ClusterStore, join
from alarmd.storage.database import Database
from alarmd.storage.database_url import file_of, parse
from alarmd.storage.interface import StorageUnusableError
from alarmd.storage.ownership import Ownership, own
from alarmd.storage.read_queries import SqlReader
from alarmd.storage.sql_store import SqlStore
from alarmd.storage.upgrade import Upgrade, is_newest, require_newest, upgrade
from alarmd.storage.vault import Vault


def open_store(url: str, origin: str, vault: Vault) -> SqlStore:
    """The one writer, on a database brought up to date. origin: this server's label."""
    with _owned(url) as (database, ownership):
        upgrade(database)
        return SqlStore(database, origin, vault, ownership)


def open_member(url: str, origin: str, vault: Vault, name: str) -> ClusterStore:
    """One of several writers. name: of this process, for people. A database that is not up to date is brought there
    first, while no other server uses it."""
    parsed = parse(url)
    if file_of(parsed) is not None:
        raise StorageUnusableError("servers that share the work need a PostgreSQL: set storage.url")
    database, claims = engines.member(parsed), engines.claims(parsed)
    try:
        if not is_newest(database):
            database.close()
            upgrade_database(url)
        return join(database, claims, origin, vault, name)
    except BaseException:
        database.close()
        claims.close()
        raise


def open_reader(url: str, vault: Vault | None = None) -> SqlReader:
    """Reads beside a running server, or without one; changes nothing, not even the schema. vault: for changes()."""
    parsed = parse(url)
    file = file_of(parsed)
    if file is not None and not file.exists():
        raise StorageUnusableError(f"there is no database at {file}: has the server been started yet?")
    database = engines.reader(parsed)
    try:
        if database.file is not None:
            database.file.watch()
        require_newest(database)
    except BaseException:
        database.close()
        raise
    return SqlReader(database, vault)


def upgrade_database(url: str) -> Upgrade:
    """What open_store does first, and no more: for an upgrade before the start."""
    with _owned(url) as (database, ownership):
        done = upgrade(database)
        _leave(database, ownership)
        return done


def drop_keys(url: str) -> int:
    """Removes what server.key sealed (keys of devices, URLs of cameras, secrets of commands) from a database that no
    server uses, for an operator who lost it. Returns how many keys there were."""
    with _owned(url) as (database, ownership):
        upgrade(database)
        with database.first_transaction() as connection:
            dropped = sealed_keys.drop(connection, [true()])
            sealed_cameras.drop_urls(connection)
            sealed_commands.drop_secrets(connection)
        _leave(database, ownership)
        return dropped


@contextmanager
def _owned(url: str) -> Iterator[tuple[Database, Ownership | None]]:
    """The database for this process alone; let go again if the block fails."""
    parsed = parse(url)
    file = file_of(parsed)
    ownership = own(file) if file is not None else None
    database = engines.writer(parsed)
    try:
        if database.file is not None:
            database.file.create()
            database.file.watch()
        yield database, ownership
    except BaseException:
        _leave(database, ownership)
        raise


def _leave(database: Database, ownership: Ownership | None) -> None:
    database.close()
    if ownership is not None:
        ownership.release()
