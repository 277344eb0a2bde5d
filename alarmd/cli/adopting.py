"""Making a device one's own: a command, and an option of those that set one up."""

import click

from alarmd.cli.asked import segment
from alarmd.cli.client import Client
from alarmd.web.place_schemas import Device

adopt_option = click.option(
    "--adopt", "adopt_it", is_flag=True, help="Make the device your own first, seen already or not."
)


def adopt(client: Client, name: str, zone: str | None = None) -> Device:
    """zone: None: where it is, or home."""
    return client.change(Device, "POST", f"/devices/{segment(name)}/adopt", {"zone": zone})
