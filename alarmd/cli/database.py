"""The configured database, for commands that read it beside a server or without one. None of them writes to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from alarmd.adapters import exit_codes
from alarmd.cli.asked import Asked
from alarmd.cli.exits import NO_SERVER, Failure
from alarmd.storage.interface import Reader, StorageError, StorageUnusableError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL


def database_url(asked: Asked) -> "URL":
    """Checked: a SQLite file is there."""
    from alarmd.storage.database_url import file_of, parse  # a quarter of a second of SQLAlchemy

    try:
        url = parse(asked.config.database_url)
    except StorageUnusableError as error:
        raise Failure(f"storage.url: {error}", exit_codes.WRONG_CONFIGURATION, "wrong_configuration") from None
    file = file_of(url)
    if file is not None and not file.exists():
        raise Failure(f"there is no database at {file} yet; `alarmd serve` makes it", NO_SERVER, "no_server")
    return url


@contextmanager
def open_database(asked: Asked) -> Iterator[Reader]:
    """Read only."""
    database_url(asked)
    from alarmd.storage.opening import open_reader  # half a second of Alembic

    try:
        reader = open_reader(asked.config.database_url)
        try:
            yield reader
        finally:
            reader.close()
    except StorageUnusableError as error:
        raise Failure(f"no server runs here, and {error}", exit_codes.UNUSABLE_DATA, "unusable_data") from None
    except StorageError as error:
        raise Failure(f"no server runs here, and {error}", exit_codes.STORAGE_FAILED, "unavailable") from None
