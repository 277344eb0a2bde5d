"""Two sides that meet over a simulated network, with a small server between them that invites, relays and tells where
it sees them: docs/protocol.md, "Rendezvous"."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lfcp.candidates import Address, Mapping
from lfcp.client.punching import Punching
from lfcp.client.punching_steps import (
    LFCP_SOCKET,
    AskAddress,
    CloseSockets,
    Invitation,
    OpenSockets,
    Own,
    PathChanged,
    Payload,
    Relay,
    Send,
    Step,
)
from lfcp.constants import MAX_STEP, PNCH_FIRST_MS, PNCH_RESENDS
from lfcp.tunnel import Inbound, session_key
from tests.protocol.nat_model import Clock, Host, Nat, Realm, Weather

SERVER = Address("198.51.100.1", 8443)
SECOND_SERVER = Address("198.51.100.2", 8443)
SESSION = 0x63F1C2D3E4A67
KEY = session_key(bytes(range(32)), bytes(range(32, 64)), SESSION)
LFCP_PORT = 40000
SETTLED = 5.0  # when CONN leaves
_ASKED_AGAIN = (0.0, 0.5, 1.5, 3.5, 7.5)  # s; CONN
_AGAIN = tuple(PNCH_FIRST_MS / 1000 * (2**tries - 1) for tries in range(PNCH_RESENDS + 1))


@dataclass
class End:
    """One side: its machine, its sockets, and its Punching once it is invited."""

    role: int
    machine: Host
    clock: Clock
    chance: random.Random
    many_sockets: bool = True
    punching: Punching | None = None
    own: Own = field(default_factory=Own)
    steps: list[tuple[float, Step]] = field(default_factory=list)
    on_invited: Callable[["End"], None] = lambda end: None
    _seen: dict[Address, Address] = field(default_factory=dict)
    _ports: dict[int, int] = field(default_factory=lambda: {LFCP_SOCKET: LFCP_PORT})
    _next_port: int = 50000

    def __post_init__(self) -> None:
        self.machine.bind(LFCP_PORT, self._receive)

    @property
    def direct(self) -> bool:
        return self.punching is not None and self.punching.path.address is not None

    @property
    def payloads(self) -> list[tuple[float, bytes]]:
        return [(at, step.body) for at, step in self.steps if isinstance(step, Payload)]

    @property
    def paths(self) -> list[tuple[float, PathChanged]]:
        return [(at, step) for at, step in self.steps if isinstance(step, PathChanged)]

    @property
    def open_sockets(self) -> int:
        return len(self._ports)

    def seen_by_server(self) -> Address:
        return self._seen[SERVER]

    def beat(self) -> None:
        """From one socket to both servers, one after the other."""
        for server in (SERVER, SECOND_SERVER):
            self.machine.send(LFCP_PORT, server, ("KEEP", LFCP_SOCKET))

    def learn(self) -> None:
        first, last = self._seen[SERVER], self._seen[SECOND_SERVER]
        step = last.port - first.port
        mapping = Mapping.HARD
        if step == 0:
            mapping = Mapping.INDEPENDENT
        elif abs(step) <= MAX_STEP:
            mapping = Mapping.SEQUENTIAL
        local = (Address(self.machine.host, LFCP_PORT),)
        self.own = Own(mapping, local, last, 1 if step >= 0 else -1, self.many_sockets)

    def carry_out(self, steps: list[Step]) -> None:
        now = self.clock.now
        for step in steps:
            self.steps.append((now, step))
            if isinstance(step, Send):
                if step.socket in self._ports:
                    self.machine.send(self._ports[step.socket], step.address, step.datagram, step.ttl)
            elif isinstance(step, Relay):
                self.machine.send(LFCP_PORT, SERVER, step.datagram)
            elif isinstance(step, OpenSockets):
                for socket in step.sockets:
                    self.clock.at(now + 0.001, lambda socket=socket: self._open(socket))  # type: ignore[misc]
            elif isinstance(step, CloseSockets):
                for socket in step.sockets:
                    self.machine.unbind(self._ports.pop(socket))
            elif isinstance(step, AskAddress):
                self.machine.send(self._ports[step.socket], SERVER, ("KEEP", step.socket))
        self._wake()

    def send(self, payload: bytes) -> None:
        assert self.punching is not None
        self.carry_out(self.punching.send(payload, self.clock.now))

    def _open(self, socket: int) -> None:
        assert self.punching is not None
        self._next_port += 1
        self._ports[socket] = self._next_port
        self.machine.bind(self._next_port, self._receive)
        local = (Address(self.machine.host, self._next_port),)
        self.carry_out(self.punching.opened(socket, local, self.clock.now))

    def _receive(self, port: int, source: Address, payload: Any) -> None:
        now = self.clock.now
        socket = next(number for number, bound in self._ports.items() if bound == port)
        if isinstance(payload, tuple):
            self._told(socket, source, payload)
        elif self.punching is not None and source == SERVER:
            self.carry_out(self.punching.relayed(payload, now))
        elif self.punching is not None:
            self.carry_out(self.punching.receive(socket, source, payload, now))

    def _told(self, socket: int, source: Address, words: tuple[Any, ...]) -> None:
        if words[0] == "SEEN":
            self._seen[source] = words[1]
            if self.punching is not None:
                self.carry_out(self.punching.server_saw(socket, words[1], self.clock.now))
        elif words[0] == "PNCH":
            self.machine.send(LFCP_PORT, SERVER, ("ACK", self.role))
            if self.punching is None:
                self.punching = Punching(words[1], self.own, self.chance.random, self.clock.now)
                self.carry_out(self.punching.poll(self.clock.now))
                self.on_invited(self)

    def _wake(self) -> None:
        assert self.punching is not None
        due = self.punching.next_wakeup()
        assert due >= self.clock.now - 1e-9, "poll() left something undone"
        if due < float("inf"):
            self.clock.at(due, self._poll)

    def _poll(self) -> None:
        assert self.punching is not None
        now = self.clock.now
        if self.punching.next_wakeup() <= now:
            self.carry_out(self.punching.poll(now))


class Server:
    """Both servers: the second one only tells what it sees."""

    def __init__(self, realm: Realm, options: str) -> None:
        self.clock = realm.clock
        self.relayed = 0  # datagrams
        self.up = True
        self.sees = True  # and says so
        self._options = options
        self._machine = Host(realm, SERVER.host)
        self._machine.bind(SERVER.port, self._receive)
        self._second = Host(realm, SECOND_SERVER.host)
        self._second.bind(SECOND_SERVER.port, self._receive_second)
        self._inbound = [Inbound(SESSION, KEY, role) for role in (0, 1)]
        self._paths: dict[int, Address] = {}
        self._mappings: dict[int, Mapping] = {}
        self._acknowledged: set[int] = set()
        self._asked = False

    def knows(self, end: End) -> None:
        self._mappings[end.role] = end.own.mapping

    def proven(self, role: int, address: Address) -> None:
        self._paths[role] = address

    def _receive(self, port: int, source: Address, payload: Any) -> None:
        if not self.up:
            return
        if isinstance(payload, bytes):
            self._relay(source, payload)
        elif payload[0] == "KEEP" and self.sees:
            self._machine.send(port, source, ("SEEN", source))
        elif payload[0] == "ACK":
            self._acknowledged.add(payload[1])
        elif payload[0] == "CONN" and not self._asked:
            self._asked = True
            for role in (0, 1):
                for wait in _AGAIN:
                    self.clock.at(self.clock.now + wait, lambda role=role: self._invite(role))  # type: ignore[misc]

    def _receive_second(self, port: int, source: Address, payload: Any) -> None:
        self._second.send(port, source, ("SEEN", source))

    def _relay(self, source: Address, datagram: bytes) -> None:
        for role, inbound in enumerate(self._inbound):
            if source == self._paths[role] and inbound.open(datagram) is not None:
                self.relayed += 1
                self._machine.send(SERVER.port, self._paths[1 - role], datagram)

    def _invite(self, role: int) -> None:
        if role not in self._acknowledged:
            other = 1 - role
            invitation = Invitation(SESSION, KEY, role, self._paths[other], self._mappings[other], self._options)
            self._machine.send(SERVER.port, self._paths[role], ("PNCH", invitation))


class World:
    """types: of the two sides' NATs, "" is none. shared: type of a NAT that both are behind, one with NATs of their own
    as at a carrier, or without, as at home. options: of the invitation."""

    def __init__(
        self,
        types: tuple[str, str],
        seed: int = 1,
        weather: Weather | None = None,
        *,
        shared: str = "",
        options: str = "-",
    ) -> None:
        self.chance = random.Random(seed)
        self.clock = Clock()
        self.weather = Weather()
        self.internet = Realm(self.clock, self.chance, self.weather)
        self.server = Server(self.internet, options)
        self.nats: list[Nat] = []
        outer = self._behind(shared, self.internet, "203.0.113.9") if shared else self.internet
        self.ends = [self._end(role, types[role], outer) for role in (0, 1)]
        self.asked_at = SETTLED
        self._settle()
        vars(self.weather).update(vars(weather or Weather()))

    def meet(self, within: float = 30.0, done: Callable[[], bool] | None = None) -> None:
        """Ask, until both sides are direct or the time is over."""
        for wait in _ASKED_AGAIN:
            self.clock.at(self.asked_at + wait, self._ask)
        self.clock.run(self.asked_at + within, done or (lambda: self.direct))

    def run(self, seconds: float, done: Callable[[], bool] = lambda: False) -> None:
        self.clock.run(self.clock.now + seconds, done)

    @property
    def direct(self) -> bool:
        return all(end.direct for end in self.ends)

    @property
    def since_asked(self) -> float:
        return self.clock.now - self.asked_at

    def _ask(self) -> None:
        if self.ends[0].punching is None:
            self.ends[0].machine.send(LFCP_PORT, SERVER, ("CONN",))

    def _behind(self, kind: str, outer: Realm, host: str) -> Realm:
        inner = Realm(self.clock, self.chance)
        self.nats.append(Nat(kind, inner, outer, host, self.chance))
        return inner

    def _end(self, role: int, kind: str, outer: Realm) -> End:
        network = "203.0.113" if outer is self.internet else "10.0.0"
        if kind:
            realm = self._behind(kind, outer, f"{network}.{10 + role}")
            return End(role, Host(realm, f"192.168.{1 + role}.20"), self.clock, self.chance)
        return End(role, Host(outer, f"{network}.{20 + role}"), self.clock, self.chance)

    def _settle(self) -> None:
        """Heartbeats: the servers know both sides, and these what their NATs do."""
        for end in self.ends:
            self.clock.at(1.0, end.beat)
        self.clock.run(SETTLED)
        for end in self.ends:
            end.learn()
            self.server.knows(end)
            self.server.proven(end.role, end.seen_by_server())
