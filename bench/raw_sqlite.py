"""The least that SQLite can do with the same events: executemany, one transaction for each batch, nothing else.

The table is made as alarmd's, with the indexes that alarmd has to keep; without them for a second figure.
"""

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from bench.programs import cores

MAX_ROWS = 100_000
TRIES = 3
BY_DEVICES = "SELECT * FROM events WHERE kind = 'motion' ORDER BY row DESC LIMIT ?"
SCHEMA = "SELECT sql FROM sqlite_master WHERE tbl_name = 'events' AND sql IS NOT NULL ORDER BY type DESC"


def newest_events(database: Path, limit: int = MAX_ROWS) -> tuple[list[str], list[tuple[Any, ...]]]:
    """How the table (first) and its indexes are made, and its last rows, in the order they were stored."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        schema = [sql for (sql,) in connection.execute(SCHEMA)]
        return schema, connection.execute(BY_DEVICES, (limit,)).fetchall()[::-1]
    finally:
        connection.close()


def best_rate(directory: Path, schema: list[str], rows: list[tuple[Any, ...]], batch: int) -> float:
    """Of a few tries: it is a limit, so what slowed one down does not count."""
    return max(rate(directory, schema, rows, batch) for _ in range(TRIES))


def rate(directory: Path, schema: list[str], rows: list[tuple[Any, ...]], batch: int) -> float:
    """Rows a second into a new database, each batch on the disk before the next begins; on the servers' core."""
    file = directory / "raw.sqlite"
    connection = sqlite3.connect(file, isolation_level=None)
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores()[0])
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        for sql in schema:
            connection.execute(sql)
        return len(rows) / _insert(connection, rows, batch)
    finally:
        os.sched_setaffinity(0, usable)
        connection.close()
        for part in directory.glob("raw.sqlite*"):
            part.unlink()


def _insert(connection: sqlite3.Connection, rows: list[tuple[Any, ...]], batch: int) -> float:
    statement = f"INSERT INTO events VALUES ({', '.join('?' * len(rows[0]))})"
    began = time.perf_counter()
    for start in range(0, len(rows), batch):
        connection.execute("BEGIN")
        connection.executemany(statement, rows[start : start + batch])
        connection.execute("COMMIT")
    return time.perf_counter() - began
