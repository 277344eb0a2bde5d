"""Writes many rows with few statements: the statements of every table, made once for one database.

sqlite3 gives up the interpreter at every step, and a busy thread gives it back after a switch interval only. Beside
one, with an interval of 0.5 ms, 100 rows took 31 ms by executemany and 3.3 ms by few statements of many rows. So on
SQLite rows go out in powers of two. psycopg's executemany is a pipeline and gains nothing (11 against 10 ms), and
PostgreSQL refuses an upsert that names one row twice in a statement.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import BindParameter, Column, ColumnElement, Connection, Dialect, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from alarmd.storage.rows import Values

SIZES = (256, 128, 64, 32, 16, 8, 4, 2, 1)  # rows; SQLite allows 32,766 values, and the widest table has 20 columns

INSERT: dict[str, Callable[[Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


class Batch:
    """Rows for one table, written in order. With `replace` a row takes the place of the one with its key;
    without, the one that is there stays. weak: columns that are NULL in place of what is not in this column."""

    def __init__(
        self,
        table: Table,
        columns: Sequence[str],
        key: Sequence[str],
        dialect: Dialect,
        *,
        replace: bool,
        weak: Mapping[str, Column[Any]] | None = None,
    ):
        parents = weak or {}
        statement = INSERT[dialect.name](table).values({name: _value(name, parents.get(name)) for name in columns})
        if replace:
            changed = {name: statement.excluded[name] for name in columns if name not in key}
            statement = statement.on_conflict_do_update(index_elements=key, set_=changed)
        else:
            statement = statement.on_conflict_do_nothing(index_elements=key)
        self._one = str(statement.compile(dialect=dialect))
        self._sizes = _many_rows(self._one) if dialect.name == "sqlite" else {}

    def write(self, connection: Connection, rows: Sequence[Values]) -> None:
        if not self._sizes:
            connection.exec_driver_sql(self._one, list(rows))
            return
        for size, part in _powers_of_two(rows):
            connection.exec_driver_sql(self._sizes[size], tuple(chain.from_iterable(part)))


def _value(name: str, parent: Column[Any] | None) -> ColumnElement[Any]:
    given: BindParameter[Any] = bindparam(name)
    return given if parent is None else select(parent).where(parent == given).scalar_subquery()


def _many_rows(one_row: str) -> dict[int, str]:
    """By number of rows. As text, because SQLAlchemy needs milliseconds to make a large one."""
    before, row, after = re.split(r"(?<= VALUES )(.*)(?= ON CONFLICT )", one_row, flags=re.DOTALL)
    return {size: f"{before}{', '.join([row] * size)}{after}" for size in SIZES}


def _powers_of_two(rows: Sequence[Values]) -> Iterator[tuple[int, Sequence[Values]]]:
    start = 0
    for size in SIZES:
        while len(rows) - start >= size:
            yield size, rows[start : start + size]
            start += size
