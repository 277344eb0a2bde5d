"""`alarmd camera token`: a camera's upload secret, given away the one time that it can be seen."""

import json
import sys

import click

from alarmd.cli.adopting import adopt, adopt_option
from alarmd.cli.asked import Asked, common_options, examples, pass_asked, segment
from alarmd.cli.client import connect
from alarmd.cli.given_key import host_to_tell
from alarmd.cli.output import print_facts, print_line
from alarmd.cli.qr_code import print_qr_code
from alarmd.web.picture_schemas import MadeSecret


@click.command(
    epilog=examples(
        "alarmd camera token cam1              its first",
        "alarmd camera token cam1 --adopt      the same, of a device that is not yours yet",
        "alarmd camera token cam1 --renew      another, for one that was lost or seen by others",
        "alarmd camera token cam1 --revoke     none: its uploads are refused",
    )
)
@click.argument("name")
@adopt_option
@click.option("--renew", is_flag=True, help="It has one: void that, and give another.")
@click.option("--revoke", is_flag=True, help="Void the one it has, and give none.")
@click.option("--no-qr", is_flag=True, help="No QR code. Only a terminal gets one.")
@common_options
@pass_asked
def token(asked: Asked, name: str, adopt_it: bool, renew: bool, revoke: bool, no_qr: bool) -> None:
    """Give a camera a secret to upload pictures with.

    It is shown once, with the ways to use it, and nobody can ask for it again: the server keeps its SHA-256 only.
    Whoever has it can upload pictures in the camera's name, and nothing else.
    """
    if (renew or adopt_it) and revoke:
        raise click.UsageError("say --revoke alone, or not at all", click.get_current_context())
    path = f"/cameras/{segment(name)}/secret"
    with connect(asked) as client:
        if revoke:
            client.delete(path)
            _tell_revoked(asked, name)
            return
        if adopt_it:
            adopt(client, name)
        made = client.change(MadeSecret, "POST", path, {"renew": renew})
    ways = _ways(asked, made)
    if asked.json:
        click.echo(json.dumps(made.model_dump(mode="json") | ways, indent=2))
        return
    _print(made, ways)
    if ways and sys.stdout.isatty() and not no_qr:
        print_qr_code(ways["url"])


def _ways(asked: Asked, made: MadeSecret) -> dict[str, str]:
    """Empty while the server listens for no uploads."""
    ingest = asked.config.ingest
    if not ingest.addresses:
        return {}
    server = f"http://{host_to_tell(ingest.addresses)}:{ingest.port}"
    return {"server": server, "url": f"{server}/u/{made.secret}"}


def _print(made: MadeSecret, ways: dict[str, str]) -> None:
    print_line(f"{made.device} has a new upload secret. Nobody can ask for it again, and whoever has it can upload")
    print_line("pictures in its name.")
    click.echo()
    if not ways:
        print_facts([("secret", made.secret)])
        print_line("The server listens for no uploads: set ingest.addresses.")
        return
    print_facts(
        [
            ("secret", made.secret),
            ("URL", ways["url"]),
            ("PrusaConnect", f"{ways['server']}/c/snapshot, token {made.secret}"),
            ("try it", f"curl --data-binary @picture.jpg {ways['url']}"),
        ]
    )
    click.echo()
    print_line("From another network the server may have another address; then use HTTPS, see docs/operations.md.")


def _tell_revoked(asked: Asked, name: str) -> None:
    if asked.json:
        click.echo(json.dumps({"revoked": name}))
        return
    print_line(f"{name} has no upload secret any more; what is uploaded with the old one is refused.")
