"""The steps of a command as they happen: queued, sent, and acked, failed or expired."""

import json
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

import click

from alarmd.cli.client import Client
from alarmd.cli.moments import shown
from alarmd.cli.output import print_line
from alarmd.core.command_lifecycle import FINAL
from alarmd.core.records import CommandState
from alarmd.web.history_schemas import Command

LOOK_EVERY = 1.0  # s that one question waits; a command sent again meanwhile is told then


class Step(NamedTuple):
    """attempt: which sending it was, 0 where that says nothing."""

    state: CommandState
    at: datetime
    attempt: int = 0
    outcome: str = ""


class Follower:
    """Tells every step of some commands that were just queued."""

    def __init__(self, client: Client, queued: Iterable[Command], in_json: bool) -> None:
        self._client = client
        self._in_json = in_json
        self._commands = {command.id: command for command in queued}
        for command in self._commands.values():
            self._tell(command, Step(CommandState.QUEUED, command.created_at))

    def until(self, deadline: float) -> list[Command]:
        """How far they are when each has its outcome, or at the deadline, on the monotonic clock."""
        try:
            while (left := deadline - time.monotonic()) > 0 and (pending := self._pending()):
                self._look(pending[0], min(left, LOOK_EVERY))
                for command_id in pending[1:]:
                    self._look(command_id, 0)
        finally:
            if self._pending():  # Ctrl-C takes nothing back
                click.echo("alarmd: what has no outcome yet goes on; `alarmd events` tells of it", err=True)
        return list(self._commands.values())

    def _pending(self) -> list[int]:
        return [one.id for one in self._commands.values() if one.state not in FINAL]

    def _look(self, command_id: int, seconds: float) -> None:
        before = self._commands[command_id]
        asked = {"wait": seconds, "seen": before.state.value}
        command = self._client.get(Command, f"/commands/{command_id}", asked)
        for step in steps_between(before, command):
            self._tell(command, step)
        self._commands[command_id] = command

    def _tell(self, command: Command, step: Step) -> None:
        seconds = (step.at - command.created_at).total_seconds()
        if self._in_json:
            click.echo(json.dumps(_for_programs(command, step, seconds)))
        else:
            print_line(f"{seconds:8.3f} s  {_for_people(command, step)}")


def tell_queued(commands: Iterable[Command]) -> None:
    for command in commands:
        print_line(_for_people(command, Step(CommandState.QUEUED, command.created_at)))


def steps_between(before: Command, command: Command) -> Iterator[Step]:
    """What happened between two looks; of several sendings, the last is told."""
    if command.attempts > before.attempts and command.sent_at is not None:
        yield Step(CommandState.SENT, command.sent_at, command.attempts)
    if command.state is not before.state and command.finished_at is not None:
        yield Step(command.state, command.finished_at, outcome=command.outcome)


def _for_people(command: Command, step: Step) -> str:
    text = f"{command.device} {command.verb} (command {command.id}) {step.state.value}"
    if step.state is CommandState.QUEUED:
        return f"{text}, until {shown(command.expires_at)}"
    again = f", attempt {step.attempt}" if step.attempt > 1 else ""
    return f"{text}{again}{f': {step.outcome}' if step.outcome else ''}"


def _for_programs(command: Command, step: Step, seconds: float) -> dict[str, object]:
    return {
        "command": command.id,
        "device": command.device,
        "verb": command.verb,
        "state": step.state.value,
        "seconds": seconds,
        "attempt": step.attempt,
        "outcome": step.outcome,
    }
