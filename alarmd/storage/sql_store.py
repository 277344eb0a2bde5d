"""The store on SQLite and PostgreSQL. One thread uses it, see writer_thread.py; backup() alone may run beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from alarmd.core.snapshot import Snapshot
from alarmd.storage import loading, outbox_queries, picture_queries, quarantine, sqlite_backup
from alarmd.storage.database import Database
from alarmd.storage.errors import UNSTORABLE, RefusedError, reason
from alarmd.storage.interface import Claim, Lease, QuarantinedTurn, StorageError, Turn
from alarmd.storage.ownership import Ownership
from alarmd.storage.purge import purge
from alarmd.storage.turns import TurnWriter
from alarmd.storage.vault import Vault


class SqlStore:
    """Implements interface.Store. origin: this server's label. vault: seals the keys of devices. ownership: let go
    when the store is closed."""

    def __init__(self, database: Database, origin: str, vault: Vault, ownership: Ownership | None = None) -> None:
        self._database = database
        self._origin = origin
        self._vault = vault
        self._ownership = ownership
        self._writer = TurnWriter(database.engine.dialect, vault)

    def load(self, ended: int = 0) -> Snapshot:
        with self._database.first_transaction() as connection:
            return loading.load(connection, self._origin, self._vault, ended)

    def commit(self, turns: Sequence[Turn]) -> list[QuarantinedTurn]:
        """After StorageUnavailableError some turns may be stored all the same: a connection lost at the commit does
        not say. Committing them all again, in order, ends in the same state."""
        if not any(turns):
            return []
        try:
            self._write(turns)
        except (RefusedError, *UNSTORABLE):
            return self._write_each(turns)
        return []

    def _write(self, turns: Sequence[Turn]) -> None:
        with self._database.transaction() as connection:
            self._writer.write(connection, turns)

    def _write_each(self, turns: Sequence[Turn]) -> list[QuarantinedTurn]:
        """A transaction for each: whether a turn's references hold is known at the commit only."""
        refused = []
        for index, turn in enumerate(turns):
            try:
                self._write([turn])
            except (RefusedError, *UNSTORABLE) as error:
                refused.append(QuarantinedTurn(index, reason(error)))
                with self._database.transaction() as connection:
                    quarantine.keep(connection, turn, reason(error))
        return refused

    def claim_deliveries(self, wish: Claim) -> list[Lease]:
        with self._database.transaction() as connection:
            return outbox_queries.claim(connection, wish)

    def waiting_destinations(self) -> list[str]:
        with self._database.transaction() as connection:
            return outbox_queries.destinations(connection)

    def finish_delivery(
        self, identity: str, owner: str, now_wall: int, reference: str = "", moved_to: str = ""
    ) -> None:
        with self._database.transaction() as connection:
            outbox_queries.finish(connection, identity, owner, now_wall, reference, moved_to)

    def retry_delivery(self, identity: str, owner: str, due_wall: int, reason: str, uncertain: bool = False) -> None:
        with self._database.transaction() as connection:
            outbox_queries.retry(connection, identity, owner, due_wall, reason, uncertain)

    def postpone_delivery(self, identity: str, owner: str, due_wall: int) -> None:
        with self._database.transaction() as connection:
            outbox_queries.postpone(connection, identity, owner, due_wall)

    def abandon_delivery(self, identity: str, owner: str, now_wall: int, reason: str) -> None:
        with self._database.transaction() as connection:
            outbox_queries.abandon(connection, identity, owner, now_wall, reason)

    def drop_delivery(self, identity: str, owner: str, now_wall: int, reason: str) -> None:
        with self._database.transaction() as connection:
            outbox_queries.drop(connection, identity, owner, now_wall, reason)

    def drop_pictures(self, ids: Sequence[int]) -> None:
        with self._database.transaction() as connection:
            picture_queries.drop(connection, ids)

    def drop_attached(self, keys: Sequence[str], now_wall: int, reason: str) -> Mapping[str, int]:
        with self._database.transaction() as connection:
            return outbox_queries.drop_attached(connection, keys, now_wall, reason)

    def purge(self, before_wall: int, limit: int) -> int:
        with self._database.transaction() as connection:
            return purge(connection, before_wall, limit)

    def backup(self, target: Path) -> None:
        """From any thread."""
        if self._database.file is None:
            raise StorageError("a PostgreSQL database is backed up with pg_dump")
        sqlite_backup.backup(self._database.file, target)

    def close(self) -> None:
        self._database.close()
        if self._ownership is not None:
            self._ownership.release()
            self._ownership = None
