"""A SQLite database in a directory of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alarmd.storage.opening import open_store
from alarmd.storage.sql_store import SqlStore
from tests.contracts.records import EVERYTHING, VAULT


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "alarmd.db"


@pytest.fixture
def url(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    """With one record of every kind."""
    store = open_store(url, "A", VAULT)
    store.commit([EVERYTHING])
    yield store
    store.close()
