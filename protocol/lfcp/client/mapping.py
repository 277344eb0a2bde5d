"""How the device's NAT maps its socket, from where several servers see it: docs/protocol.md, "One socket"."""

from ipaddress import ip_address
from itertools import pairwise

from lfcp.candidates import Address, Mapping
from lfcp.constants import MAX_STEP


class MappingView:
    """What servers see of one socket. servers: in the order in which the socket first speaks with them, and so in which
    its mappings are made, whenever their answers come. mapping: the last verdict, kept while not enough is known for
    another. direction: 1, or -1 if the NAT counts ports down."""

    __slots__ = ("_seen", "_servers", "direction", "mapping")

    def __init__(self, servers: tuple[str, ...]) -> None:
        self._servers = servers
        self._seen: dict[str, Address] = {}
        self.mapping = Mapping.UNKNOWN
        self.direction = 1

    def see(self, server: str, address: Address) -> None:
        """What other servers saw before this one saw something else is of a mapping that is gone."""
        if self._seen.pop(server, address) != address:
            self._seen.clear()
        self._seen[server] = address
        self._judge(address)

    def seen_by(self, server: str) -> Address | None:
        return self._seen.get(server)

    def forget(self) -> None:
        """Another socket, of the same NAT."""
        self._seen.clear()

    def _judge(self, newest: Address) -> None:
        """Addresses of two families, or inside and outside, say nothing about each other."""
        known = (self._seen[server] for server in self._servers if server in self._seen)
        alike = [each for each in known if _side(each) == _side(newest)]
        if len(alike) < 2:
            return
        steps = [after.port - before.port for before, after in pairwise(alike)]
        if len({each.host for each in alike}) > 1 or max(map(abs, steps)) > MAX_STEP:
            self.mapping = Mapping.HARD
        elif any(steps):
            self.mapping = Mapping.SEQUENTIAL
            self.direction = 1 if sum(steps) > 0 else -1
        else:
            self.mapping = Mapping.INDEPENDENT


def _side(address: Address) -> tuple[int, bool]:
    ip = ip_address(address.host)
    return ip.version, ip.is_private
