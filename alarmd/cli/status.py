"""`alarmd status`: the server at a glance."""

import click

from alarmd.cli.asked import Asked, common_options, examples, pass_asked
from alarmd.cli.client import connect
from alarmd.cli.moments import shown
from alarmd.cli.output import print_facts, print_json
from alarmd.web.status import Status


@click.command(epilog=examples("alarmd status", "alarmd status >/dev/null || echo 'no server'"))
@common_options
@pass_asked
def status(asked: Asked) -> None:
    """Show the running server at a glance; exit code 3 if none runs."""
    with connect(asked) as client:
        found = client.get(Status, "/status")
    if asked.json:
        print_json(found)
        return
    devices = ", ".join(f"{count} {presence.value}" for presence, count in found.devices.items() if count)
    print_facts(
        [
            ("version", found.version),
            ("label", found.label),
            ("started", shown(found.started_at)),
            ("devices", devices or "none yet"),
            ("unknown devices", found.unknown_devices.value),
            ("open alarms", str(found.open_alarms)),
            ("open commands", str(found.open_commands)),
            ("to be stored", str(found.backlog)),
            ("to be told", _outbox(found)),
        ]
    )


def _outbox(found: Status) -> str:
    if found.outbox is None:
        return "unknown: the database does not answer"
    oldest = f", the oldest since {shown(found.outbox.oldest_pending_at)}" if found.outbox.oldest_pending_at else ""
    given_up = f", {found.outbox.dead} given up" if found.outbox.dead else ""
    return f"{found.outbox.pending + found.outbox.leased}{oldest}{given_up}"
