"""Every type of NAT that the laboratory makes: what it does, in the words of RFC 4787, and how nftables does it.

Linux maps a flow as `masquerade` says and lets back in what the flow allows, which is filtering by address and port. A
type that lets in more learns its mappings in a map of nftables, by which an uninvited datagram finds the way in.
"""

from dataclasses import dataclass
from enum import Enum

PORTS = 4096  # that a hash or a counter chooses from; sockets of a device share one seldom
FIRST_PORT = 40_000
SEQUENCE = 1000  # ports, after which a sequential NAT starts again
MAPPINGS = 65_535  # of a router, at most


class Dependence(Enum):
    """Of a mapping (RFC 4787 section 4.1) or of a filter (section 5) on where the other side is."""

    NONE = "endpoint-independent"
    ADDRESS = "address-dependent"
    PORT = "address- and port-dependent"


@dataclass(frozen=True, slots=True)
class Learned:
    """A map of nftables. keys: their type. written, found: the key in a datagram that leaves, and in one that comes."""

    keys: str
    written: str
    found: str


FROM_ANYBODY = Learned("inet_service", "udp sport", "udp dport")
FROM_A_KNOWN_ADDRESS = Learned("ipv4_addr . inet_service", "ip daddr . udp sport", "ip saddr . udp dport")


@dataclass(frozen=True, slots=True)
class NatType:
    """outward: what happens to a datagram that leaves; {wan} is the router's address, {seed} changes when it starts.

    keeps_port: the outer port is the inner one if that is free (section 4.2.1).
    hairpin: what is sent from inside to a mapping of its own gets there (section 6).
    clashes: an uninvited datagram takes the mapping's port away from the flow that it comes before.
    """

    mapping: Dependence
    filtering: Dependence
    keeps_port: bool
    outward: str = "masquerade"
    learned: Learned | None = None
    hairpin: bool = False
    clashes: bool = False


def _ports(count: int) -> str:
    """A number that nftables counted or hashed is no port as it is: its bytes are the wrong way round."""
    return ", ".join(f"{number} : {FIRST_PORT + number}" for number in range(count))


def _hashed(of: str) -> str:
    return f"snat to {{wan}} : jhash {of} mod {PORTS} seed {{seed}} map {{{{ {_ports(PORTS)} }}}}"


NAT_TYPES = {
    # full cone
    "fc": NatType(Dependence.NONE, Dependence.NONE, keeps_port=True, learned=FROM_ANYBODY),
    # restricted cone
    "ar": NatType(Dependence.NONE, Dependence.ADDRESS, keeps_port=True, learned=FROM_A_KNOWN_ADDRESS),
    # port-restricted cone
    "pr": NatType(Dependence.NONE, Dependence.PORT, keeps_port=True),
    # the same as on many Linux routers: what nobody asked for is refused by the router, which remembers that
    "prx": NatType(Dependence.NONE, Dependence.PORT, keeps_port=True, clashes=True),
    "prh": NatType(Dependence.NONE, Dependence.PORT, keeps_port=False, outward=_hashed("ip saddr . udp sport")),
    "adm": NatType(
        Dependence.ADDRESS, Dependence.PORT, keeps_port=False, outward=_hashed("ip saddr . udp sport . ip daddr")
    ),
    # symmetric: ports by chance; by chance within the block that a carrier gives a customer; one after the other
    "sym": NatType(Dependence.PORT, Dependence.PORT, keeps_port=False, outward="masquerade fully-random"),
    "symb": NatType(
        Dependence.PORT, Dependence.PORT, keeps_port=False, outward="masquerade to :40000-40511 fully-random"
    ),
    "syms": NatType(
        Dependence.PORT,
        Dependence.PORT,
        keeps_port=False,
        outward=f"snat to {{wan}} : numgen inc mod {SEQUENCE} map {{{{ {_ports(SEQUENCE)} }}}}",
    ),
    "fch": NatType(Dependence.NONE, Dependence.NONE, keeps_port=True, learned=FROM_ANYBODY, hairpin=True),
}
