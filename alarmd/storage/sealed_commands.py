"""Commands in the database: parameters of those that carry a secret are sealed until the command is finished."""

import base64
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, update

from alarmd.core.effects import SaveCommand
from alarmd.core.records import Command, CommandState
from alarmd.storage import rows
from alarmd.storage.interface import StorageUnusableError, is_secret
from alarmd.storage.rows import Row, Values
from alarmd.storage.tables import COMMAND_OPEN, commands
from alarmd.storage.vault import CannotOpenError, Vault
from lfcp.constants import VERBS

SECRET_VERBS = sorted(name for name, verb in VERBS.items() if verb.secret)
LOST = "server.key was lost, and the command's secret with it; send it again"


def rows_to_save(vault: Vault, found: Iterable[SaveCommand]) -> list[Values]:
    return [rows.command_row(_sealed(vault, each.command)) for each in found]


def opened(vault: Vault, found: Iterable[Row]) -> tuple[Command, ...]:
    """Rows to records. Raises StorageUnusableError with what to do."""
    return tuple(_opened(vault, command) for command in rows.read(rows.command_of, found))


def drop_secrets(connection: Connection) -> None:
    """Of commands that are open: what sealed them is lost."""
    failed = {"state": str(CommandState.FAILED), "outcome": LOST, "params": "[]", "finished_at": commands.c.created_at}
    connection.execute(update(commands).where(COMMAND_OPEN, commands.c.verb.in_(SECRET_VERBS)).values(failed))


def _sealed(vault: Vault, command: Command) -> Command:
    if not is_secret(command):
        return command
    sealed = (vault.seal(param.encode(), _bound_to(command)) for param in command.params)
    return replace(command, params=tuple(base64.b64encode(one).decode() for one in sealed))


def _opened(vault: Vault, command: Command) -> Command:
    if not is_secret(command):
        return command
    try:
        params = (vault.open(base64.b64decode(param), _bound_to(command)).decode() for param in command.params)
        return replace(command, params=tuple(params))
    except (CannotOpenError, ValueError):
        raise StorageUnusableError(
            "server.key does not open the secrets of commands that wait: put back server.key from your copy; if there "
            "is none, `alarmd drop-keys` gives them up with the keys of all devices"
        ) from None


def _bound_to(command: Command) -> bytes:
    """A parameter that is copied to another command does not open there."""
    return f"alarmd command,{command.identity}".encode()
