"""A home's or a carrier's NAT: a machine that forwards between its switch and `wan` by the rules of its type."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any, NamedTuple

from tests.natlab.nat_types import MAPPINGS, NatType
from tests.netlab.namespaces import Namespace
from tests.netlab.wiring import SWITCH, sysctl

WAN = "wan"
FLOW = re.compile(r"src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)")
OFF = """
flush ruleset
table inet off {
  chain forward { type filter hook forward priority raw; policy drop; }
}
"""
# A device's own flow is what the first packet made of it, so learning looks at every packet, after translation, both
# of flows that the device began and of those that began outside.
LEARNING = """
flush chain ip nat learn
add rule ip nat learn oifname wan ct direction original ct status assured \
  update @learned {{ {key} timeout {answered}s : ct original ip saddr . ct original proto-src }} accept
add rule ip nat learn oifname wan ct direction original \
  update @learned {{ {key} timeout {unanswered}s : ct original ip saddr . ct original proto-src }}
add rule ip nat learn oifname wan ct direction reply \
  update @learned {{ {key} timeout {answered}s : ct reply ip saddr . ct reply proto-src }}
"""
LEARNED = """
  map learned {{
    type {keys} : ipv4_addr . inet_service; flags dynamic,timeout; size {size}
  }}
  chain learn {{ type filter hook postrouting priority srcnat + 10; }}
"""
LET_IN = "iifname wan meta l4proto udp dnat ip to {found} map @learned"
HAIRPIN_IN = "iifname {switch} ip daddr {wan} meta l4proto udp dnat ip to {found} map @learned"
HAIRPIN_OUT = "oifname {switch} ip saddr {inside} ct status dnat snat to {wan}"
NO_CLASH = "ct state new meta l4proto udp drop"
RULES = """
flush ruleset
table ip nat {{{learned}
  chain came {{ type nat hook prerouting priority dstnat
    {came}
  }}
  chain leaves {{ type nat hook postrouting priority srcnat
    oifname wan meta l4proto udp {outward}
    oifname wan masquerade
    {hairpin}
  }}
}}
table ip filter {{
  chain to_itself {{ type filter hook input priority filter
    {to_itself}
  }}
  chain forward {{ type filter hook forward priority filter
    ct status dnat accept
    iifname wan ct state new drop
  }}
}}
table ip6 filter {{
  chain forward {{ type filter hook forward priority filter
    iifname wan ct state new drop
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Lives:
    """Of a mapping, in s: nf_conntrack_udp_timeout, nf_conntrack_udp_timeout_stream. answered: packets went both ways
    for over 2 s. The defaults are Linux's."""

    unanswered: int = 30
    answered: int = 120


class Flow(NamedTuple):
    """As conntrack tells it."""

    source: str
    destination: str
    source_port: str
    destination_port: str


class NatRouter:
    """wan: its address outside. inside: its network."""

    def __init__(self, machine: Namespace, kind: NatType, wan: IPv4Address, inside: IPv4Network) -> None:
        self.wan = wan
        self._machine = machine
        self._kind = kind
        self._inside = inside
        self._starts = 0
        self._lives = Lives()

    def start(self) -> None:
        """With nothing in its memory. Ports that it chooses by a hash are others than the last time."""
        self._starts += 1
        self._nft(self._rules())
        self.set_lives(self._lives)

    def stop(self) -> None:
        """It forwards nothing, and forgets."""
        self._nft(OFF)
        self._machine.run("conntrack", "-F")

    def set_lives(self, lives: Lives) -> None:
        """For what is sent from now on."""
        self._lives = lives
        sysctl(
            self._machine,
            netfilter__nf_conntrack_udp_timeout=lives.unanswered,
            netfilter__nf_conntrack_udp_timeout_stream=lives.answered,
        )
        if self._kind.learned:
            key = self._kind.learned.written
            self._nft(LEARNING.format(key=key, answered=lives.answered, unanswered=lives.unanswered))

    def ports(self) -> set[int]:
        """Inner ports that packets of a flow went through lately."""
        return {port for _, port in self._all_flows()}

    def mapped(self, port: int) -> bool:
        """Whether it remembers anything of an inner port."""
        return bool(self._flows(port) or self._learned_keys(port))

    def expire(self, port: int) -> None:
        """The mappings of an inner port, towards everybody. Raises LookupError if there is none."""
        flows, keys = self._flows(port), self._learned_keys(port)
        if not flows and not keys:
            raise LookupError(f"nothing is mapped for port {port}")
        for key in keys:
            self._nft(f"delete element ip nat learned {{ {key} }}")
        for flow in flows:
            with suppress(RuntimeError):  # it ended by itself
                self._machine.run("conntrack", "-D", "-p", "udp", *_which(flow))

    def _flows(self, port: int) -> list[Flow]:
        """That began on either side; each as its first packet was."""
        return [flow for flow, inner in self._all_flows() if inner == port]

    def _all_flows(self) -> Iterator[tuple[Flow, int]]:
        """With the inner port of each."""
        for line in self._machine.run("conntrack", "-L", "-p", "udp").splitlines():
            both_ways = [Flow(*ends) for ends in FLOW.findall(line)]
            for way in both_ways:
                if IPv4Address(way.source) in self._inside:
                    yield both_ways[0], int(way.source_port)

    def _learned_keys(self, port: int) -> list[str]:
        if not self._kind.learned:
            return []
        listed = json.loads(self._machine.run("nft", "-j", "list", "map", "ip", "nat", "learned"))
        elements = next(entry["map"].get("elem", []) for entry in listed["nftables"] if "map" in entry)
        return [_key(key) for key, value in elements if value["concat"][1] == port]

    def _nft(self, commands: str) -> None:
        self._machine.run("nft", "-f", "-", text=commands)

    def _rules(self) -> str:
        kind = self._kind
        words = {"wan": self.wan, "seed": self._starts, "switch": SWITCH, "inside": self._inside, "size": MAPPINGS}
        learned, came = "", []
        if kind.learned:
            words |= {"keys": kind.learned.keys, "found": kind.learned.found}
            learned = LEARNED.format(**words)
            came = [LET_IN, HAIRPIN_IN] if kind.hairpin else [LET_IN]
        return RULES.format(
            learned=learned,
            came="\n    ".join(came).format(**words),
            outward=kind.outward.format(**words),
            hairpin=HAIRPIN_OUT.format(**words) if kind.hairpin else "",
            to_itself="" if kind.clashes else NO_CLASH,
        )


def _which(flow: Flow) -> tuple[str, ...]:
    ends = ("-s", flow.source, "-d", flow.destination)
    return (*ends, "--orig-port-src", flow.source_port, "--orig-port-dst", flow.destination_port)


def _key(listed: Any) -> str:
    """As nft writes it in JSON, an element with a timeout around it, and as it reads it."""
    value = listed["elem"]["val"]
    return " . ".join(str(part) for part in value["concat"]) if isinstance(value, dict) else str(value)
