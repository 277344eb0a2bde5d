"""What the migrations make is what tables.py says, to the letter."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from alarmd.storage.database_url import parse
from alarmd.storage.opening import upgrade_database
from alarmd.storage.tables import metadata

COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1, 2
"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1"
CONSTRAINTS = """
    SELECT conname, pg_get_constraintdef(oid), condeferrable, condeferred FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version' ORDER BY 1
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def connection(request: pytest.FixtureRequest, url: str) -> Iterator[Connection]:
    if request.param == "postgresql":
        url = request.getfixturevalue("empty_postgresql_url")
    upgrade_database(url)
    engine = create_engine(parse(url))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_alembic_finds_nothing_to_change(connection: Connection) -> None:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    assert compare_metadata(context, metadata) == []


def test_the_sqlite_schema_is_the_same_text(url: str, file: Path, tmp_path: Path) -> None:
    upgrade_database(url)
    engine = create_engine(f"sqlite:///{tmp_path}/made.db")
    metadata.create_all(engine)
    engine.dispose()
    assert sqlite_schema(file) == sqlite_schema(tmp_path / "made.db")


def sqlite_schema(file: Path) -> dict[str, list[str]]:
    """Each object's parts; in which order a table names its constraints makes no difference."""
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        schema = {name: sorted(re.split(r",\s", re.sub(r"\s+", " ", sql))) for name, sql in found}
    schema.pop("alembic_version", None)
    return {name: sorted(part.strip(" ()") for part in parts) for name, parts in schema.items()}


def test_the_postgresql_schema_is_the_same(empty_postgresql_url: str) -> None:
    upgrade_database(empty_postgresql_url)
    engine = create_engine(parse(empty_postgresql_url))
    with engine.begin() as connection:
        migrated = [connection.execute(text(query)).all() for query in (COLUMNS, INDEXES, CONSTRAINTS)]
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        metadata.create_all(connection)
        made = [connection.execute(text(query)).all() for query in (COLUMNS, INDEXES, CONSTRAINTS)]
    engine.dispose()
    assert all(migrated)
    assert migrated == made
