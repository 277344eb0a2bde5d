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
    lab.add_home("sym", carrier="pr")        # 4 if there are three: nat4, dev4, carrier4
    lab.lines["dev1"].line = Line(loss=1.0)  # of the machines that were asked for as `lines`
    lab.lines["dev1"].man = callback         # who is in the middle of its line, tests/netlab/relay.py

The public network is two routers in a row, so that a datagram with a time to live of 3 leaves a home NAT (and a
carrier's), which is what opens a mapping, and ends before the other side: by 3 hops it is past nat1 and pub and ends at
far, or past nat1 and carrier1 and ends at pub. From dev1 it takes 2 to reach srvA, 4 to reach srvB or nat2, 5 to reach
dev2; one more for each carrier on the way. nat1, nat3 and srvA are at pub; nat2, srvB and open are at far. With
shared_carrier both homes are at that carrier, which is at pub.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from types import MappingProxyType

from tests.natlab.nat_router import WAN, Lives, NatRouter
from tests.natlab.nat_types import NAT_TYPES
from tests.natlab.town import Place, Town
from tests.needs import need_program
from tests.netlab.relay import Line
from tests.netlab.wiring import ip

PORT = "eth0"  # of every machine that forwards nothing
NEAR, FAR = "pub", "far"  # the routers of the public network
CARRIERS = 16  # what is added to the number of a home for that of its carrier's IPv6 network
NO_LINES: Mapping[str, Line] = MappingProxyType({})


class Laboratory(Town):
    """Use `laboratory`. With IPv6 there is no NAT for it; homes let in what they asked for, as RFC 6092 recommends."""

    def __init__(self, stack: ExitStack, ipv6: bool, lines: Mapping[str, Line]) -> None:
        super().__init__(stack, ipv6, lines)
        self.routers: dict[str, NatRouter] = {}
        self._homes = 0
        self._public()

    def set_lives(self, nat: str, unanswered: int, answered: int) -> None:
        """In s, of mappings that packets are sent through from now on. Linux counts a mapping as answered after packets
        went both ways for 2 s."""
        self.routers[nat].set_lives(Lives(unanswered, answered))

    def ports(self, nat: str) -> set[int]:
        """Inner ports of the flows that a NAT remembers."""
        return self.routers[nat].ports()

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

    def add_home(self, kind: str, at: str = NEAR, carrier: str | None = None, device: bool = True) -> int:
        """Its number N: of natN, devN, and of carrierN, which is plugged in at `at` then."""
        self._homes = number = self._homes + 1
        if carrier:
            at = self.add_nat(f"carrier{number}", carrier, at, f"100.64.{number}.0/24", CARRIERS + number)
        self.add_nat(f"nat{number}", kind, at, f"192.168.{number}.0/24", number)
        if device:
            self.add_host(f"dev{number}", f"nat{number}")
        return number

    def add_nat(self, name: str, kind: str, at: str, inside: str, number: int) -> str:
        """number: of its IPv6 network."""
        place = self._router(name, inside, number)
        self.plug(name, at, WAN)
        router = self.routers[name] = NatRouter(
            self[name], NAT_TYPES[kind], IPv4Address(self.address(name)), place.inside
        )
        router.start()
        return name

    def add_host(self, name: str, at: str) -> None:
        self.add_machine(name, at, PORT)

    def _router(self, name: str, inside: str, number: int) -> Place:
        return self.add_router(name, IPv4Network(inside), IPv6Network(f"2001:db8:{number:x}::/64"))

    def _public(self) -> None:
        near, far = "198.51.100.0/24", "203.0.113.0/24"
        self._router(NEAR, near, 0x1000)
        self._router(FAR, far, 0x2000)
        ip(self[NEAR], f"link add {FAR} type veth peer name {NEAR} netns {self[FAR].path}")
        self._backbone(NEAR, FAR, 1, far)
        self._backbone(FAR, NEAR, 2, near)
        for name, place in (("srvA", NEAR), ("srvB", FAR), ("open", FAR)):
            self.add_host(name, place)

    def _backbone(self, router: str, port: str, number: int, beyond: str) -> None:
        """No default route: what goes to a private address ends here."""
        other = 3 - number
        lines = [
            f"addr add 192.0.2.{number}/30 dev {port}",
            f"link set {port} up",
            f"route add {beyond} via 192.0.2.{other}",
        ]
        if self.ipv6:
            lines += [f"addr add 2001:db8::{number}/64 dev {port} nodad", f"route add ::/0 via 2001:db8::{other}"]
        ip(self[router], *lines)


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
        lab = Laboratory(stack, ipv6, lines)
        sides = (NEAR, FAR)
        if shared_carrier:
            sides = (lab.add_nat("carrier", shared_carrier, NEAR, "100.64.0.0/24", CARRIERS),) * 2
        lab.add_home(nat1, sides[0], carrier1)
        lab.add_home(nat2, sides[1], carrier2)
        if nat3:
            lab.add_home(nat3, device=False)
        if dev1b:
            lab.add_host("dev1b", "nat1")
        yield lab
