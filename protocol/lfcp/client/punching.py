"""One session of a rendezvous as one side lives it, without I/O: docs/protocol.md, "Rendezvous".

    punching = Punching(invitation, own, random.random, now)
    every call gives steps, which the caller carries out at once and in their order:
    - poll(now) first, and whenever next_wakeup() has come;
    - receive(socket, source, datagram, now) for a tunnel datagram that came directly, relayed(datagram, now) for one
      that the server passed on;
    - opened(socket, addresses, now) and server_saw(socket, address, now) after OpenSockets and AskAddress;
    - send(payload, now), close(now).

What is sent goes through the server at first, and directly as soon as a path is found. Nothing raises on any bytes.
Sockets are numbers; LFCP_SOCKET is the one that LFCP is spoken on, for whichever families of addresses it is open.
Times are monotonic seconds.
"""

import math
from collections.abc import Callable

from lfcp.candidates import Address, vetted
from lfcp.client.direct_path import DirectPath
from lfcp.client.hello import read_hello
from lfcp.client.meeting import Meeting
from lfcp.client.nomination import Follower, Nominator
from lfcp.client.probing import ANSWER_BODY, Pair, Prober
from lfcp.client.punching_steps import LFCP_SOCKET, Invitation, Over, Own, PathChanged, Payload, Relay, Send, Step
from lfcp.client.side import Side, Sockets
from lfcp.constants import RELAY_IDLE_MS
from lfcp.tunnel import Kind, Opened, Tunnel, read_head

BYES = 3
SILENCE = RELAY_IDLE_MS / 1000  # s; then the session is over
_DIRECT = frozenset(Kind) - {Kind.HELLO}
_RELAYED = frozenset(Kind) - {Kind.PROBE, Kind.NOMINATE}


