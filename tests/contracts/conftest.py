"""One storage under test: in memory, in a SQLite file, in PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alarmd.storage.interface import Reader, Store
from alarmd.storage.memory_reader import MemoryReader
from alarmd.storage.memory_store import MemoryStore
from alarmd.storage.opening import open_reader, open_store
from tests.contracts.records import ORIGIN, VAULT


class Storage:
    """A store and a reader of the same database."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self.store: Store
        self.reader: Reader
        if url is None:
            memory = MemoryStore(ORIGIN)
            self.store, self.reader = memory, MemoryReader(memory)
        else:
            self._open(url)

    def restart(self) -> None:
        """What is stored stays; a store in memory has nothing but its memory to come back from."""
        if self._url is not None:
            self.close()
            self._open(self._url)

    def close(self) -> None:
        self.store.close()
        self.reader.close()

    def _open(self, url: str) -> None:
        self.store = open_store(url, ORIGIN, VAULT)
        self.reader = open_reader(url, VAULT)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    url: str | None = None
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/alarmd.db"
    elif request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    storage = Storage(url)
    yield storage
    storage.close()


@pytest.fixture
def store(storage: Storage) -> Store:
    return storage.store


@pytest.fixture
def reader(storage: Storage) -> Reader:
    return storage.reader
