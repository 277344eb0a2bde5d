"""The part of a session that sees to its way through NATs, and to whom it meets: docs/protocol.md, "Through NAT" and
"Rendezvous". With a key only."""

import math
import re
from collections import deque
from collections.abc import Mapping as ByServer
from typing import NamedTuple

from lfcp.candidates import MAX_PORT, Address, Mapping
from lfcp.client.commands import Commands, OwedAck
from lfcp.client.events import ClientEvent, KeepAnswered, SessionOver
from lfcp.client.heard import BeatAnswered, Heard, KeepHeard, Probed, RequestAnswered, Summoned
from lfcp.client.introductions import Introductions
from lfcp.client.keepalive import Keepalive
from lfcp.client.peer import Peer
from lfcp.constants import KEEP_MOST_MS, RendezvousReason
from lfcp.text import check_name

MAX_KEEPS_REMEMBERED = 64  # of keep(); an answer to an older one is not told
_OPTIONS = re.compile(r"-|[a-z]{1,8}")


class Probe(NamedTuple):
    """A frame of the ladder. socket: a number that was never used before, or an open one."""

    socket: int
    server: str
    frame: bytes


class PathSession:
    """Of ClientSession, which says what it is made of. Times are monotonic seconds."""

    _commands: Commands
    _introductions: Introductions
    _keepalive: Keepalive
    _keeps: deque[int]  # counters that keep() gave
    _peers: ByServer[str, Peer]
    _signs: bool

    @property
    def mapping(self) -> Mapping:
        """How the NAT maps the main socket, as far as known."""
        return self._keepalive.view.mapping

    @property
    def direction(self) -> int:
        """How a NAT of Mapping.SEQUENTIAL counts ports: 1 or -1."""
        return self._keepalive.view.direction

    @property
    def life(self) -> int:
        """s that a mapping outlives; 0: not known."""
        return self._keepalive.life

    def seen_by(self, server: str) -> Address | None:
        """Where this server saw the main socket last."""
        return self._keepalive.view.seen_by(server)

    @property
    def deaf(self) -> bool:
        """A regular heartbeat and its repetitions were not answered by a server that was heard on this socket before,
        or by none. Look after poll(): open another socket, call rebound(), and send from that one."""
        beats = [peer.beats for peer in self._peers.values()]
        return any(each.deaf and each.heard_here for each in beats) or all(each.deaf for each in beats)

    def rebound(self, now: float) -> None:
        """The main socket is another one. Every server hears from it at once."""
        self._keepalive.rebound()
        for peer in self._peers.values():
            peer.beats.rebound(now)

    def network_changed(self, now: float) -> None:
        """The device is in another network, or has another address in it: what was learned of the NAT is forgotten."""
        self.rebound(now)
        self._keepalive.moved()
        self._use_interval()

    def poll_ladder(self, now: float) -> list[Probe]:
        """Frames to send now, each from the socket with its number: one that has none yet gets a new one."""
        probes = []
        for rung in self._keepalive.poll(now):
            counter, frame = self._peers[self._keepalive.server].link.keep(rung.delay)
            self._keepalive.sent(rung, counter)
            probes.append(Probe(rung.socket, self._keepalive.server, frame))
        self._use_interval()
        return probes

    def next_rung(self) -> float:
        """When poll_ladder() has something to do; math.inf: never before an answer."""
        return self._keepalive.next_wakeup()

    @property
    def ladder_sockets(self) -> frozenset[int]:
        """The numbers of those that are needed still; what comes there goes to receive(). Close the others."""
        return self._keepalive.sockets

    def keep(self, server: str, delay: float = 0.0) -> tuple[int, bytes]:
        """Counter and frame of a KEEP, to be sent from any socket; its answer becomes KeepAnswered. delay: s."""
        if not 0 <= delay <= KEEP_MOST_MS / 1000:
            raise ValueError(f"the delay must be 0 to {KEEP_MOST_MS // 1000} s, not {delay}")
        counter, frame = self._peers[server].link.keep(delay)
        self._keeps.append(counter)
        return counter, frame

    def connect(self, server: str, device: str, port: int = 0, options: str = "-") -> int:
        """Ask for a session with a device, once this session's path is proven, again until it is answered. The
        request's number: ConnectionAccepted or ConnectionRefused names it. Raises ValueError, ProtocolError."""
        if server not in self._peers or not self._signs:
            raise ValueError(f"no server {server!r}, or no key")
        if not 0 <= port <= MAX_PORT or _OPTIONS.fullmatch(options) is None:
            raise ValueError(f"a port is 0 to {MAX_PORT}, options are 1 to 8 letters or '-'")
        return self._introductions.connect(server, check_name(device), port, options)

    def connecting(self, request: int) -> bool:
        """Whether it may be answered still. The session never gives a request up by itself."""
        return self._introductions.asks(request)

    def accept(self, server: str, session: int) -> None:
        """Take an invitation. Raises ValueError for one that is not known."""
        self._introductions.answer(server, session)

    def refuse(self, server: str, session: int, reason: str) -> None:
        """reason: one of the rendezvous reasons. Raises ValueError for an invitation that is not known."""
        self._introductions.answer(server, session, reason)

    def _next_request(self, peer: Peer) -> float:
        return self._introductions.next_wakeup(peer.label) if peer.beats.proven else math.inf

    def _requests(self, peer: Peer, now: float) -> list[tuple[str, bytes]]:
        if not peer.beats.proven:
            return []
        return [(peer.label, peer.link.connect(each)) for each in self._introductions.poll(peer.label, now)]

    def _beat_answered(self, peer: Peer, heard: BeatAnswered, now: float) -> None:
        self._keepalive.beat_answered(peer.label, heard.address, not heard.again, now)

    def _take_path(self, peer: Peer, heard: Heard, now: float) -> list[ClientEvent]:
        match heard:
            case Probed(counter):
                self._commands.acks.append(OwedAck(peer.label, counter, None))
            case KeepHeard(counter, refused, address):
                self._keepalive.answered(counter, refused, now)
                if counter in self._keeps:
                    return [KeepAnswered(peer.label, counter, None if refused else address)]
            case Summoned():
                return [*self._introductions.summoned(heard)]
            case RequestAnswered():
                if heard.reason == RendezvousReason.UNPROVEN:
                    peer.beats.prove()
                return [*self._introductions.answered(heard)]
            case SessionOver():
                return [heard]
        return []

    def _use_interval(self) -> None:
        if self._keepalive.learns:
            for peer in self._peers.values():
                peer.beats.learn(self._keepalive.interval)
