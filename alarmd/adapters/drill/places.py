"""Where a device on the server's own machine reaches it."""

from alarmd.adapters.addresses import ALL, ANY_IPV4, ANY_IPV6

LOOPBACK = {ALL: "127.0.0.1", ANY_IPV4: "127.0.0.1", ANY_IPV6: "::1"}


def from_here(address: str, port: int) -> tuple[str, int]:
    """address: one that the server listens on."""
    return LOOPBACK.get(address, address), port
