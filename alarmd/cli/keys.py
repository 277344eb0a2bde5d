"""`alarmd device add` and `alarmd device rekey`: a device's key, given away the one time that it can be seen."""

import json
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from alarmd.adapters import exit_codes
from alarmd.adapters.addresses import ALL, ANY_IPV4, ANY_IPV6
from alarmd.cli.asked import Asked, common_options, examples, pass_asked, segment
from alarmd.cli.client import connect
from alarmd.cli.exits import Failure
from alarmd.cli.output import print_facts, print_line
from alarmd.cli.private_file import private_file, write_line
from alarmd.cli.qr_code import print_qr_code
from alarmd.core.records import Signing
from alarmd.web.place_schemas import MadeKey

SOMEWHERE = ("192.0.2.1", 9)  # RFC 5737: nobody's address, behind the default route

F = TypeVar("F", bound=Callable[..., Any])


def _where_to(command: F) -> F:
    """Options: what becomes of the key."""
    command = click.option("--no-qr", is_flag=True, help="No QR code. Only a terminal gets one.")(command)
    return click.option(
        "--key-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write the key into this new file, which only you can read, and do not show it.",
    )(command)


@click.command(
    epilog=examples(
        "alarmd device add cam1 --zone gate",
        "alarmd device add cam1 --mixed                  while it may still send unsigned motion",
        "alarmd device add cam1 --key-file cam1.key      for lfcp-device",
    )
)
@click.argument("name")
@click.option("--zone", help="The zone it is in. Default: where it is, or home.")
@click.option("--mixed", is_flag=True, help="It migrates from LFCP/1: its unsigned motion still raises alarms.")
@_where_to
@common_options
@pass_asked
def add(asked: Asked, name: str, zone: str | None, mixed: bool, key_file: Path | None, no_qr: bool) -> None:
    """Make a device your own and give it a key.

    The key is shown once, and nobody can ask for it again. From then on the device's frames count only if they are
    signed with it. A device that has a key gets another one by `alarmd device rekey`.
    """
    _give(asked, name, {"zone": zone, "mixed": mixed}, key_file, no_qr)


@click.command(epilog=examples("alarmd device rekey cam1", "alarmd device rekey cam1 --key-file cam1-2.key"))
@click.argument("name")
@_where_to
@common_options
@pass_asked
def rekey(asked: Asked, name: str, key_file: Path | None, no_qr: bool) -> None:
    """Give a device another key in the place of the one it has.

    The old one stays good until the first frame that is signed with the new one, so that the device is never without.
    """
    _give(asked, name, {"renew": True}, key_file, no_qr)


def _give(asked: Asked, name: str, body: dict[str, Any], key_file: Path | None, no_qr: bool) -> None:
    with connect(asked) as client:
        if key_file is None:
            made = client.change(MadeKey, "POST", _path(name), body)
        else:
            with private_file(key_file, "key_file") as file:  # before there is a key to be put into it
                made = client.change(MadeKey, "POST", _path(name), body)
                _write(file, made)
    shown = made.model_dump(mode="json", exclude={"key"} if key_file else None)
    shown["server"] = _server(asked, made.label)
    if asked.json:
        click.echo(json.dumps(shown | ({"key_file": str(key_file)} if key_file else {}), indent=2))
        return
    if "renew" in body:
        print_line("The key before stays good until the first frame that is signed with the new one.")
    _print(made, shown, key_file)
    if sys.stdout.isatty() and not (no_qr or key_file):
        print_qr_code(f"lfcp2:{made.device}:{made.key}")


def _print(made: MadeKey, shown: dict[str, str], key_file: Path | None) -> None:
    signed = "signed, or tell of motion" if made.signing is Signing.MIXED else "signed"
    print_line(f"{made.device} has a new key. Its frames count only if they are {signed}.")
    print_line("Nobody can ask for this key again, and whoever has it can speak for the device.")
    click.echo()
    print_facts([(name, shown[name]) for name in ("device", "key", "server") if name in shown])
    click.echo()
    print_line(
        "From another network the server may have another address. An ESP32-CAM takes these on its control page."
    )
    file = key_file or f"{made.device}.key"
    print_line(f"On a computer, with the key in the file {file}, which only its owner may read:")
    print_line(
        f"  lfcp-device --name {made.device} --server {shown['server']} --key-file {file} --state {made.device}.state"
    )


def _write(file: TextIO, made: MadeKey) -> None:
    try:
        write_line(file, made.key)
    except OSError as error:
        message = (
            f"{made.device} has a key that cannot be written: {error.strerror}; make another by `alarmd device rekey`"
        )
        raise Failure(message, exit_codes.CANNOT_CREATE, field="key_file") from None


def _path(name: str) -> str:
    return f"/devices/{segment(name)}/key"


def _server(asked: Asked, label: str) -> str:
    """As devices are told of it: LABEL=HOST:PORT."""
    lfcp = asked.config.lfcp
    return f"{label}={host_to_tell(lfcp.addresses)}:{lfcp.port}"


def host_to_tell(addresses: Sequence[str]) -> str:
    """Where devices reach a listener on these addresses, as a URL has it."""
    host = addresses[0] if addresses[0] not in (ALL, ANY_IPV4, ANY_IPV6) else _own_address()
    return f"[{host}]" if ":" in host else host


def _own_address() -> str:
    """This machine's towards the internet, or its name. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(SOMEWHERE)
        except OSError:
            return socket.gethostname()
        host: str = asking.getsockname()[0]
        return host
