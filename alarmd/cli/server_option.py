"""Where a server is, as the command line is told: [LABEL=]HOST[:PORT]."""

import re
from urllib.parse import urlsplit

import click

from alarmd.cli.asked import Asked
from alarmd.device.simulator import Server

LFCP_PORT = 8443


def this_machines(asked: Asked) -> Server:
    """The one that is configured here."""
    return Server("127.0.0.1", asked.config.lfcp.port, asked.config.server.label)


def read_server(asked: Asked, text: str) -> Server:
    """Without a label it has the one that is configured here. Raises BadParameter with the form to write."""
    label, address = text[:1], text[2:]
    if re.match(r"[A-Z]=", text) is None:
        label, address = asked.config.server.label, text
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.path or parts.username is not None:
        raise click.BadParameter(
            f"{text!r} is no server; write HOST:PORT or [IPv6]:PORT, the port up to 65535, after A= if its label is A",
            click.get_current_context(),
            param_hint="--server",
        )
    return Server(host, port or LFCP_PORT, label)
