"""`alarmd peer status`: the other server, as this one sees it."""

import click

from alarmd.cli.asked import Asked, common_options, examples, pass_asked
from alarmd.cli.client import connect
from alarmd.cli.moments import shown
from alarmd.cli.output import print_facts, print_json, print_line
from alarmd.core.link_condition import PeerStanding
from alarmd.web.peer import Peer


@click.command(epilog=examples("alarmd peer status", "alarmd peer status --json"))
@common_options
@pass_asked
def status(asked: Asked) -> None:
    """Show the other server as this one sees it."""
    with connect(asked) as client:
        found = client.get(Peer, "/peer")
    if asked.json:
        print_json(found)
    elif found.standing is PeerStanding.ALONE:
        print_line(f"Server {found.label} is in no pair; `alarmd peer init` makes one.")
    else:
        print_facts(_facts(found))


def _facts(found: Peer) -> list[tuple[str, str]]:
    facts = [
        ("this server", found.label),
        ("the other", found.peer),
        ("standing", f"{found.standing.value}{f': {found.reason}' if found.reason else ''}"),
        ("since", shown(found.since)),
        ("last seen", shown(found.seen_at) if found.seen_at else "not since the start here"),
        ("to be stored there", str(found.waiting)),
        ("preferred", found.preferred),
        ("alarms are told by", "this server" if found.speaks else f"{found.peer}, and by this one if that does not"),
    ]
    if not found.version:
        return facts
    return [*facts, ("version there", found.version), ("clock there", f"{found.clock_offset:+.3f} s")]
