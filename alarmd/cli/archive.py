"""`alarmd archive`: the pictures on this machine."""

import click

from alarmd.cli.archive_place import archive_failures, beside, warn
from alarmd.cli.archive_rebuild import rebuild
from alarmd.cli.archive_verify import verify_archive
from alarmd.cli.asked import Asked, common_options, examples, pass_asked
from alarmd.cli.client import no_server, open_client, server_runs
from alarmd.cli.database import open_database
from alarmd.cli.moments import shown
from alarmd.cli.output import print_facts, print_json, print_table
from alarmd.web.archive import ArchiveStatus, look

HEADINGS = ("device", "pictures", "bytes", "oldest", "newest")


@click.group(epilog=examples("alarmd archive status", "alarmd archive verify", "alarmd archive rebuild --dry-run"))
@common_options
def archive() -> None:
    """Show and check the archive of pictures; make its index again."""


archive.add_command(verify_archive)
archive.add_command(rebuild)


@archive.command(epilog=examples("alarmd archive status", "alarmd archive status --json"))
@common_options
@pass_asked
def status(asked: Asked) -> None:
    """Show how many pictures there are, since when, and the room left."""
    found = _found(asked)
    if asked.json:
        print_json(found)
        return
    facts = [
        ("pictures", str(found.pictures)),
        ("bytes", str(found.bytes)),
        ("oldest", shown(found.oldest) if found.oldest else "none"),
        ("newest", shown(found.newest) if found.newest else "none"),
        ("free", f"{found.free} bytes on its disk, of which {found.reserve} stay free"),
    ]
    print_facts(facts)
    click.echo()
    rows = [
        (one.device, str(one.pictures), str(one.bytes), shown(one.oldest), shown(one.newest)) for one in found.cameras
    ]
    print_table(HEADINGS, rows, "No device has pictures.")


def _found(asked: Asked) -> ArchiveStatus:
    path = asked.control_socket
    if server_runs(path):
        with open_client(path) as client:
            return client.get(ArchiveStatus, "/archive")
    if asked.socket is not None:
        raise no_server(path)  # whose database that would be, only the configuration knows
    with open_database(asked) as reader, archive_failures():
        warn("no server runs here; this is what its database holds")
        return look(reader, beside(asked))
