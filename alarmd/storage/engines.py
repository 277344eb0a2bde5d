"""SQLAlchemy engines for the one writer and for readers, on SQLite and PostgreSQL."""

import os

from psycopg.errors import LockNotAvailable
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from alarmd.storage.database import Database
from alarmd.storage.database_url import file_of, shown
from alarmd.storage.interface import StorageUnavailableError
from alarmd.storage.sqlite_file import SqliteFile

READERS = 4  # connections; a further reader waits for one
READER_WAIT = 10.0  # s

WRITER_LOCK = 0x616C61726D64  # PostgreSQL's advisory lock that the one server of a database holds: "alarmd"
LOCK_SECONDS = 5  # long enough for PostgreSQL to see that a killed server's connection is gone
STATEMENT_SECONDS = 60  # no statement of ours takes that long; a migration sets its own limit
LIMITS = f"-c lock_timeout={LOCK_SECONDS}s -c statement_timeout={STATEMENT_SECONDS}s"
LOCK_OWNER = f"""
    SELECT concat_ws(' from ', session.application_name, session.client_addr)
    FROM pg_locks AS held JOIN pg_stat_activity AS session USING (pid)
    WHERE held.locktype = 'advisory' AND held.granted AND session.datname = current_database()
    AND held.classid = {WRITER_LOCK >> 32} AND held.objid = {WRITER_LOCK & 0xFFFFFFFF}
"""  # noqa: S608  # made of constants
LIBPQ = {  # a network that swallows everything is noticed within about ten seconds
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}


def writer(url: URL) -> Database:
    """One connection. On PostgreSQL it holds the lock that keeps a second server out."""
    file = file_of(url)
    if file is not None:
        return _sqlite_writer(SqliteFile(file))
    engine = _postgresql(url, 1, LIMITS)
    event.listen(engine, "connect", _lock_out_others)
    return Database(engine, shown(url))


def member(url: URL) -> Database:
    """One connection to a PostgreSQL, of one of several servers. It keeps out a server that would be alone there."""
    engine = _postgresql(url, 1, LIMITS)
    event.listen(engine, "connect", _lock_out_loners)
    return Database(engine, shown(url))


def claims(url: URL) -> Database:
    """One more connection of such a server."""
    return Database(_postgresql(url, 1, LIMITS), shown(url))


def reader(url: URL) -> Database:
    """A few connections for any threads, none of which can write."""
    file = file_of(url)
    if file is not None:
        source = SqliteFile(file)
        engine = create_engine(
            "sqlite://",
            creator=source.connect_reader,
            poolclass=QueuePool,
            pool_size=READERS,
            max_overflow=0,
            pool_timeout=READER_WAIT,
            hide_parameters=True,
        )
        return Database(engine, shown(url), source)
    return Database(_postgresql(url, READERS, "-c default_transaction_read_only=on"), shown(url))


def _sqlite_writer(file: SqliteFile) -> Database:
    engine = create_engine(
        "sqlite://",
        creator=file.connect_writer,
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,  # commands carry secrets
    )
    event.listen(engine, "begin", _begin_as_writer)
    return Database(engine, str(file.path), file)


def _begin_as_writer(connection: Connection) -> None:
    """Take the write lock at once: upgrading a read lock later fails without waiting."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgresql(url: URL, connections: int, options: str) -> Engine:
    missing = {name: value for name, value in LIBPQ.items() if name not in url.query}
    return create_engine(
        url.update_query_dict({**missing, "application_name": f"alarmd {os.getpid()}"}),
        paramstyle="format",
        pool_size=connections,
        max_overflow=0,
        pool_timeout=READER_WAIT,
        hide_parameters=True,
        connect_args={"options": f"{url.query.get('options', '')} {options}"},
    )


def _lock_out_others(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    _lock(connection, "pg_advisory_lock")


def _lock_out_loners(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    _lock(connection, "pg_advisory_lock_shared")


def _lock(connection: DBAPIConnection, how: str) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute(f"SELECT {how}({WRITER_LOCK})")
    except LockNotAvailable as error:
        connection.rollback()
        cursor.execute(LOCK_OWNER)
        owner = cursor.fetchone()
        raise StorageUnavailableError(
            f"the database is in use by another server: {owner[0] if owner else 'just gone'}"
        ) from error
    finally:
        cursor.close()
    connection.commit()
