"""`alarmd operator …`: who may connect to devices, from which machine."""

import json
import sys
from pathlib import Path

import click

from alarmd.cli.asked import Asked, common_options, examples, pass_asked, segment
from alarmd.cli.client import connect
from alarmd.cli.given_key import ask_for_key, facts_of, key_file_option, print_facts_json
from alarmd.cli.moments import shown
from alarmd.cli.output import print_facts, print_json, print_line, print_table
from alarmd.web.connections import Connection, Connections
from alarmd.web.operator_schemas import Machine, Machines, OperatorKey
from lfcp import escape

HEADINGS = ("name", "path proven", "last contact", "address", "keys")
CONNECTION_HEADINGS = ("operator", "device", "port", "since", "relayed", "state")
KILOBYTE = 1000


@click.group()
@common_options
def operator() -> None:
    """Say who may connect to devices with `alarmd connect`.

    An operator is a person's machine with a name and a key of its own. It can meet devices, and nothing else.
    """


@operator.command(
    epilog=examples("alarmd operator add anna", "alarmd operator add anna --key-file anna.key    then take it to her")
)
@click.argument("name")
@key_file_option
@common_options
@pass_asked
def add(asked: Asked, name: str, key_file: Path | None) -> None:
    """Add an operator and make the key of its machine.

    The key is shown once, and nobody can ask for it again.
    """
    _give(asked, name, key_file, renew=False)


@operator.command(epilog=examples("alarmd operator rekey anna --key-file anna-2.key"))
@click.argument("name")
@key_file_option
@common_options
@pass_asked
def rekey(asked: Asked, name: str, key_file: Path | None) -> None:
    """Give an operator another key in the place of the one there is.

    The old one stays good until the first frame that is signed with the new one. A key that was stolen is better ended
    by `alarmd operator remove`.
    """
    _give(asked, name, key_file, renew=True)


@operator.command("list", epilog=examples("alarmd operator list", "alarmd operator list --json"))
@common_options
@pass_asked
def list_(asked: Asked) -> None:
    """List the operators."""
    with connect(asked) as client:
        found = client.get(Machines, "/operators")
    if asked.json:
        print_json(found)
        return
    print_table(HEADINGS, [_row(one) for one in found.operators], "No operators yet: alarmd operator add NAME.")


@operator.command(epilog=examples("alarmd operator connections", "alarmd operator connections --json"))
@common_options
@pass_asked
def connections(asked: Asked) -> None:
    """List who is connected with a device now.

    What is relayed goes through this server; what goes directly it cannot see.
    """
    with connect(asked) as client:
        found = client.get(Connections, "/connections")
    if asked.json:
        print_json(found)
        return
    print_table(CONNECTION_HEADINGS, [_connection(one) for one in found.connections], "Nobody is connected.")


@operator.command(epilog=examples("alarmd operator remove anna --yes"))
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask. It is asked on a terminal only.")
@common_options
@pass_asked
def remove(asked: Asked, name: str, yes: bool) -> None:
    """Remove an operator: the key opens nothing any more, and what it is connected with is over."""
    with connect(asked) as client:
        if not yes and sys.stdin.isatty():
            click.confirm(f"Remove {escape(name)}? Its connections end at once.", abort=True, err=True)
        client.delete(f"/operators/{segment(name)}")
    if asked.json:
        click.echo(json.dumps({"removed": name}))
        return
    print_line(f"{name} is removed.")


def _give(asked: Asked, name: str, key_file: Path | None, *, renew: bool) -> None:
    path = f"/operators/{segment(name)}/key"
    again = f"alarmd operator rekey {name}"
    given = ask_for_key(asked, OperatorKey, path, {"renew": renew}, key_file, again)
    facts = facts_of(asked, given, key_file)
    if asked.json:
        print_facts_json(facts, key_file)
        return
    if renew:
        print_line("The key before stays good until the first frame that is signed with the new one.")
    print_line(f"{name} has a new key. Whoever has it can connect to every device.")
    click.echo()
    print_facts([(fact, facts[fact]) for fact in ("operator", "key", "server") if fact in facts])
    click.echo()
    file = key_file or f"{name}.key"
    print_line(f"On the operator's machine, with the key in the file {file}, which only its owner may read:")
    print_line(f"  alarmd connect DEVICE --server {facts['server']} --name {name} --key-file {file}")
    print_line("From another network the server may have another address.")


def _row(one: Machine) -> tuple[str, ...]:
    """What another server knows is left open."""
    proven = "" if one.path_proven is None else "yes" if one.path_proven else "no"
    keys = "" if one.key_epochs is None else str(len(one.key_epochs))
    return one.name, proven, shown(one.last_contact), one.address, keys


def _connection(one: Connection) -> tuple[str, ...]:
    port = f"UDP {one.port}" if one.port else "LFCP"
    relayed = f"{one.relayed_bytes / KILOBYTE:.1f} kB"
    return one.operator, one.device, port, shown(one.since), relayed, "met" if one.established else "invited"
