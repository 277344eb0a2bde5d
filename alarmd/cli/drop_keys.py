"""`alarmd drop-keys`: the way out for who lost server.key."""

import json
import sys

import click

from alarmd.adapters import exit_codes
from alarmd.cli.asked import Asked, common_options, examples, pass_asked
from alarmd.cli.database import database_url
from alarmd.cli.exits import Failure
from alarmd.cli.output import print_line
from alarmd.storage.database_url import shown
from alarmd.storage.interface import StorageError, StorageUnusableError
from alarmd.storage.opening import drop_keys as drop_from


@click.command("drop-keys", epilog=examples("alarmd drop-keys --yes"))
@click.option("--yes", is_flag=True, help="Do not ask.")
@common_options
@pass_asked
def drop_keys(asked: Asked, yes: bool) -> None:
    """Remove the keys of all devices from the database. The server must be stopped.

    This is for who lost server.key and has no copy of it: without it nobody can open the keys. Each device then needs
    a new one, from `alarmd device add`.
    """
    url = database_url(asked)
    if not yes:
        _ask(shown(url))
    try:
        dropped = drop_from(asked.config.database_url)
    except StorageUnusableError as error:
        raise Failure(str(error), exit_codes.UNUSABLE_DATA, "unusable_data") from None
    except StorageError as error:
        raise Failure(str(error), exit_codes.STORAGE_FAILED, "unavailable") from None
    if asked.json:
        click.echo(json.dumps({"dropped": dropped}))
        return
    print_line(f"Keys removed: {dropped}. `alarmd device add NAME` gives a device a new one once the server runs.")


def _ask(database: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("the keys cannot be brought back; say --yes", click.get_current_context())
    click.confirm(f"Remove the keys of all devices from {database}? Each needs a new one then.", abort=True, err=True)