class Punching:
    """random: gives numbers from 0 to 1, 1 excluded; for jitter and ports by chance. Raises ValueError for an
    invitation whose key or role is none."""

    def __init__(self, invitation: Invitation, own: Own, random: Callable[[], float], now: float) -> None:
        self.over = False
        self.rejected = 0  # datagrams that were not the other side's, or came again, or by the wrong way
        self._steps: list[Step] = []
        self._tunnel = Tunnel(invitation.session, invitation.key, invitation.role)
        outbound = self._tunnel.outbound
        public = vetted(invitation.other, own.seen)
        self._prober = Prober(outbound, public.host if public else None, self._steps)
        self._sockets = Sockets(self._steps)
        self._leads = invitation.role == 0
        self._path = DirectPath(self._prober, random, now, leads=self._leads)
        self._nominator = Nominator(self._prober)
        self._follower = Follower(self._prober, self._path)
        side = Side(invitation, own, public, self._prober, self._sockets, random)
        self._meeting = Meeting(side, self._path, self._nominator, outbound, self._steps, now)
        self._heard_at = now

    @property
    def path(self) -> PathChanged:
        """The way that what is sent takes now."""
        pair = self._path.pair
        if pair is None:
            return PathChanged(None, None, self._meeting.round_trip)
        return PathChanged(pair.address, self._path.kind, self._path.round_trip)

    @property
    def needs_lfcp_socket(self) -> bool:
        """What is sent goes directly, from that one: at another port nobody would hear it."""
        return self._path.pair is not None and self._path.socket == LFCP_SOCKET

    def wants(self, socket: int) -> bool:
        """Whether it is to be open: not after CloseSockets, though that may be carried out before it was opened."""
        return socket in self._sockets

    def poll(self, now: float) -> list[Step]:
        """What is due. The first call gives the first steps."""
        if not self.over:
            self._run(now)
        steps = list(self._steps)
        self._steps.clear()
        return steps

    def next_wakeup(self) -> float:
        """When poll() has something to do next; math.inf: never, the session is over."""
        if self.over:
            return math.inf
        due = min(part.next_wakeup() for part in (self._path, self._nominator, self._meeting))
        return min(due, self._prober.next_wakeup(self._path.kind), self._heard_at + SILENCE)

    def receive(self, socket: int, source: Address, datagram: bytes, now: float) -> list[Step]:
        """source: as address_of() makes it."""
        opened = self._open(datagram, _DIRECT) if socket in self._sockets else None
        if opened is not None:
            self._heard(Pair(socket, source), opened, now)
        return self.poll(now)

    def relayed(self, datagram: bytes, now: float) -> list[Step]:
        opened = self._open(datagram, _RELAYED)
        if opened is not None:
            self._heard_through_server(opened, now)
        return self.poll(now)

    def opened(self, socket: int, addresses: tuple[Address, ...], now: float) -> list[Step]:
        """addresses: of this socket at this machine's interfaces."""
        self._meeting.opened(socket, addresses, now)
        return self.poll(now)

    def server_saw(self, socket: int, address: Address, now: float) -> list[Step]:
        """An answer to KEEP that was sent from a socket of this session."""
        self._meeting.server_saw(socket, address, now)
        return self.poll(now)

    def send(self, payload: bytes, now: float) -> list[Step]:
        """At most TUNNEL_BODY bytes, else ValueError. Nothing once the session is over."""
        if not self.over:
            self._say(Kind.DATA, payload)
            self._path.carried(self._path.pair, now)
        return self.poll(now)

    def close(self, now: float) -> list[Step]:
        """Tell the other side by both ways, and end. Nobody answers a BYE, and a session of whose end nobody knows
        takes a place for minutes: it is said more than once."""
        if not self.over:
            for _ in range(BYES):
                self._relay(Kind.BYE)
                if self._path.pair is not None:
                    self._say(Kind.BYE)
            self._end("closed")
        return self.poll(now)

    def _run(self, now: float) -> None:
        if now >= self._heard_at + SILENCE:
            self._end("silent")
            return
        if self._path.poll(now):
            self._steps.append(self.path)
            self._choose(now)
        self._nominator.poll(self._path.pair, now)  # before the meeting, which waits while it is busy
        self._meeting.poll(now)
        self._prober.poll(now, self._path.kind)

    def _open(self, datagram: bytes, kinds: frozenset[Kind]) -> Opened | None:
        """What comes by the wrong way is not even opened: a copy of it would use up the counter."""
        head = None if self.over else read_head(datagram)
        opened = self._tunnel.inbound.verify(datagram) if head is not None and head.kind in kinds else None
        if opened is None:
            self.rejected += 1
        return opened

    def _take(self, opened: Opened, now: float) -> bool:
        """Whether it is heard for the first time."""
        if not self._tunnel.inbound.take(opened.counter):
            self.rejected += 1
            return False
        self._heard_at = now
        return True

    def _copied(self, pair: Pair, opened: Opened) -> bool:
        """Somebody may have been faster with a copy from an address of his own: the genuine one counts all the same."""
        asks = opened.kind in (Kind.PROBE, Kind.NOMINATE)
        return asks and self._prober.expects(pair) and self._tunnel.inbound.recent(opened.counter)

    def _heard(self, pair: Pair, opened: Opened, now: float) -> None:
        if opened.kind is Kind.ANSWER:
            self._answered(pair, opened, now)
        elif self._take(opened, now) or self._copied(pair, opened):
            if opened.kind is Kind.PROBE:
                self._prober.heard_probe(pair, opened.counter, now)
            elif opened.kind is Kind.NOMINATE:
                self._nominated(pair, opened, now)
            else:
                self._heard_by_any_way(pair, opened, now)

    def _heard_through_server(self, opened: Opened, now: float) -> None:
        if opened.kind is Kind.ANSWER:
            self._hello_answered(opened, now)
        elif self._take(opened, now):
            if opened.kind is Kind.HELLO:
                self._hello(opened, now)
            else:
                self._heard_by_any_way(None, opened, now)

    def _heard_by_any_way(self, pair: Pair | None, opened: Opened, now: float) -> None:
        if opened.kind is Kind.BYE:
            self._end("ended")
        else:
            self._path.carried(pair, now)
            self._steps.append(Payload(opened.body))

    def _answered(self, pair: Pair, opened: Opened, now: float) -> None:
        answered = self._prober.answers(pair, opened.body, now)
        if answered is None or not self._take(opened, now):
            return
        self._prober.heard_answer(pair, answered.round_trip, now)
        self._path.answered(pair, answered.round_trip, now)
        if answered.asked is Kind.NOMINATE and self._nominator.accepted(pair):
            self._use(pair, now)
        self._choose(now)

    def _nominated(self, pair: Pair, opened: Opened, now: float) -> None:
        if not self._leads and self._follower.follows(pair, opened.counter, now):
            self._use(pair, now)

    def _hello(self, opened: Opened, now: float) -> None:
        hello = read_hello(opened.body)
        if hello is None:
            self.rejected += 1
            return
        self._relay(Kind.ANSWER, opened.counter.to_bytes(ANSWER_BODY, "big"))
        self._meeting.heard(hello, now)

    def _hello_answered(self, opened: Opened, now: float) -> None:
        told = self._path.pair is not None or self._meeting.round_trip is not None
        answered = self._meeting.answers(int.from_bytes(opened.body, "big"), now)
        if answered and self._take(opened, now) and not told:
            self._steps.append(self.path)

    def _choose(self, now: float) -> None:
        if self._leads:
            self._nominator.consider(self._path.pair, now)

    def _use(self, pair: Pair, now: float) -> None:
        if self._path.use(pair, now):
            self._meeting.settle()
            self._steps.append(self.path)

    def _say(self, kind: Kind, body: bytes = b"") -> None:
        pair = self._path.pair
        if pair is None:
            self._relay(kind, body)
        else:
            self._steps.append(Send(*pair, self._tunnel.outbound.seal(kind, body)))

    def _relay(self, kind: Kind, body: bytes = b"") -> None:
        self._steps.append(Relay(self._tunnel.outbound.seal(kind, body)))

    def _end(self, reason: str) -> None:
        self.over = True
        self._sockets.close_but(LFCP_SOCKET)
        self._steps.append(Over(reason))
