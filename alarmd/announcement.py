"""What a server says of itself once it serves: where, with what, and what an operator should think of."""

from collections.abc import Mapping

import structlog

from alarmd import __version__
from alarmd.adapters.log_setup import without_password
from alarmd.config import Config
from alarmd.core.settings import UnknownDevices

DEVICES = "devices: LFCP over UDP and TCP"
OPERATORS = "operators: CSV over UDP and TCP"
HTTP = "operators: HTTP"
UPLOADS = "cameras: uploads over HTTP"
PEER = "the other server of the pair"

Addresses = list[tuple[str, int]]

_log = structlog.get_logger(__name__)


def say_what_is_served(config: Config, addresses: Mapping[str, Addresses], devices: int) -> None:
    """addresses: by what is served there."""
    _log.info("alarmd serves", version=__version__, label=config.server.label)
    for what, where in addresses.items():
        if where or what != PEER:
            _log.info(what, addresses=[f"{host} port {port}" for host, port in where])
    _log.info("command line: alarmd", socket=str(config.control_socket))
    for name, one in config.used().items():
        _log.info("destination", name=name, what=one.summary())
    _log.info("database", url=without_password(config.database_url), devices=devices)
    if config.devices.unknown is UnknownDevices.ADMIT:
        _log.warning(
            "any device that reaches the LFCP port is admitted until you adopt yours: "
            "set devices.unknown to quarantine or reject afterwards"
        )
