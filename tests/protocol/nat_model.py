"""A network under a virtual clock: realms, the NATs between them of every type of RFC 4787 that was met, delay, jitter,
loss, copies and time to live. What a NAT does is what Linux's does, as far as it was measured."""

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lfcp.candidates import Address

CORE_HOPS = 4  # routers in the middle of the internet
LAN_DELAY = 0.001  # s
FIRST_PORT, LAST_PORT = 1024, 65535
BLOCK = range(40000, 40512)  # a carrier's ports for one customer
TYPES = ("fc", "fch", "ar", "pr", "prx", "prh", "adm", "sym", "symb", "syms")

Handler = Callable[[int, Address, Any], None]  # port, source, payload

Carried = Callable[[Address, Address, Any, int], None]  # source, target, payload, hops left
Tap = Callable[[Address, Address, Any], bool]  # source, target, payload; False: it is taken away


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, when: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._events, (max(when, self.now), next(self._numbers), call))

    def run(self, until: float, done: Callable[[], bool] = lambda: False) -> None:
        """Up to that time, or until it is done."""
        while self._events and self._events[0][0] <= until and not done():
            self.now, _, call = heapq.heappop(self._events)
            call()
        if not done():
            self.now = until


@dataclass
class Weather:
    """Of the internet. delay: one way, s. The others: parts of 1, but jitter: s."""

    delay: float = 0.05
    jitter: float = 0.0
    loss: float = 0.0
    copies: float = 0.0


class Realm:
    """A network in which every address is reached by everybody; to others only through its NAT."""

    def __init__(self, clock: Clock, chance: random.Random, weather: Weather | None = None) -> None:
        self.clock = clock
        self.weather = weather  # None: a local network
        self.handlers: dict[str, Carried] = {}
        self.nat: Nat | None = None
        self.cut: set[tuple[str, str]] = set()  # source and target hosts between which nothing passes
        self.tap: Tap = lambda source, target, payload: True
        self._chance = chance

    def carry(self, source: Address, target: Address, payload: Any, hops: int) -> None:
        handler = self.handlers.get(target.host)
        if handler is None:
            if self.nat is not None and hops > 1:
                self.nat.outward(source, target, payload, hops - 1)
            return
        left = hops - (CORE_HOPS if self.weather else 0)
        if left <= 0 or (source.host, target.host) in self.cut or not self.tap(source, target, payload):
            return
        for delay in self._delays():
            self.clock.at(self.clock.now + delay, lambda: handler(source, target, payload, left))

    def _delays(self) -> list[float]:
        weather = self.weather
        if weather is None:
            return [LAN_DELAY]
        if self._chance.random() < weather.loss:
            return []
        copies = 2 if self._chance.random() < weather.copies else 1
        return [weather.delay + self._chance.random() * weather.jitter for _ in range(copies)]


@dataclass
class _Mapping:
    inside: Address
    port: int
    remotes: set[Address] = field(default_factory=set)  # that were sent to
    used: float = 0.0


class Nat:
    """host: its address in the outer realm. life: s that a mapping lives without traffic from inside."""

    def __init__(
        self, kind: str, inner: Realm, outer: Realm, host: str, chance: random.Random, life: float = 120.0
    ) -> None:
        assert kind in TYPES
        self.kind = kind
        self.host = host
        self.life = life
        self.poisoned: set[tuple[Address, int]] = set()  # a stray datagram's flow took the port towards its source
        self._inner, self._outer = inner, outer
        self._chance = chance
        self._mappings: dict[tuple[Address, Any], _Mapping] = {}
        self._counter = chance.randrange(20000, 30000)
        inner.nat = self
        outer.handlers[host] = self.inward

    def reboot(self) -> None:
        """Forgets every mapping."""
        self._mappings.clear()
        self.poisoned.clear()

    def outward(self, source: Address, target: Address, payload: Any, hops: int) -> None:
        mapping = self._mapping(source, target)
        mapping.remotes.add(target)
        mapping.used = self._outer.clock.now
        outside = Address(self.host, mapping.port)
        if target.host != self.host:
            self._outer.carry(outside, target, payload, hops)
        elif self.kind == "fch":
            self.inward(outside, target, payload, hops)

    def inward(self, source: Address, target: Address, payload: Any, hops: int) -> None:
        mapping = next(
            (each for each in self._alive() if each.port == target.port and self._passes(each, source)), None
        )
        if mapping is None:
            if self.kind == "prx":
                self.poisoned.add((source, target.port))
        elif hops > 1:
            self._inner.carry(source, mapping.inside, payload, hops - 1)

    def _alive(self) -> list[_Mapping]:
        return [each for each in self._mappings.values() if self._outer.clock.now - each.used <= self.life]

    def _passes(self, mapping: _Mapping, source: Address) -> bool:
        if self.kind in ("fc", "fch"):
            return True
        if self.kind == "ar":
            return any(source.host == remote.host for remote in mapping.remotes)
        return source in mapping.remotes

    def _mapping(self, source: Address, target: Address) -> _Mapping:
        key = source, self._part_of_key(target)
        mapping = self._mappings.get(key)
        if mapping is None or self._outer.clock.now - mapping.used > self.life:
            mapping = self._mappings[key] = _Mapping(source, self._port(source, target))
        return mapping

    def _part_of_key(self, target: Address) -> Any:
        if self.kind == "adm":
            return target.host
        if self.kind in ("sym", "symb", "syms", "prx"):
            return target
        return None

    def _port(self, source: Address, target: Address) -> int:
        if self.kind == "syms":
            self._counter += 1
            return self._counter
        if self.kind in ("fc", "fch", "ar", "pr"):
            taken = {each.port for each in self._mappings.values()}
            return source.port if source.port not in taken else self._free(range(FIRST_PORT, LAST_PORT), taken)
        if self.kind == "prx":  # the port is kept, unless another flow with this remote has it
            rivals = {each.port for each in self._mappings.values() if target in each.remotes and each.inside != source}
            rivals |= {port for remote, port in self.poisoned if remote == target}
            return source.port if source.port not in rivals else self._free(range(FIRST_PORT, LAST_PORT), rivals)
        taken = {each.port for each in self._mappings.values()}
        return self._free(BLOCK if self.kind == "symb" else range(FIRST_PORT, LAST_PORT), taken)

    def _free(self, ports: range, taken: set[int]) -> int:
        return next(port for port in iter(lambda: self._chance.choice(ports), None) if port not in taken)


class Host:
    """A machine with an address in a realm; each bound port has a handler."""

    def __init__(self, realm: Realm, host: str) -> None:
        self.host = host
        self.realm = realm
        self._handlers: dict[int, Handler] = {}
        realm.handlers[host] = self._deliver

    def bind(self, port: int, handler: Handler) -> None:
        self._handlers[port] = handler

    def unbind(self, port: int) -> None:
        del self._handlers[port]

    def send(self, port: int, target: Address, payload: Any, ttl: int | None = None) -> None:
        self.realm.carry(Address(self.host, port), target, payload, 64 if ttl is None else ttl)

    def _deliver(self, source: Address, target: Address, payload: Any, hops: int) -> None:
        handler = self._handlers.get(target.port)
        if handler is not None:
            handler(target.port, source, payload)
