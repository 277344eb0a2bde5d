"""`alarmd send`: a command for a device, and what becomes of it."""

import math
import time

import click

from alarmd.cli import exits
from alarmd.cli.asked import Asked, common_options, examples, pass_asked, secret_or
from alarmd.cli.client import connect
from alarmd.cli.command_steps import Follower, tell_queued
from alarmd.cli.moments import Span
from alarmd.cli.output import print_json
from alarmd.core.records import CommandState
from alarmd.web.history_schemas import Command, Commands
from lfcp.constants import VERBS

VERBS_TO_SEND = ", ".join(verb for verb, entry in VERBS.items() if entry.command)
ENDS = (
    exits.OK,
    exits.FAILED,
    exits.WRONG_USAGE,
    exits.NO_SERVER,
    exits.NOT_YET,
    exits.NOT_DONE,
    exits.EXPIRED,
    exits.INTERRUPTED,
)
EXIT_CODES = "\n".join(f"  {code:<4} {exits.MEANINGS[code]}" for code in ENDS)
EXAMPLES = examples(
    "alarmd send cam1 TLGS                 send a picture to Telegram",
    "alarmd send cam1 TLGS --wait          the same, and wait until cam1 did",
    "alarmd send @gate ENAL                all of zone gate: alarms on",
    "alarmd send '*' DSAL --ttl 10m        every adopted device, if it comes within ten minutes",
    "alarmd send cam1 CONF quality 12      keep this setting; docs/protocol.md has the table",
    "alarmd send cam1 TLGC - -1001234      ask for the token, and show nothing of it",
    "alarmd send cam1 PRCC - < token       the token is in a file",
)


class OptionalWait(click.Command):
    """--wait may stand before the target: only a number behind it belongs to it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        following = (*args[1:], "")
        filled = (
            f"{arg}={math.inf}" if _bare_wait(arg, after) else arg for arg, after in zip(args, following, strict=True)
        )
        return super().parse_args(ctx, list(filled))


def _bare_wait(arg: str, after: str) -> bool:
    return arg == "--wait" and not after.replace(".", "", 1).isdecimal()


@click.command(
    cls=OptionalWait,
    context_settings={"ignore_unknown_options": True},  # a chat's id begins with a minus
    help=f"""Queue a command for a device, a zone or all.

    TARGET is a device, @ZONE, or '*' for every adopted device. The commands are {VERBS_TO_SEND}. A device with a key
    gets it at once if its path is proven, any other one as the answer to its next heartbeat.

    In place of a parameter, - reads a line from stdin, on a terminal without showing it: what stands in the command
    line itself ends up in the shell's history.

    With --wait each step is told when it happens, with the time since the command was queued; with --json too, each
    as one line of JSON. It ends well once every device has acknowledged.
    """,
    epilog=f"{EXAMPLES}\n\n\b\nExit codes:\n{EXIT_CODES}",
)
@click.argument("target")
@click.argument("verb")
@click.argument("params", nargs=-1)
@click.option("--ttl", type=Span(), help="How long the command may wait for its device. Default: as configured.")
@click.option(
    "--wait",
    type=float,
    metavar="[SECONDS]",
    help="Wait for the outcome: so long, or until the command's time to live is over.",
)
@click.option("--in-clear", is_flag=True, help="Accept that a secret travels unencrypted to a device without a key.")
@common_options
@pass_asked
def send(
    asked: Asked,
    target: str,
    verb: str,
    params: tuple[str, ...],
    ttl: float | None,
    wait: float | None,
    in_clear: bool,
) -> None:
    verb = verb.upper()
    body = {
        "target": target,
        "verb": verb,
        "params": [_parameter(param, f"{verb}, parameter {at}") for at, param in enumerate(params, 1)],
        "time_to_live": ttl,
        "in_clear": in_clear,
    }
    with connect(asked) as client:
        queued = client.change(Commands, "POST", "/commands", body)
        if wait is not None:
            outcomes = Follower(client, queued.commands, asked.json).until(time.monotonic() + wait)
            raise click.exceptions.Exit(_code(outcomes))
    if asked.json:
        print_json(queued)
        return
    tell_queued(queued.commands)


def _parameter(text: str, what: str) -> str:
    if text.startswith("--"):
        raise click.NoSuchOption(text, ctx=click.get_current_context())
    return secret_or(text, what)


def _code(commands: list[Command]) -> int:
    states = {command.state for command in commands}
    if CommandState.FAILED in states:
        return exits.NOT_DONE
    if CommandState.EXPIRED in states:
        return exits.EXPIRED
    return exits.OK if states == {CommandState.ACKED} else exits.NOT_YET
