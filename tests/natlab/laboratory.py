"""Two homes behind real NATs, servers between them, and what can happen to any of it, in network namespaces.

    dev1 ─ nat1 ─[carrier1]─ pub ══ far ─[carrier2]─ nat2 ─ dev2
    dev1b ─┘                │  │     │  │
    (on request)         srvA nat3  srvB open

with laboratory(nat1="pr", nat2="sym", carrier1="pr", lines={"dev1": Line(delay=0.02)}) as lab:
    with lab["dev1"].entered(): ...          # a socket or a process of that machine
    lab.address("srvA")                      # also "nat1": its address outside
    lab.set_lives("nat1", unanswered=3, answered=6)
    lab.expire("nat1", port)                 # the mappings of an inner port
    lab.reboot("nat1")                       # new_address=True: and its provider gives it another one
    lab.move("dev1", "nat3")                 # its access point is gone, it joins another one
    lab.lines["dev1"].line = Line(loss=1.0)  # of the machines that were asked for as `lines`
    lab.lines["dev1"].man = callback         # who is in the middle of its line, tests/netlab/relay.py

The public network is two routers in a row, so that a datagram with a time to live of 3 leaves a home NAT (and a
carrier's), which is what opens a mapping, and ends before the other side: by 3 hops it is past nat1 and pub and ends at
far, or past nat1 and carrier1 and ends at pub. From dev1 it takes 2 to reach srvA, 4 to reach srvB or nat2, 5 to reach
dev2; one more for each carrier on the way. nat1, nat3 and srvA are at pub; nat2, srvB and open are at far. With
shared_carrier both homes are at that carrier, which is at pub.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from types import MappingProxyType

from tests.natlab.nat_router import WAN, Lives, NatRouter
from tests.natlab.nat_types import NAT_TYPES
from tests.natlab.places import Place, Plugged, make_router, new_machine
from tests.needs import need_program
from tests.netlab.namespaces import Namespace
from tests.netlab.relay import Line, Relay
from tests.netlab.wiring import badly_plugged, into_the_switch, ip, plug

PORT = "eth0"  # of every machine that forwards nothing
NO_LINES: Mapping[str, Line] = MappingProxyType({})


@dataclass
class Laboratory:
    """Use `laboratory`. lines: of the machines that were asked for as such. ipv6: every machine has it, without NAT;
    homes let in what was asked for, as RFC 6092 recommends."""

    ipv6: bool
    lines: dict[str, Relay] = field(default_factory=dict)
    machines: dict[str, Namespace] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    plugged: dict[str, Plugged] = field(default_factory=dict)
    routers: dict[str, NatRouter] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Namespace:
        return self.machines[name]

    def __contains__(self, name: str) -> bool:
        return name in self.machines

    def address(self, name: str) -> str:
        """Towards the public network."""
        return str(self.plugged[name].address)

    def address6(self, name: str) -> str:
        return str(self.plugged[name].address6)

    def place(self, name: str) -> str:
        """The router that a machine is plugged in at."""
        return self.plugged[name].place

    def set_lives(self, nat: str, unanswered: int, answered: int) -> None:
        """In s, of mappings that packets are sent through from now on. Linux counts a mapping as answered after packets
        went both ways for 2 s."""
        self.routers[nat].set_lives(Lives(unanswered, answered))

    def mapped(self, nat: str, port: int) -> bool:
        """Whether a NAT remembers anything of a port inside: of dev1's socket, or of nat1 where nat is a carrier."""
        return self.routers[nat].mapped(port)

    def expire(self, nat: str, port: int) -> None:
        """What a NAT remembers of a port inside. Raises LookupError if that is nothing."""
        self.routers[nat].expire(port)

    def reboot(self, nat: str, *, new_address: bool = False) -> None:
        """It forgets every mapping, and chooses ports otherwise than before."""
        router = self.routers[nat]
        router.stop()
        if new_address:
            self.settle(nat, self.place(nat), WAN)
            router.wan = self.plugged[nat].address
        router.start()

    def leave(self, name: str) -> None:
        """The access point of a machine is gone: no carrier, no address."""
        place, port = self.places[self.place(name)], self.plugged[name].port
        ip(place.machine, f"link set dev {name} down nomaster")
        ip(self[name], f"addr flush dev {port} scope global")

    def join(self, name: str, place: str) -> None:
        """Plugged in elsewhere, with an address of the new place."""
        plugged = self.plugged[name]
        before, after = self.places[plugged.place], self.places[place]
        ip(before.machine, f"link set dev {name} netns {after.machine.path}")
        into_the_switch(after.machine, name)
        self.settle(name, place, plugged.port)

    def move(self, name: str, place: str) -> None:
        self.leave(name)
        self.join(name, place)

    def settle(self, name: str, at: str, port: str) -> None:
        """A machine that was just plugged in gets an address that nobody had."""
        place = self.places[at]
        place.given += 1
        plugged = self.plugged[name] = Plugged(at, port, place.inside[place.given], place.inside6[place.given])
        lines = [
            f"addr flush dev {plugged.port} scope global",
            f"addr add {plugged.address}/{place.inside.prefixlen} dev {plugged.port}",
            f"route replace default via {place.gateway}",
        ]
        if self.ipv6:
            lines += [
                f"addr add {plugged.address6}/{place.inside6.prefixlen} dev {plugged.port} nodad",
                f"route replace ::/0 via {place.gateway6}",
            ]
        ip(self[name], *lines)
        if self.ipv6 and name in self.places:
            self._announce(self.places[name].inside6, name)

    def _announce(self, inside6: IPv6Network, name: str) -> None:
        """Whoever is above a router learns that the network is reached through it."""
        while name in self.plugged:
            plugged = self.plugged[name]
            ip(self[plugged.place], f"route replace {inside6} via {plugged.address6}")
            name = plugged.place


