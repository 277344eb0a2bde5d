"""What may be said with every command, before its name or after it: --json, --socket, --config."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import click

from alarmd.cli.exits import WRONG_USAGE, Failure

if TYPE_CHECKING:
    from alarmd.config import Config

STDIN = "-"

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Asked:
    """One for each run of the program."""

    json: bool = False
    socket: Path | None = None
    config_file: Path | None = None

    @cached_property
    def config(self) -> "Config":
        from alarmd.config import ConfigError, load_config  # a third of a second, which --help need not wait for

        try:
            return load_config(self.config_file)
        except ConfigError as error:
            mistakes = "; ".join(error.mistakes)
            raise Failure(f"the configuration cannot be used: {mistakes}", WRONG_USAGE, "wrong_configuration") from None

    @property
    def control_socket(self) -> Path:
        return self.socket or self.config.control_socket


pass_asked = click.make_pass_decorator(Asked, ensure=True)


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value and parameter.name:
        setattr(context.ensure_object(Asked), parameter.name, value)


_OPTIONS = (
    click.option("--json", is_flag=True, expose_value=False, callback=_remember, help="JSON, for programs."),
    click.option(
        "--socket",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=_remember,
        help="The server's control.sock. Default: in the configured state directory.",
    ),
    click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        expose_value=False,
        callback=_remember,
        help="The configuration file. Default: $ALARMD_CONFIG, ./alarmd.toml, the user's, /etc/alarmd/alarmd.toml.",
    ),
)


def common_options(command: F) -> F:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def secret_or(text: str, what: str) -> str:
    """The text; in place of `-` a line from stdin, on a terminal without showing it: what stands in the command line
    ends up in the shell's history."""
    if text != STDIN:
        return text
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def segment(name: str) -> str:
    """A name as one part of a path of the API."""
    return quote(name, safe="")


def examples(*lines: str) -> str:
    """An epilog that click does not rewrap."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))
