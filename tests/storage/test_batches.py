"""Rows go out in powers of two on SQLite: all of them, once, in their order."""

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from alarmd.storage.batches import SIZES, Batch
from alarmd.storage.tables import high_water, metadata


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        metadata.create_all(connection)
        yield connection
    engine.dispose()


@given(count=st.integers(0, 2 * SIZES[0] + 3))
@example(count=SIZES[0])
@example(count=2 * SIZES[0] - 1)
def test_every_row_is_written_once_and_in_order(connection: Connection, count: int) -> None:
    batch = Batch(high_water, ["kind", "origin", "value"], ["kind", "origin"], connection.dialect, replace=False)
    connection.exec_driver_sql("DELETE FROM high_water")
    batch.write(connection, [("x", str(number), number) for number in range(count)])
    found = connection.exec_driver_sql("SELECT value FROM high_water ORDER BY rowid")
    assert [value for (value,) in found] == list(range(count))


def test_the_last_of_several_rows_of_one_key_replaces_the_others(connection: Connection) -> None:
    batch = Batch(high_water, ["kind", "origin", "value"], ["kind", "origin"], connection.dialect, replace=True)
    batch.write(connection, [("again", "", number) for number in range(SIZES[0] + 3)])
    found = connection.exec_driver_sql("SELECT value FROM high_water WHERE kind = 'again'").all()
    assert [value for (value,) in found] == [SIZES[0] + 2]
