"""Whose upload it is by address: the peer's own, unless the peer is a proxy that the operator trusts to say."""

import ipaddress
import re
from collections.abc import Mapping, Sequence

from alarmd.web.ingest.messages import UploadRefusedError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_FOR = re.compile(r'(?:^|;)\s*for=("[^"]*"|[^;,\s]+)', re.IGNORECASE)  # RFC 7239 section 4
_HOST = re.compile(r"\[(?P<bracketed>[^\]]+)\](?::\d+)?|(?P<v4>[\d.]+)(?::\d+)?|(?P<v6>[0-9A-Fa-f:.]+)")


def plain(host: str) -> str:
    """As the rules write addresses: IPv4 as such, without the zone of a link-local one."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


class Proxies:
    """The proxies' networks. Nobody else's word is taken, nor that of a proxy about what lies before another stranger:
    the list of addresses is read from its end, where the proxy next to us has written."""

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._trusted: tuple[Network, ...] = tuple(ipaddress.ip_network(network) for network in trusted)

    def source(self, peer: str, headers: Mapping[str, tuple[str, ...]]) -> str:
        """peer: the other end of the socket. headers: by small name. A proxy writes one of the two headers and may pass
        the other on as the client made it up; if they differ, which is the proxy's cannot be told."""
        if not self.trusts(peer):
            return peer
        said = {self._first_stranger(peer, hops) for hops in (_x_forwarded_for(headers), _forwarded(headers)) if hops}
        if len(said) > 1:
            raise UploadRefusedError(
                400, "ambiguous_source", "Forwarded", "X-Forwarded-For says otherwise; let the proxy remove one of them"
            )
        return said.pop() if said else peer

    def _first_stranger(self, peer: str, hops: list[str]) -> str:
        for hop in reversed(hops):
            if not self.trusts(peer):
                break
            address = _address(hop)
            if not address:
                break  # "unknown", or a name that hides an address
            peer = address
        return peer

    def trusts(self, host: str) -> bool:
        return bool(self._trusted) and any(ipaddress.ip_address(host) in network for network in self._trusted)


def _x_forwarded_for(headers: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [hop.strip() for line in headers.get("x-forwarded-for", ()) for hop in line.split(",")]


def _forwarded(headers: Mapping[str, tuple[str, ...]]) -> list[str]:
    found = [_FOR.search(hop) for line in headers.get("forwarded", ()) for hop in line.split(",")]
    return [match[1].strip('"') if match else "" for match in found]


def _address(hop: str) -> str:
    match = _HOST.fullmatch(hop)
    return plain(match["bracketed"] or match["v4"] or match["v6"]) if match else ""
