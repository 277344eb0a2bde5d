"""A key that the server has just made: given away this one time, on the screen or into a file."""

import json
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from alarmd.adapters import exit_codes
from alarmd.adapters.addresses import ALL, ANY_IPV4, ANY_IPV6
from alarmd.cli.asked import Asked
from alarmd.cli.client import connect
from alarmd.cli.exits import Failure
from alarmd.cli.private_file import private_file, write_line
from alarmd.web.place_schemas import GivenKey

SOMEWHERE = ("192.0.2.1", 9)  # RFC 5737: nobody's address, behind the default route

F = TypeVar("F", bound=Callable[..., Any])
Given = TypeVar("Given", bound=GivenKey)


def key_file_option(command: F) -> F:
    return click.option(
        "--key-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write the key into this new file, which only you can read, and do not show it.",
    )(command)


def ask_for_key(
    asked: Asked, shape: type[Given], path: str, body: Mapping[str, Any], key_file: Path | None, again: str
) -> Given:
    """again: the command that makes another, for who has no room on the disk."""
    with connect(asked) as client:
        if key_file is None:
            return client.change(shape, "POST", path, body)
        with private_file(key_file, "key_file") as file:  # before there is a key to be put into it
            given = client.change(shape, "POST", path, body)
            _write(file, given.key, again)
            return given


def facts_of(asked: Asked, given: GivenKey, key_file: Path | None) -> dict[str, str]:
    """What may be shown: the key only if it is in no file."""
    shown: dict[str, str] = given.model_dump(mode="json", exclude={"key"} if key_file else None)
    return shown | {"server": _server(asked, given.label)}


def print_facts_json(shown: Mapping[str, str], key_file: Path | None) -> None:
    click.echo(json.dumps({**shown, **({"key_file": str(key_file)} if key_file else {})}, indent=2))


def host_to_tell(addresses: Sequence[str]) -> str:
    """Where devices reach a listener on these addresses, as a URL has it."""
    host = addresses[0] if addresses[0] not in (ALL, ANY_IPV4, ANY_IPV6) else _own_address()
    return f"[{host}]" if ":" in host else host


def _server(asked: Asked, label: str) -> str:
    """As devices are told of it: LABEL=HOST:PORT."""
    lfcp = asked.config.lfcp
    return f"{label}={host_to_tell(lfcp.addresses)}:{lfcp.port}"


def _write(file: TextIO, key: str, again: str) -> None:
    try:
        write_line(file, key)
    except OSError as error:
        message = f"the key is made, and cannot be written: {error.strerror}; make another by `{again}`"
        raise Failure(message, exit_codes.CANNOT_CREATE, field="key_file") from None


def _own_address() -> str:
    """This machine's towards the internet, or its name. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(SOMEWHERE)
        except OSError:
            return socket.gethostname()
        host: str = asking.getsockname()[0]
        return host
