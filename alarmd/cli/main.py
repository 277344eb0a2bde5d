"""`alarmd`: the command line. It imports what a command needs only when that command runs."""

import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from alarmd import __version__
from alarmd.adapters import exit_codes
from alarmd.cli import exits
from alarmd.cli.asked import Asked, common_options, pass_asked
from alarmd.cli.exits import Failure, tell
from alarmd.cli.lazy_group import Lazy, LazyGroup

_CLI = "alarmd.cli"
SECTIONS = {
    "The server": {
        "serve": Lazy(f"{_CLI}.serve:serve", "Run the server until SIGTERM or Ctrl-C."),
        "check-config": Lazy(f"{_CLI}.serve:check_config", "Check the configuration and say what it means."),
        "peer": Lazy(f"{_CLI}.peer:peer", "Watch together with a second server: either may die."),
        "upgrade-database": Lazy(f"{_CLI}.serve:upgrade_database", "Bring the database to this program's schema."),
        "drop-keys": Lazy(f"{_CLI}.drop_keys:drop_keys", "Remove the keys of all devices: server.key is lost."),
    },
    "What there is": {
        "status": Lazy(f"{_CLI}.status:status", "Show the running server at a glance; exit code 3 if none runs."),
        "devices": Lazy(f"{_CLI}.devices:devices", "List the devices."),
        "zones": Lazy(f"{_CLI}.zones:zones", "List the zones, and whether they are armed."),
        "sites": Lazy(f"{_CLI}.sites:sites", "List the sites: the places whose local time schedules follow."),
        "alarms": Lazy(f"{_CLI}.alarms:alarms", "List the open alarms; acknowledge or clear them."),
        "pictures": Lazy(f"{_CLI}.pictures:pictures", "List pictures, the newest first; save one as a file."),
        "events": Lazy(f"{_CLI}.events:events", "Show what happened, the newest last."),
        "outbox": Lazy(f"{_CLI}.outbox:outbox", "List the messages that wait or were given up; retry or drop them."),
    },
    "What to do": {
        "device": Lazy(f"{_CLI}.devices:device", "Show, change, add, adopt or forget a device, or give it a key."),
        "operator": Lazy(f"{_CLI}.operators:operator", "Say who may connect to devices: add, list, remove, rekey."),
        "connect": Lazy(f"{_CLI}.connect:connect", "Open a way to a device, from an operator's machine."),
        "camera": Lazy(f"{_CLI}.camera:camera", "Say how pictures come from a device; ask it for one."),
        "zone": Lazy(f"{_CLI}.zones:zone", "Make or move a zone."),
        "site": Lazy(f"{_CLI}.sites:site", "Make or change a site."),
        "arm": Lazy(f"{_CLI}.zones:arm", "Arm a zone, or '*' for every zone: motion in it is told."),
        "disarm": Lazy(f"{_CLI}.zones:disarm", "Disarm a zone, or '*' for every zone."),
        "send": Lazy(f"{_CLI}.send:send", "Queue a command for a device, a zone or all."),
        "archive": Lazy(f"{_CLI}.archive:archive", "Show and check the archive of pictures; make its index again."),
        "film": Lazy(f"{_CLI}.film:film", "Make a film of a camera's pictures."),
        "drill": Lazy(f"{_CLI}.drill:drill", "Send a test alarm all the way, and say what became of it."),
        "backup": Lazy(f"{_CLI}.backup:backup", "Copy the SQLite database, while the server runs or not."),
        "simulate": Lazy(f"{_CLI}.simulate:simulate", "Play devices: heartbeats, motion, restarts and loss."),
    },
}
_CODES = "\n".join(f"  {code:<4} {meaning}" for code, meaning in exits.MEANINGS.items())
EPILOG = f"""\b
Examples:
  alarmd serve                     run the server, in the foreground
  alarmd devices                   who is there
  alarmd device add cam1           make cam1 your own, and print its key
  alarmd alarms                    what is open
  alarmd alarms ack 7              somebody knows of alarm 7
  alarmd events --follow           what happens, as it happens
  alarmd camera snap cam1          ask cam1 for a picture, and wait for it

\b
Exit codes:
{_CODES}
"""


@click.group(cls=LazyGroup, sections=SECTIONS, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="alarmd %(version)s")
@common_options
@pass_asked
@click.pass_context
def cli(context: click.Context, asked: Asked) -> None:
    """The management server of an alarm system made of cheap networked cameras.

    Every command but those of the server asks the server that runs on this machine. While none runs, what can be read
    is read from its database.
    """
    if asked.config_file is not None:  # the server's commands have a --config of their own
        context.default_map = {name: {"config_file": asked.config_file} for name in SECTIONS["The server"]}


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit code. Errors are told in one line, in JSON if that was asked for."""
    try:
        ended = cli.main(list(arguments), prog_name="alarmd", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:  # the whole help, not its lines in one
        error.show()
        return error.exit_code
    except click.ClickException as error:
        failure = _as_failure(error)
        tell(failure, in_json="--json" in arguments)
        return failure.code
    except click.Abort:
        return exits.INTERRUPTED
    except Exception:  # a defect of ours: whoever reports it needs all of it
        traceback.print_exc()
        return exit_codes.INTERNAL
    return ended if isinstance(ended, int) else exits.OK


def _as_failure(error: click.ClickException) -> Failure:
    if isinstance(error, Failure):
        return error
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "alarmd"
    message = f"{error.format_message().rstrip('.')}; see `{command} --help`"
    return Failure(message, error.exit_code, "usage", _parameter_of(error))


def _parameter_of(error: click.ClickException) -> str:
    parameter = error.param if isinstance(error, click.BadParameter) else None
    return (parameter.name if parameter else "") or ""
