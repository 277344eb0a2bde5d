"""Machines on one switch, as network namespaces, and what can go wrong between them.

with network("a", "b", "devices", bad={"devices": Line(loss=0.2)}) as lan:
    with lan["a"].entered(): ...    # a socket or a process of machine a
    lan.cut("a", "b")               # neither hears the other
    lan.cut_one_way("a", "b")       # b no longer hears a
    lan.heal()
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from types import MappingProxyType

from tests.needs import need_program
from tests.netlab.namespaces import Namespace
from tests.netlab.relay import Line, Relay
from tests.netlab.wiring import badly_plugged, ip, make_switch, namespace, plug

PORT = "eth0"  # of every machine
FILTER = """
table bridge lab {
  set apart { type ifname . ifname; }
  chain forward { type filter hook forward priority 0; iifname . oifname @apart drop; }
}
"""


class Network:
    """Use `network`. relays: of the machines behind a bad line."""

    def __init__(self, hosts: Mapping[str, Namespace], switch: Namespace) -> None:
        self.relays: dict[str, Relay] = {}
        self._hosts = hosts
        self._addresses = {name: f"10.0.0.{number}" for number, name in enumerate(hosts, 1)}
        self._switch = switch

    def __getitem__(self, name: str) -> Namespace:
        return self._hosts[name]

    def address(self, name: str) -> str:
        return self._addresses[name]

    def cut(self, one: str, other: str) -> None:
        """At once, also for connections that are open. Cuts add up until heal()."""
        self.cut_one_way(one, other)
        self.cut_one_way(other, one)

    def cut_one_way(self, sender: str, receiver: str) -> None:
        self._switch.run("nft", f'add element bridge lab apart {{ "{sender}" . "{receiver}" }}')

    def heal(self) -> None:
        self._switch.run("nft", "flush set bridge lab apart")


@contextmanager
def network(*names: str, bad: Mapping[str, Line] = MappingProxyType({})) -> Iterator[Network]:
    """bad: machines whose line to the switch is bad. Skips where the machine cannot have it."""
    need_program("ip", "iproute2")
    need_program("nft", "nftables")
    with ExitStack() as stack:
        switch, *hosts = [stack.enter_context(closing(namespace())) for _ in range(1 + len(names))]
        lan = Network(dict(zip(names, hosts, strict=True)), switch)
        make_switch(switch)
        for name in names:
            if name in bad:
                lan.relays[name] = stack.enter_context(badly_plugged(switch, name, lan[name], PORT, bad[name]))
            else:
                plug(switch, name, lan[name], PORT)
            ip(lan[name], "link set lo up", f"addr add {lan.address(name)}/24 dev {PORT}", f"link set dev {PORT} up")
        switch.run("nft", "-f", "-", text=FILTER)
        yield lan
