"""Machines on one switch, as network namespaces, and what can go wrong between them.

with network("a", "b", "devices", bad={"devices": Line(loss=0.2)}) as lan:
    with lan["a"].entered(): ...    # a socket or a process of machine a
    lan.cut("a", "b")               # neither hears the other
    lan.cut_one_way("a", "b")       # b no longer hears a
    lan.heal()
"""

import fcntl
import socket
import struct
from array import array
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from types import MappingProxyType

from tests.needs import need, need_program
from tests.netlab.namespaces import Namespace
from tests.netlab.relay import Line, Relay

PORT = "eth0"  # of every machine
SIOCETHTOOL = 0x8946
# linux/ethtool.h: what a card finishes, checksums and large segments, a packet socket sees unfinished.
ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO = 0x17, 0x1F, 0x24
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
        switch, *hosts = [stack.enter_context(closing(_namespace())) for _ in range(1 + len(names))]
        lan = Network(dict(zip(names, hosts, strict=True)), switch)
        _ip(switch, "link add br0 type bridge", "link set br0 up")
        for name in names:
            if name in bad:
                lan.relays[name] = stack.enter_context(_badly_plugged(lan, switch, name, bad[name]))
            else:
                _plug(switch, name, lan[name], PORT)
                _to_the_switch(switch, name)
            _ip(lan[name], "link set lo up", f"addr add {lan.address(name)}/24 dev {PORT}", f"link set dev {PORT} up")
        switch.run("nft", "-f", "-", text=FILTER)
        yield lan


@contextmanager
def _badly_plugged(lan: Network, switch: Namespace, name: str, line: Line) -> Iterator[Relay]:
    """Between the machine and the switch there is a third one, which nobody sees."""
    with closing(_namespace()) as between:
        _plug(between, "inner", lan[name], PORT)
        _plug(switch, name, between, "outer")
        _to_the_switch(switch, name)
        _finish_packets(lan[name], PORT)
        _finish_packets(switch, name)
        _ip(between, *(f"link set dev {end} addrgenmode none up" for end in ("inner", "outer")))
        with between.entered():
            relay = Relay(("inner", "outer"), line)
        with closing(relay):
            yield relay


def _namespace() -> Namespace:
    try:
        return Namespace()
    except PermissionError:
        need(False, "the right to make network namespaces (root)")
        raise


def _plug(here: Namespace, end: str, there: Namespace, other_end: str) -> None:
    _ip(here, f"link add name {end} type veth peer name {other_end} netns {there.path}")


def _to_the_switch(switch: Namespace, port: str) -> None:
    _ip(switch, f"link set dev {port} master br0 up")


def _ip(where: Namespace, *lines: str) -> None:
    where.run("ip", "-batch", "-", text="\n".join(lines))


def _finish_packets(where: Namespace, interface: str) -> None:
    """netdevice(7): what `ethtool -K` asks for."""
    with where.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in (ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO):
            off = array("I", (command, 0))
            request = struct.pack("16sP16x", interface.encode(), off.buffer_info()[0])
            fcntl.ioctl(any_socket, SIOCETHTOOL, request)
