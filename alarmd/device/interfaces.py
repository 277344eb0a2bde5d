"""Where this machine's sockets are, as its own interfaces have it."""

from collections.abc import Iterator
from itertools import islice

import ifaddr

from lfcp.candidates import Address, address_of, kind_of_own
from lfcp.constants import MAX_CANDIDATES


def addresses_of(port: int) -> tuple[Address, ...]:
    """Of a socket that is bound to this port at every address, those that another machine may reach."""
    return tuple(islice(_addresses(port), MAX_CANDIDATES))


def _addresses(port: int) -> Iterator[Address]:
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            host, zone = (ip.ip, 0) if isinstance(ip.ip, str) else (ip.ip[0], ip.ip[2])
            found = None if zone else address_of(host, port)  # a link-local one means something on this machine only
            if found is not None and kind_of_own(found) is not None:
                yield found