@contextmanager
def laboratory(
    nat1: str = "pr",
    nat2: str = "pr",
    *,
    carrier1: str | None = None,
    carrier2: str | None = None,
    shared_carrier: str | None = None,
    nat3: str | None = None,
    dev1b: bool = False,
    ipv6: bool = False,
    lines: Mapping[str, Line] = NO_LINES,
) -> Iterator[Laboratory]:
    """All but ipv6, dev1b and lines: keys of NAT_TYPES. nat3: a third home, without a device. shared_carrier is called
    "carrier" and stands before nat1 and nat2. Skips where the machine cannot have it."""
    for program, package in (("ip", "iproute2"), ("nft", "nftables"), ("conntrack", "conntrack")):
        need_program(program, package)
    with ExitStack() as stack:
        build = _Builder(Laboratory(ipv6), stack, lines)
        build.core()
        for number, (home, carrier) in enumerate(((nat1, carrier1), (nat2, carrier2)), 1):
            at = ("pub", "far")[number - 1]
            if carrier:
                at = build.nat(f"carrier{number}", carrier, at, f"100.64.{number}.0/24", 0x10 + number)
            elif shared_carrier:
                at = build.nat("carrier", shared_carrier, "pub", "100.64.0.0/24", 0x10)
            build.home(number, home, at)
        if nat3:
            build.nat("nat3", nat3, "pub", "192.168.3.0/24", 3)
        if dev1b:
            build.host("dev1b", "nat1")
        yield build.lab


class _Builder:
    def __init__(self, lab: Laboratory, stack: ExitStack, lines: Mapping[str, Line]) -> None:
        self.lab = lab
        self._stack = stack
        self._lines = lines

    def core(self) -> None:
        self._router("pub", "198.51.100.0/24", 0xA)
        self._router("far", "203.0.113.0/24", 0xB)
        pub, far = self.lab["pub"], self.lab["far"]
        ip(pub, f"link add far type veth peer name pub netns {far.path}")
        self._backbone(pub, "far", 1, "203.0.113.0/24")
        self._backbone(far, "pub", 2, "198.51.100.0/24")
        for name, place in (("srvA", "pub"), ("srvB", "far"), ("open", "far")):
            self.host(name, place)

    def _backbone(self, router: Namespace, port: str, number: int, beyond: str) -> None:
        """No default route: what goes to a private address ends here."""
        other = 3 - number
        lines = [
            f"addr add 192.0.2.{number}/30 dev {port}",
            f"link set {port} up",
            f"route add {beyond} via 192.0.2.{other}",
        ]
        if self.lab.ipv6:
            lines += [f"addr add 2001:db8:c::{number}/64 dev {port} nodad", f"route add ::/0 via 2001:db8:c::{other}"]
        ip(router, *lines)

    def home(self, number: int, kind: str, at: str) -> None:
        self.nat(f"nat{number}", kind, at, f"192.168.{number}.0/24", number)
        self.host(f"dev{number}", f"nat{number}")

    def nat(self, name: str, kind: str, at: str, inside: str, number: int) -> str:
        if name not in self.lab:
            place = self._router(name, inside, number)
            self._plug(name, at, WAN)
            router = NatRouter(self.lab[name], NAT_TYPES[kind], IPv4Address(self.lab.address(name)), place.inside)
            router.start()
            self.lab.routers[name] = router
        return name

    def host(self, name: str, at: str) -> None:
        self._machine(name)
        self._plug(name, at, PORT)

    def _router(self, name: str, inside: str, number: int) -> Place:
        """number: of its IPv6 network."""
        place = Place(self._machine(name), IPv4Network(inside), IPv6Network(f"2001:db8:{number:x}::/64"))
        make_router(place, self.lab.ipv6)
        self.lab.places[name] = place
        return place

    def _machine(self, name: str) -> Namespace:
        made = self.lab.machines[name] = self._stack.enter_context(closing(new_machine(self.lab.ipv6)))
        return made

    def _plug(self, name: str, at: str, port: str) -> None:
        switch, machine = self.lab[at], self.lab[name]
        if name in self._lines:
            line = badly_plugged(switch, name, machine, port, self._lines[name])
            self.lab.lines[name] = self._stack.enter_context(line)
        else:
            plug(switch, name, machine, port)
        ip(machine, f"link set dev {port} up")
        self.lab.settle(name, at, port)
