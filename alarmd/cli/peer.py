"""`alarmd peer`: two servers that watch together, made of two that were alone."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from alarmd.adapters.exit_codes import CANNOT_CREATE, StartError
from alarmd.adapters.peer import pairing
from alarmd.adapters.peer.certificates import drop_pair
from alarmd.adapters.peer.invitation import MAX_TEXT, Invitation, InvitationError, as_text, from_text
from alarmd.adapters.peer.pairing import PairingError
from alarmd.adapters.state_directory import prepare_state_directory
from alarmd.cli.asked import Asked, common_options, examples, pass_asked, secret_or
from alarmd.cli.client import server_runs
from alarmd.cli.database import open_database
from alarmd.cli.exits import Failure
from alarmd.cli.moments import shown
from alarmd.cli.output import print_line
from alarmd.cli.peer_status import status
from alarmd.cli.private_file import private_file, write_line
from alarmd.config import Config
from alarmd.core.instant import SECOND
from alarmd.storage.database_url import file_of, parse
from alarmd.web.times import to_datetime

RESTART = "Restart alarmd here, for example by `systemctl restart alarmd`."
TO_JOIN_AGAIN = "to join again, this server would need a new invitation and an empty database"
ROOT = 0
LONGEST_NAME = 255  # bytes of a file's; an invitation is longer


@click.group()
@common_options
def peer() -> None:
    """Watch together with a second server: either may die.

    `init` at one server makes an invitation, and `join` takes it at the other; then restart both. See
    docs/high_availability.md.
    """


peer.add_command(status)


@peer.command(
    epilog=examples(
        "alarmd peer init --address alarm-a.example.org --output for-b",
        "alarmd peer init --address 192.0.2.1 | ssh alarm-b alarmd peer join -",
        "alarmd peer init --address 192.0.2.1 --renew      the other machine was replaced",
    )
)
@click.option("--address", required=True, metavar="HOST[:PORT]", help="Where the other server reaches this one.")
@click.option("--peer-label", metavar="LETTER", help="The other server's label. Default: the first that is free.")
@click.option("--renew", is_flag=True, help="End the pair that there is, and invite anew.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the invitation into this new file, which only you can read, and do not show it.",
)
@common_options
@pass_asked
def init(asked: Asked, address: str, peer_label: str | None, renew: bool, output: Path | None) -> None:
    """Make a pair, and print the invitation for the other server.

    The invitation is one line, to be taken within seven days. Whoever has it can be the other server until the pair is
    renewed, so carry it as you would a password.
    """
    with _refused():
        config = _prepared(asked)
        at = pairing.address(address, config.pair.port)
        if output is None:
            made = pairing.invite(config.state_directory, config.server.label, peer_label, at, renew=renew)
        else:
            with private_file(output, "output") as file:
                made = pairing.invite(config.state_directory, config.server.label, peer_label, at, renew=renew)
                write_line(file, as_text(made))
    _tell_invited(asked, made, output)


@peer.command(epilog=examples("alarmd peer join for-b", "cat for-b | alarmd peer join -"))
@click.argument("invitation")
@click.option("--renew", is_flag=True, help="Take a new invitation of the server that this one is in a pair with.")
@common_options
@pass_asked
def join(asked: Asked, invitation: str, renew: bool) -> None:
    """Take the invitation that `alarmd peer init` made: the line itself, the file that it is in, or - for stdin.

    alarmd must be stopped here, and its database must have no alarms of its own: they come from the other server.
    """
    with _refused():
        given = from_text(_text(invitation))
        config = _prepared(asked)
        pairing.require_joinable(config.state_directory, config.server.label, given, renew=renew)
        if server_runs(config.control_socket):
            raise PairingError("running", "alarmd runs here: stop it, say this again, and start it")
        if not renew:
            _require_empty(asked, config)
        pairing.join_pair(config.state_directory, given)
    if asked.json:
        click.echo(json.dumps({"label": given.invited, "peer": given.label}))
        return
    print_line(f"This is server {given.invited}, in a pair with server {given.label} at {given.address[0]}.")
    print_line("Start alarmd here. Whoever has the invitation can be this server: delete what is left of it.")


@peer.command(epilog=examples("alarmd peer leave --yes"))
@click.option("--yes", is_flag=True, help="Do not ask.")
@common_options
@pass_asked
def leave(asked: Asked, yes: bool) -> None:
    """End the pair here: from its next start this server is alone. Do the same at the other one.

    What the two have told each other stays.
    """
    with _refused():
        config = _prepared(asked)
        if not yes:
            _ask()
        left = drop_pair(config.state_directory)
    if asked.json:
        click.echo(json.dumps({"left": left}))
        return
    print_line(f"The pair is ended here. {RESTART}" if left else "This server is in no pair.")


def _prepared(asked: Asked) -> Config:
    """What is made in the state directory from now on is the server's own."""
    config = asked.config
    prepare_state_directory(config.state_directory)
    if os.geteuid() not in (ROOT, config.state_directory.stat().st_uid):
        fix = "run this as the server's user, or as root"
        raise PairingError("forbidden", f"{config.state_directory} belongs to another user: {fix}")
    return config


@contextmanager
def _refused() -> Iterator[None]:
    """As the end of a command."""
    try:
        yield
    except PairingError as error:
        raise Failure(str(error), reason=error.reason) from None
    except InvitationError as error:
        raise Failure(str(error), reason="invalid", field="invitation") from None
    except StartError as error:
        raise Failure(str(error), error.code) from None
    except OSError as error:
        raise Failure(f"the invitation cannot be written: {error.strerror}; say --renew", CANNOT_CREATE) from None


def _text(invitation: str) -> str:
    text = secret_or(invitation, "Invitation")
    path = Path(text)
    if len(text.encode()) > LONGEST_NAME or not path.is_file():
        return text
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            return file.read(MAX_TEXT + 1)
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}", field="invitation") from None


def _require_empty(asked: Asked, config: Config) -> None:
    """Alarms and commands have ids that the two servers give out in turn, and what was made under another label would
    pass for the other server's."""
    file = file_of(parse(config.database_url))
    if file is not None and not file.exists():
        return
    with open_database(asked) as reader:
        known = reader.vector()
    if any(kind in ("alarm", "command") or origin != config.server.label for kind, origin in known):
        raise PairingError(
            "not_empty",
            "the database here has alarms or commands of its own, or was made under another label: move it away and "
            "begin with none; what the other server knows comes from there",
        )


def _ask() -> None:
    if not sys.stdin.isatty():
        raise click.UsageError(f"{TO_JOIN_AGAIN}; say --yes", click.get_current_context())
    click.confirm(f"End the pair? {TO_JOIN_AGAIN.capitalize()}.", abort=True, err=True)


def _tell_invited(asked: Asked, made: Invitation, output: Path | None) -> None:
    """On a pipe stdout is the invitation, and nothing else."""
    if asked.json:
        facts = {"label": made.label, "peer": made.invited, "expires_at": made.expires_at}
        click.echo(json.dumps(facts | ({"file": str(output)} if output else {"invitation": as_text(made)})))
        return
    if output is None:
        click.echo(as_text(made))
    where = output or "INVITATION"
    for line in (
        f"This is server {made.label}, in a pair with server {made.invited}, which dials "
        f"{made.address[0]} port {made.address[1]}.",
        f'On the other machine, with server.label = "{made.invited}": alarmd peer join {where}',
        f"{RESTART} The invitation is a secret, to be taken by {shown(to_datetime(made.expires_at * SECOND))}.",
    ):
        click.echo(line, err=True)
