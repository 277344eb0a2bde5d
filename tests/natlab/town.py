"""Machines of the laboratory and the routers among them, where others are plugged in and can be moved elsewhere."""

from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from tests.netlab.namespaces import Namespace
from tests.netlab.relay import Line, Relay
from tests.netlab.wiring import SWITCH, badly_plugged, into_the_switch, ip, make_switch, namespace, plug, sysctl

# What a distribution may have set otherwise: any machine answers and sends as the rules of this laboratory say.
EVERY_MACHINE = {
    "ipv4__conf__all__rp_filter": 0,
    "ipv4__conf__default__rp_filter": 0,
    "ipv4__conf__all__accept_redirects": 0,
    "ipv4__conf__default__accept_redirects": 0,
    "ipv4__conf__all__arp_ignore": 0,
    "ipv4__conf__default__arp_ignore": 0,
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

    inside: IPv4Network
    inside6: IPv6Network
    given: int = 9

    @property
    def gateway(self) -> IPv4Address:
        return self.inside[1]

    @property
    def gateway6(self) -> IPv6Address:
        return self.inside6[1]

    def next_addresses(self) -> tuple[IPv4Address, IPv6Address]:
        self.given += 1
        return self.inside[self.given], self.inside6[self.given]


@dataclass(slots=True)
class Plugged:
    """Where a machine is, and with what port and addresses."""

    place: str
    port: str
    address: IPv4Address
    address6: IPv6Address


class Town:
    """lines: relays of the machines that are behind one. ipv6: every machine has it too."""

    def __init__(self, stack: ExitStack, ipv6: bool, lines: Mapping[str, Line]) -> None:
        self.ipv6 = ipv6
        self.lines: dict[str, Relay] = {}
        self.machines: dict[str, Namespace] = {}
        self.places: dict[str, Place] = {}
        self.plugged: dict[str, Plugged] = {}
        self._stack = stack
        self._lines = lines

    def __getitem__(self, name: str) -> Namespace:
        return self.machines[name]

    def address(self, name: str) -> str:
        """Towards the public network."""
        return str(self.plugged[name].address)

    def address6(self, name: str) -> str:
        return str(self.plugged[name].address6)

    def place(self, name: str) -> str:
        """The router that a machine is plugged in at."""
        return self.plugged[name].place

    def leave(self, name: str) -> None:
        """The access point of a machine is gone: no carrier, no address."""
        plugged = self.plugged[name]
        ip(self[plugged.place], f"link set dev {name} down nomaster")
        ip(self[name], f"addr flush dev {plugged.port} scope global")

    def join(self, name: str, place: str) -> None:
        """Plugged in elsewhere, with an address of the new place."""
        plugged = self.plugged[name]
        ip(self[plugged.place], f"link set dev {name} netns {self[place].path}")
        into_the_switch(self[place], name)
        self.settle(name, place, plugged.port)

    def move(self, name: str, place: str) -> None:
        self.leave(name)
        self.join(name, place)

    def add_machine(self, name: str, at: str, port: str) -> Namespace:
        """port: its interface."""
        made = self._make(name)
        self.plug(name, at, port)
        return made

    def add_router(self, name: str, inside: IPv4Network, inside6: IPv6Network) -> Place:
        """Of a place where machines can be plugged in. It is plugged in nowhere yet."""
        machine = self._make(name)
        place = self.places[name] = Place(inside, inside6)
        sysctl(machine, **ROUTER)
        make_switch(machine)
        lines = [f"addr add {place.gateway}/{inside.prefixlen} dev {SWITCH}"]
        if self.ipv6:
            lines.append(f"addr add {place.gateway6}/{inside6.prefixlen} dev {SWITCH} nodad")
        ip(machine, *lines)
        return place

    def plug(self, name: str, at: str, port: str) -> None:
        switch, machine = self[at], self[name]
        if name in self._lines:
            line = badly_plugged(switch, name, machine, port, self._lines[name])
            self.lines[name] = self._stack.enter_context(line)
        else:
            plug(switch, name, machine, port)
        ip(machine, f"link set dev {port} up")
        self.settle(name, at, port)

    def settle(self, name: str, at: str, port: str) -> None:
        """A machine that is plugged in there gets addresses that nobody had, and its default routes."""
        place = self.places[at]
        address, address6 = place.next_addresses()
        self.plugged[name] = Plugged(at, port, address, address6)
        lines = [
            f"addr flush dev {port} scope global",
            f"addr add {address}/{place.inside.prefixlen} dev {port}",
            f"route replace default via {place.gateway}",
        ]
        if self.ipv6:
            lines += [
                f"addr add {address6}/{place.inside6.prefixlen} dev {port} nodad",
                f"route replace ::/0 via {place.gateway6}",
            ]
        ip(self[name], *lines)
        if self.ipv6 and name in self.places:
            self._announce(self.places[name].inside6, name)

    def _make(self, name: str) -> Namespace:
        """Skips without the right to make one."""
        made = self.machines[name] = self._stack.enter_context(closing(namespace()))
        off = 0 if self.ipv6 else 1
        sysctl(made, **EVERY_MACHINE, ipv6__conf__all__disable_ipv6=off, ipv6__conf__default__disable_ipv6=off)
        ip(made, "link set lo up")
        return made

    def _announce(self, inside6: IPv6Network, name: str) -> None:
        """Whoever is above a router learns that the network is reached through it."""
        while name in self.plugged:
            plugged = self.plugged[name]
            ip(self[plugged.place], f"route replace {inside6} via {plugged.address6}")
            name = plugged.place
