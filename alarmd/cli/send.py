"""`alarmd send`: a command for a device, and what becomes of it."""

import math
import sys
import time
from collections.abc import Iterable
from typing import Any

import click

from alarmd.cli import exits
from alarmd.cli.asked import Asked, common_options, examples, pass_asked
from alarmd.cli.client import Client, connect
from alarmd.cli.moments import Span, shown
from alarmd.cli.output import print_json, print_line
from alarmd.core.command_lifecycle import FINAL
from alarmd.core.records import CommandState
from alarmd.web.history_schemas import Command, Commands

LOOK_EVERY = 1.0  # s that one question waits; what happens within is told in one step
STDIN = "-"


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
    epilog=examples(
        "alarmd send cam1 TLGS                 send a picture to Telegram",
        "alarmd send cam1 TLGS --wait          the same, and wait until cam1 did",
        "alarmd send @gate ENAL                all of zone gate: alarms on",
        "alarmd send '*' DSAL --ttl 10m        every adopted device, if it comes within ten minutes",
        "alarmd send cam1 TLGC - -1001234 --in-clear < token",
    ),
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
@click.option("--in-clear", is_flag=True, help="Accept that a secret travels unencrypted.")
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
    """Queue a command for a device, a zone or all.

    TARGET is a device, @ZONE, or '*' for every adopted device. It gets the command as the answer to its next
    heartbeat. The commands are TLGS, TLGC, RST, DSLP, WCAM, SCAM, ENAL and DSAL. In place of a parameter, - reads a
    line from stdin: a secret stays out of the history.
    """
    body = {
        "target": target,
        "verb": verb.upper(),
        "params": [_parameter(param) for param in params],
        "time_to_live": ttl,
        "in_clear": in_clear,
    }
    with connect(asked) as client:
        found = _queue(asked, client, body)
        if wait is not None:
            found = _Waiting(asked, client, found).until(time.monotonic() + wait)
    if asked.json:
        print_json(Commands(commands=found))
    if wait is not None:
        raise click.exceptions.Exit(_code(found))


def _parameter(text: str) -> str:
    if text.startswith("--"):
        raise click.NoSuchOption(text, ctx=click.get_current_context())
    return sys.stdin.readline().rstrip("\r\n") if text == STDIN else text


def _queue(asked: Asked, client: Client, body: dict[str, Any]) -> list[Command]:
    queued = client.change(Commands, "POST", "/commands", body).commands
    for command in queued:
        _tell(asked, command)
    return queued


class _Waiting:
    """For the outcomes of commands, each step of which is told."""

    def __init__(self, asked: Asked, client: Client, commands: Iterable[Command]) -> None:
        self._asked = asked
        self._client = client
        self._commands = {command.id: command for command in commands}

    def until(self, deadline: float) -> list[Command]:
        """deadline: on the monotonic clock."""
        while pending := [command.id for command in self._commands.values() if command.state not in FINAL]:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._look(pending[0], min(left, LOOK_EVERY))
            for command_id in pending[1:]:
                self._look(command_id, 0)
        return list(self._commands.values())

    def _look(self, command_id: int, seconds: float) -> None:
        command = self._client.get(Command, f"/commands/{command_id}", {"wait": seconds})
        if command.state is not self._commands[command_id].state:
            _tell(self._asked, command)
        self._commands[command_id] = command


def _tell(asked: Asked, command: Command) -> None:
    if asked.json:
        return
    why = f": {command.outcome}" if command.outcome else ""
    until = f", until {shown(command.expires_at)}" if command.state is CommandState.QUEUED else ""
    print_line(f"{command.device} {command.verb} (command {command.id}) {command.state.value}{why}{until}")


def _code(commands: list[Command]) -> int:
    states = {command.state for command in commands}
    if states & {CommandState.FAILED, CommandState.EXPIRED}:
        return exits.FAILED
    return exits.OK if states <= {CommandState.ACKED} else exits.NOT_YET
