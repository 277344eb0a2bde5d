"""Addresses at which the two sides of a rendezvous may reach each other, and which of them a side tries:
docs/protocol.md, "Candidates"."""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from lfcp.constants import MAX_STEP

MAX_PORT = 65535
_TEXT = re.compile(r"(?:\[([0-9a-fA-F:.]{2,45})\]|([0-9.]{7,15})):([1-9][0-9]{0,4})")

_Ip = IPv4Address | IPv6Address
_PRIVATE_4 = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")))
_PRIVATE_6 = tuple(map(IPv6Network, ("fc00::/7", "fe80::/10")))
_GLOBAL_6 = IPv6Network("2000::/3")
_NEVER_4 = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3")))  # the last: multicast to broadcast
_NEVER_6 = tuple(map(IPv6Network, ("::/8", "ff00::/8")))  # the first: unspecified, loopback, those that hold IPv4


class Mapping(StrEnum):
    """How a NAT maps a socket, as a device reports it: docs/protocol.md, "One socket"."""

    UNKNOWN = "u"
    INDEPENDENT = "e"
    SEQUENTIAL = "s"
    HARD = "h"


class Kind(StrEnum):
    """In the order of preference."""

    HOST = "h"
    IPV6 = "6"
    PUBLIC = "p"
    PREDICTED = "g"

    @property
    def rank(self) -> int:
        """Less is better."""
        return _RANKS[self]


_RANKS = {kind: rank for rank, kind in enumerate(Kind)}


class Address(NamedTuple):
    """Of a socket. host: as ipaddress writes it, so that equal addresses are equal; made by address_of()."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Candidate(NamedTuple):
    kind: Kind
    address: Address

    def __str__(self) -> str:
        return f"{self.kind}{self.address}"


def address_of(host: str, port: int) -> Address | None:
    """None: no numeric address, one with a zone, or a port that nobody has. IPv4 within IPv6 becomes IPv4."""
    try:
        ip = ip_address(host)
    except ValueError:
        return None
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if "%" in host or not 1 <= port <= MAX_PORT:
        return None
    return Address(str(ip), port)


def read_address(text: str) -> Address | None:
    """Of the form `192.0.2.1:4000` or `[2001:db8::1]:4000`. None: anything else."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    six, four, port = found.groups()
    if six is not None and ":" not in six:
        return None
    return address_of(six or four, int(port))


def read_candidate(text: str) -> Candidate | None:
    """As HELLO names it. None: of no known kind, or no address."""
    address = read_address(text[1:])
    if address is None or text[0] not in _RANKS:
        return None
    return Candidate(Kind(text[0]), address)


def may_be_probed(address: Address) -> bool:
    """Whether one host answers there at all, and not this one itself."""
    ip = ip_address(address.host)
    return not any(ip in network for network in (_NEVER_4 if isinstance(ip, IPv4Address) else _NEVER_6))


def vetted(public: Address, seen: Address | None) -> Address | None:
    """Where a server sees the other side, if that may be tried. seen: where it sees this one: if either is a loopback
    address, both are on the server's machine."""
    if ip_address(public.host).is_loopback:
        return public if seen is not None and ip_address(seen.host).is_loopback else None
    return public if may_be_probed(public) else None


def kind_of_own(address: Address) -> Kind | None:
    """As what this machine names an address of its interfaces. None: a server sees it better, or nobody reaches it."""
    ip = ip_address(address.host)
    if not may_be_probed(address):
        return None
    if any(ip in network for network in (_PRIVATE_4 if isinstance(ip, IPv4Address) else _PRIVATE_6)):
        return Kind.HOST
    return Kind.IPV6 if ip in _GLOBAL_6 else None


def allowed(candidate: Candidate, public: Address | None) -> bool:
    """Whether a candidate of the other side's HELLO is tried. public: that side's, vetted."""
    if candidate.kind in (Kind.HOST, Kind.IPV6):
        return kind_of_own(candidate.address) is candidate.kind
    return public is not None and candidate.address.host == public.host


def own_candidates(addresses: Iterable[Address]) -> Iterator[Candidate]:
    """addresses: of one socket, at this machine's interfaces."""
    for address in addresses:
        kind = kind_of_own(address)
        if kind is not None:
            yield Candidate(kind, address)


def predicted(last: Address, direction: int) -> Iterator[Candidate]:
    """What a NAT that counts its ports gives next. last: what a server saw last. direction: 1 or -1."""
    for step in range(1, MAX_STEP + 1):
        port = last.port + direction * step
        if 1 <= port <= MAX_PORT:
            yield Candidate(Kind.PREDICTED, Address(last.host, port))
