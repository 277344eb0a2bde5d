"""`alarmd zones`, `alarmd zone set`, and arming."""

from typing import Any

import click

from alarmd.cli.asked import Asked, common_options, examples, pass_asked, segment
from alarmd.cli.client import connect
from alarmd.cli.output import print_json, print_line, print_table
from alarmd.cli.sources import open_source
from alarmd.core.records import Arming
from alarmd.web.place_schemas import Zone, Zones

HEADINGS = ("name", "now", "arming", "schedule", "site", "time zone", "devices", "failover because")


@click.command(epilog=examples("alarmd zones"))
@common_options
@pass_asked
def zones(asked: Asked) -> None:
    """List the zones, and whether they are armed."""
    with open_source(asked) as source:
        found = source.zones()
    if asked.json:
        print_json(found)
        return
    print_table(HEADINGS, [_row(zone) for zone in found.zones], "No zones.")


@click.group()
@common_options
def zone() -> None:
    """Make or move a zone."""


@zone.command("set", epilog=examples("alarmd zone set gate --site home"))
@click.argument("name")
@click.option("--site", required=True, help="The site it is in; `alarmd sites` lists them.")
@common_options
@pass_asked
def set_(asked: Asked, name: str, site: str) -> None:
    """Make a zone, which is armed at first, or move one to another site."""
    with connect(asked) as client:
        made = client.change(Zone, "PUT", f"/zones/{segment(name)}", {"site": site})
    if asked.json:
        print_json(made)
        return
    print_line(f"Zone {made.name} is at site {made.site}.")


@click.command(
    epilog=examples(
        "alarmd arm gate",
        'alarmd arm gate --schedule "mo-fr 22:00-06:00; sa,su 00:00-24:00"',
        "alarmd arm '*'",
    )
)
@click.argument("zone")
@click.option("--schedule", help="Armed at these times only, local to the zone's site: DAYS FROM-TO; DAYS FROM-TO …")
@common_options
@pass_asked
def arm(asked: Asked, zone: str, schedule: str | None) -> None:
    """Arm a zone, or '*' for every zone: motion in it is told.

    With --schedule it is armed at those times; days are mo tu we th fr sa su, in ranges or lists. A span that ends
    before it begins runs into the next day.
    """
    arming = Arming.ARMED if schedule is None else Arming.SCHEDULE
    _set_arming(asked, zone, {"arming": arming, "schedule": schedule})


@click.command(epilog=examples("alarmd disarm gate"))
@click.argument("zone")
@common_options
@pass_asked
def disarm(asked: Asked, zone: str) -> None:
    """Disarm a zone, or '*' for every zone: motion in it is stored, and told nobody."""
    _set_arming(asked, zone, {"arming": Arming.DISARMED})


def _set_arming(asked: Asked, zone: str, body: dict[str, Any]) -> None:
    with connect(asked) as client:
        changed = client.change(Zones, "POST", f"/zones/{segment(zone)}/arming", body)
    if asked.json:
        print_json(changed)
        return
    for each in changed.zones:
        print_line(f"Zone {each.name} is {_in_words(each)}.")


def _in_words(zone: Zone) -> str:
    if zone.arming is not Arming.SCHEDULE:
        return zone.arming.value
    return f"armed by schedule ({zone.schedule or 'always'}, {zone.time_zone}), {_now(zone) or 'unknown'} now"


def _now(zone: Zone) -> str:
    return "" if zone.live is None else "armed" if zone.live.armed else "disarmed"


def _row(zone: Zone) -> tuple[str, ...]:
    devices = "" if zone.live is None else str(zone.live.devices)
    causes = ", ".join(zone.live.failover_causes) if zone.live else ""
    return zone.name, _now(zone), zone.arming.value, zone.schedule, zone.site, zone.time_zone, devices, causes
