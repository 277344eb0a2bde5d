"""`alarmd sites` and `alarmd site set`."""

import click

from alarmd.cli.asked import Asked, common_options, examples, pass_asked, segment
from alarmd.cli.client import connect
from alarmd.cli.output import print_json, print_line, print_table
from alarmd.cli.sources import open_source
from alarmd.web.place_schemas import Site


@click.command(epilog=examples("alarmd sites"))
@common_options
@pass_asked
def sites(asked: Asked) -> None:
    """List the sites: the places whose local time schedules follow."""
    with open_source(asked) as source:
        found = source.sites()
    if asked.json:
        print_json(found)
        return
    print_table(("name", "time zone"), [(site.name, site.time_zone) for site in found.sites], "No sites.")


@click.group()
@common_options
def site() -> None:
    """Make or change a site."""


@site.command("set", epilog=examples("alarmd site set cottage --time-zone Europe/Prague"))
@click.argument("name")
@click.option("--time-zone", required=True, metavar="TZ", help="Its IANA name, for example Europe/Prague.")
@common_options
@pass_asked
def set_(asked: Asked, name: str, time_zone: str) -> None:
    """Make a site, or change the time zone of one."""
    with connect(asked) as client:
        made = client.change(Site, "PUT", f"/sites/{segment(name)}", {"time_zone": time_zone})
    if asked.json:
        print_json(made)
        return
    print_line(f"Site {made.name} is in time zone {made.time_zone}.")
