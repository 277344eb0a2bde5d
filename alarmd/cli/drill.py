"""`alarmd drill`: a test alarm, all the way, step by step."""

import asyncio
import dataclasses
import json

import click

from alarmd.adapters.drill.places import from_here
from alarmd.adapters.drill.walk import PATIENCE, Places, Step, walk
from alarmd.adapters.peer import pairing
from alarmd.adapters.peer.pairing import PairingError
from alarmd.cli.asked import Asked, common_options, examples, pass_asked
from alarmd.cli.client import no_server, server_runs
from alarmd.cli.exits import FAILED
from alarmd.cli.moments import Span
from alarmd.cli.output import print_line


@click.command(
    epilog=examples(
        "alarmd drill",
        "alarmd drill --json                           a line of JSON for each step",
        "alarmd drill --peer 192.0.2.2:9000            where devices reach the other server, behind a router say",
    )
)
@click.option("--lfcp", metavar="HOST[:PORT]", help="Where devices reach this server. Default: as configured.")
@click.option("--peer", metavar="HOST[:PORT]", help="Where they reach the other one. Default: as it says itself.")
@click.option("--patience", type=Span(minimum=1, maximum=3600), default=PATIENCE, help="For each step. Default: 30 s.")
@common_options
@pass_asked
def drill(asked: Asked, lfcp: str | None, peer: str | None, patience: float) -> int:
    """Send a test alarm all the way: device, server, the other server, everybody who is told at once, and back.

    It is told with the word TEST. The device and its zone, both named alarmd-drill, are made for it; the device is gone
    afterwards. Exit code 0 if every step passed.
    """
    if not server_runs(asked.control_socket):
        raise no_server(asked.control_socket)
    places = _places(asked, lfcp, peer)
    tell = _print_json if asked.json else _print
    passed = asyncio.run(walk(places, tell, patience))
    if not asked.json:
        print_line("Every step passed." if passed else "The drill FAILED.")
    return 0 if passed else FAILED


def _places(asked: Asked, lfcp: str | None, peer: str | None) -> Places:
    configured = asked.config.lfcp
    try:
        return Places(
            asked.control_socket,
            pairing.address(lfcp, configured.port) if lfcp else from_here(configured.addresses[0], configured.port),
            pairing.address(peer, configured.port) if peer else None,
        )
    except PairingError as error:
        raise click.UsageError(str(error), click.get_current_context()) from None


def _print(step: Step) -> None:
    print_line(f"{'passed' if step.passed else 'FAILED'}  {step.seconds:6.2f} s  {step.name}: {step.said}")


def _print_json(step: Step) -> None:
    click.echo(json.dumps(dataclasses.asdict(step)))
