"""One database as one user of it sees it: transactions whose errors are the interface's.

After every failure the connection is thrown away, so that the next transaction finds a database that came back.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from alarmd.storage.errors import RefusedError, is_corruption, is_refusal, reason
from alarmd.storage.interface import StorageError, StorageUnavailableError, StorageUnusableError
from alarmd.storage.sqlite_file import SqliteFile

SNAPSHOT = {"sqlite": "BEGIN", "postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"}


class Database:
    """shown: how the database is called in messages. file: None for PostgreSQL."""

    def __init__(self, engine: Engine, shown: str, file: SqliteFile | None = None) -> None:
        self.engine = engine
        self.shown = shown
        self.file = file

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Commits at the end. Raises RefusedError for what is in it, StorageUnavailableError for everything else."""
        try:
            if self.file is not None:
                self.file.check()
            with self.engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            if is_refusal(error):
                raise RefusedError(reason(error)) from error
            self.engine.dispose()
            raise StorageUnavailableError(f"{self.shown}: {reason(error)}") from error
        except OSError as error:
            raise StorageUnavailableError(f"{self.shown}: {error.strerror}") from error

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction that sees the database as it is at its first statement, for as long as it lasts. On SQLite the
        journal grows meanwhile by what others write."""
        with self.transaction() as connection:
            connection.exec_driver_sql(SNAPSHOT[connection.dialect.name])
            yield connection

    @contextmanager
    def first_transaction(self) -> Iterator[Connection]:
        """The same at a start, where a broken file is not worth waiting for: StorageUnusableError."""
        try:
            with self.transaction() as connection:
                yield connection
        except StorageUnavailableError as error:
            if is_corruption(error.__cause__):
                raise StorageUnusableError(f"{error}: restore a backup, or move the file away") from error
            raise

    def answers(self) -> bool:
        """Whether a table can be read: a plain SELECT 1 would not look at the file."""
        try:
            with self.transaction() as connection:
                connection.exec_driver_sql("SELECT id FROM sites LIMIT 1")
        except StorageError:
            return False
        return True

    def close(self) -> None:
        self.engine.dispose()
