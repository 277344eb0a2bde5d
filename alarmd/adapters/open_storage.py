"""The database, opened: one writer thread, one store, readers beside it; all of it from the loop's point of view."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import structlog

from alarmd.adapters.exit_codes import STORAGE_FAILED, UNUSABLE_DATA, StartError
from alarmd.storage.cluster_store import ClusterStore
from alarmd.storage.interface import StorageError, StorageUnusableError
from alarmd.storage.opening import open_member, open_reader, open_store
from alarmd.storage.vault import Vault
from alarmd.storage.writer_thread import WriterThread

CLOSE_PATIENCE = 3.0  # s for the database to be closed; it loses nothing if it is not

_log = structlog.get_logger(__name__)


class OpenStorage:
    """Raises StartError with the reason in one line. label: this server's. cluster: it shares the database with
    others; then `member` is its place among them. owner: this process, in leases. ended: see interface.Store.load."""

    def __init__(self, url: str, label: str, vault: Vault, ended: int = 0, *, cluster: bool = False) -> None:
        self.cluster: ClusterStore | None = None
        self.member: int | None = None
        self.owner = uuid4().hex
        try:
            with ExitStack() as undo:
                self.store = self._join(url, label, vault) if cluster else open_store(url, label, vault)
                undo.callback(self.store.close)
                self.reader = open_reader(url, vault)
                undo.callback(self.reader.close)
                self.snapshot = self.store.load(ended)
                undo.pop_all()
        except StorageUnusableError as error:
            raise StartError(UNUSABLE_DATA, f"the database cannot be used: {error}") from error
        except StorageError as error:
            raise StartError(STORAGE_FAILED, f"the database cannot be reached: {error}") from error
        self.writer = WriterThread()

    def _join(self, url: str, label: str, vault: Vault) -> ClusterStore:
        self.cluster = open_member(url, label, vault, f"{socket.gethostname()} {os.getpid()}")
        self.member = self.cluster.joined.slot
        self.owner = str(self.cluster.joined.incarnation)
        return self.cluster

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a method of the store on the writer's thread. Raises what it raises."""
        return await asyncio.wrap_future(self.writer.call(function, *args))

    async def close(self) -> None:
        """After the last commit. A database that does not answer is left to itself."""
        try:
            await asyncio.wait_for(self.call(self._close), CLOSE_PATIENCE)
        except (TimeoutError, StorageError) as error:
            _log.warning("the database was not closed in order", reason=str(error) or "no answer")
        self.writer.stop(0)

    def close_now(self) -> None:
        """When nothing has been started yet."""
        self.writer.stop(CLOSE_PATIENCE)
        self._close()

    def _close(self) -> None:
        self.reader.close()
        self.store.close()
