"""`alarmd device add` and `alarmd device rekey`: a device's key, given away the one time that it can be seen."""

import sys
from pathlib import Path
from typing import Any

import click

from alarmd.cli.asked import Asked, common_options, examples, pass_asked, segment
from alarmd.cli.given_key import ask_for_key, facts_of, key_file_option, print_facts_json
from alarmd.cli.output import print_facts, print_line
from alarmd.cli.qr_code import print_qr_code
from alarmd.core.records import Signing
from alarmd.web.place_schemas import MadeKey

_no_qr_option = click.option("--no-qr", is_flag=True, help="No QR code. Only a terminal gets one.")


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
@key_file_option
@_no_qr_option
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
@key_file_option
@_no_qr_option
@common_options
@pass_asked
def rekey(asked: Asked, name: str, key_file: Path | None, no_qr: bool) -> None:
    """Give a device another key in the place of the one it has.

    The old one stays good until the first frame that is signed with the new one, so that the device is never without.
    """
    _give(asked, name, {"renew": True}, key_file, no_qr)


def _give(asked: Asked, name: str, body: dict[str, Any], key_file: Path | None, no_qr: bool) -> None:
    path = f"/devices/{segment(name)}/key"
    made = ask_for_key(asked, MadeKey, path, body, key_file, f"alarmd device rekey {name}")
    shown = facts_of(asked, made, key_file)
    if asked.json:
        print_facts_json(shown, key_file)
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
