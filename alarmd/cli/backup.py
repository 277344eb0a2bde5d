"""`alarmd backup`: a copy of the database, whether a server runs on it or not."""

import json
from pathlib import Path

import click

from alarmd.adapters import exit_codes
from alarmd.cli.asked import Asked, common_options, examples, pass_asked
from alarmd.cli.database import database_url
from alarmd.cli.exits import Failure
from alarmd.cli.output import print_line
from alarmd.storage.database_url import file_of, shown
from alarmd.storage.interface import StorageError
from alarmd.storage.sqlite_backup import backup as copy_sqlite
from alarmd.storage.sqlite_file import SqliteFile


@click.command(epilog=examples("alarmd backup /mnt/usb/alarmd.sqlite", "alarmd backup --force /mnt/usb/alarmd.sqlite"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@common_options
@pass_asked
def backup(asked: Asked, file: Path, force: bool) -> None:
    """Copy the SQLite database to FILE, whole, while the server runs on or not.

    FILE has its name only once it is complete and on the disk, and nobody else can read it. To restore it, stop the
    server and put it in the place of the database. The keys of devices in it are encrypted: server.key, of which you
    keep a copy elsewhere, opens them.
    """
    url = database_url(asked)
    source = file_of(url)
    if source is None:
        raise Failure(f"{shown(url)} is backed up with its own tool: pg_dump", reason="unsupported")
    _check_target(file, force)
    try:
        copy_sqlite(SqliteFile(source), file)
    except StorageError as error:
        raise Failure(str(error), exit_codes.STORAGE_FAILED, "unavailable", "file") from None
    size = file.stat().st_size
    if asked.json:
        click.echo(json.dumps({"file": str(file), "bytes": size}))
        return
    print_line(f"The database is copied to {file}, {size} bytes.")


def _check_target(file: Path, force: bool) -> None:
    if file.exists() and not force:
        raise Failure(f"{file} is there already; replace it with --force", reason="exists", field="file")
    if not file.parent.is_dir():
        raise Failure(f"there is no directory {file.parent}; make it first", exit_codes.CANNOT_CREATE, field="file")
