"""`alarmd archive rebuild`: the index of the pictures, made again from their files."""

import json
from dataclasses import asdict

import click

from alarmd.adapters import exit_codes
from alarmd.adapters.exit_codes import StartError
from alarmd.adapters.reactor_clock import now
from alarmd.adapters.server_key import server_key
from alarmd.adapters.time_zones import time_zone
from alarmd.cli.archive_place import archive_failures, beside, pictures_counted, warn
from alarmd.cli.asked import Asked, common_options, examples, pass_asked
from alarmd.cli.database import database_url
from alarmd.cli.exits import Failure
from alarmd.cli.output import print_line
from alarmd.core.engine import Engine
from alarmd.frames.index import Rebuilding, Rebuilt
from alarmd.storage.interface import StorageError, StorageUnusableError, Store
from alarmd.storage.opening import open_reader, open_store
from alarmd.storage.vault import Vault


@click.command(epilog=examples("alarmd archive rebuild --dry-run", "alarmd archive rebuild"))
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@common_options
@pass_asked
def rebuild(asked: Asked, dry_run: bool) -> None:
    """Make the database agree with the files in the archive. The server must be stopped.

    This is for after a backup was restored or a database lost. Pictures that the database does not know become known
    again, and it forgets those whose files are gone. Devices that it does not know are introduced as if they had just
    come. It may be run again at any time.
    """
    database_url(asked)
    try:
        with archive_failures():
            done = _rebuild(asked, dry_run)
    except StorageUnusableError as error:
        raise Failure(str(error), exit_codes.UNUSABLE_DATA, "unusable_data") from None
    except StorageError as error:
        raise Failure(str(error), exit_codes.STORAGE_FAILED, "unavailable") from None
    except StartError as error:
        raise Failure(str(error), error.code, "server_key") from None
    _print(asked, done, dry_run)


def _rebuild(asked: Asked, dry_run: bool) -> Rebuilt:
    config = asked.config
    vault = Vault(server_key(config.state_directory))
    store = open_store(config.database_url, config.server.label, vault)
    try:
        return _rebuilt(asked, store, dry_run)
    finally:
        store.close()


def _rebuilt(asked: Asked, store: Store, dry_run: bool) -> Rebuilt:
    snapshot, begun = store.load(), now()
    if not snapshot.zones:
        raise Failure("this database has never been served: start the server once, and stop it", reason="no_zones")
    engine = Engine(asked.config.rules(), snapshot, time_zone, begun)
    place = beside(asked)
    reader = open_reader(asked.config.database_url)
    try:
        with pictures_counted(asked, place, place.cameras()) as step:
            return Rebuilding(
                place,
                reader,
                store,
                lambda found: engine.handle(found, begun),  # one moment for all: it must not look like a stall
                {device.name for device in snapshot.devices},
                warn,
                step,
                dry_run,
            ).run()
    finally:
        reader.close()


def _print(asked: Asked, done: Rebuilt, dry_run: bool) -> None:
    if asked.json:
        click.echo(json.dumps({"dry_run": dry_run} | asdict(done)))
        return
    would = "would be " if dry_run else ""
    print_line(
        f"Pictures {would}known again: {done.added}; {would}forgotten, for their files are gone: {done.dropped}; "
        f"left out: {done.skipped}."
    )
    if done.introduced:
        print_line(f"Devices {would}introduced: {', '.join(done.introduced)}; `alarmd device adopt` makes them yours.")
