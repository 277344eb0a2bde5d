"""Whose fault an error of a database is: of what we gave it (the turn), or of the database itself (try again).

When in doubt it is the database's: a turn that waits can still be stored, a turn set aside is lost to the rules.
"""

import sqlite3

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, ProgrammingError, SQLAlchemyError

from alarmd.storage.interface import StorageError

MAX_REASON = 300  # characters of a database's own words that are passed on


class RefusedError(StorageError):
    """The database will never take this: a broken constraint, or a value that it cannot hold."""


# What the drivers raise themselves while they bind a value: too large a number, a lone surrogate.
UNSTORABLE = (OverflowError, UnicodeError, TypeError, ValueError)
BINDING = ("Error binding parameter", "cannot adapt")  # sqlite3's and psycopg's words for a type they cannot write


def is_refusal(error: SQLAlchemyError) -> bool:
    if isinstance(error, InterfaceError | ProgrammingError):
        return reason(error).startswith(BINDING)
    return isinstance(error, IntegrityError | DataError)


def reason(error: BaseException) -> str:
    """The first line of what the database said. Later lines and the statement would show the values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lines = str(cause).splitlines()
    return (lines[0] if lines else type(cause).__name__)[:MAX_REASON]


def is_corruption(error: BaseException | None) -> bool:
    """SQLite says that this is no database, or a broken one."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the upper bits tell where it was noticed
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
