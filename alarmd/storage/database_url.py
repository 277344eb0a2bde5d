"""Which database: the URL as the operator writes it, checked and made ready for SQLAlchemy."""

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from alarmd.storage.interface import StorageUnusableError

POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
FORMS = "use sqlite:////absolute/file or postgresql://user:password@host/database"


def parse(url: str) -> URL:
    """Raises StorageUnusableError, which never repeats the URL: it may hold a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # a port that is no number
        raise StorageUnusableError(f"the database's URL cannot be read; {FORMS}") from None
    if parsed.drivername in POSTGRESQL:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "sqlite":
        raise StorageUnusableError(f"no support for {parsed.drivername} databases; {FORMS}")
    if not parsed.database or parsed.database == ":memory:" or parsed.query:
        raise StorageUnusableError(f"a SQLite database is a file, without options; {FORMS}")
    return parsed


def file_of(url: URL) -> Path | None:
    """The SQLite file with links resolved, so that one file has one lock; None for PostgreSQL."""
    if url.drivername != "sqlite" or url.database is None:
        return None
    return Path(url.database).resolve()


def shown(url: URL) -> str:
    """For people: without the password and without options, of which one could be a password too."""
    file = file_of(url)
    if file is not None:
        return str(file)
    return f"PostgreSQL database {url.database or ''} on {url.host or url.query.get('host') or 'the local socket'}"
