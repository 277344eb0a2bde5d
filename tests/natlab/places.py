"""Machines of the laboratory, and the routers among them, where others are plugged in."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from tests.netlab.namespaces import Namespace
from tests.netlab.wiring import SWITCH, ip, make_switch, namespace, sysctl

# What a distribution may have set otherwise: any machine answers and sends as the rules of this laboratory say.
EVERY_MACHINE = {
    "ipv4__conf__all__rp_filter": 0,
    "ipv4__conf__default__rp_filter": 0,
    "ipv4__conf__all__accept_redirects": 0,
    "ipv4__conf__default__accept_redirects": 0,
    "ipv4__icmp_ratelimit": 0,
    "bridge__bridge-nf-call-iptables": 0,
    "bridge__bridge-nf-call-ip6tables": 0,
    "bridge__bridge-nf-call-arptables": 0,
    "netfilter__nf_conntrack_helper": 0,
    "ipv6__conf__default__accept_dad": 0,
    "ipv6__conf__default__accept_ra": 0,
}
ROUTER = {
    "ipv4__ip_forward": 1,
    "ipv4__conf__all__send_redirects": 0,
    "ipv4__conf__default__send_redirects": 0,
    "ipv6__conf__all__forwarding": 1,
}


@dataclass(slots=True)
class Place:
    """A router's switch. Machines get its addresses one after the other, from the tenth."""

    machine: Namespace
    inside: IPv4Network
    inside6: IPv6Network
    given: int = 9

    @property
    def gateway(self) -> IPv4Address:
        return self.inside[1]

    @property
    def gateway6(self) -> IPv6Address:
        return self.inside6[1]


@dataclass(slots=True)
class Plugged:
    """Where a machine is, and with what port and addresses."""

    place: str
    port: str
    address: IPv4Address
    address6: IPv6Address


def new_machine(ipv6: bool) -> Namespace:
    """Skips without the right to make one."""
    made = namespace()
    off = 0 if ipv6 else 1
    sysctl(made, **EVERY_MACHINE, ipv6__conf__all__disable_ipv6=off, ipv6__conf__default__disable_ipv6=off)
    ip(made, "link set lo up")
    return made


def make_router(place: Place, ipv6: bool) -> None:
    sysctl(place.machine, **ROUTER)
    make_switch(place.machine)
    lines = [f"addr add {place.gateway}/{place.inside.prefixlen} dev {SWITCH}"]
    if ipv6:
        lines.append(f"addr add {place.gateway6}/{place.inside6.prefixlen} dev {SWITCH} nodad")
    ip(place.machine, *lines)
