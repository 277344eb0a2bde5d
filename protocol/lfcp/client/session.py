"""A device's side of LFCP towards one or more servers, without I/O: bytes and times in, bytes and events out. With a
key it speaks LFCP/2, without one LFCP/1.

    session = ClientSession("cam1", ("A", "B"), 20.0, random.random, report=Report(boot_id=…), key=key, memory=memory)
    loop: send everything in session.poll(now), wait for a datagram or until session.next_wakeup();
          for a datagram: for event in session.receive(server, data, now): …
    ladder, beside it: what poll_ladder(now) gives, from sockets of its own, and what comes there to receive()
    pictures, on a TCP connection to each server: what poll_picture(server, now) gives, then its answer to receive()

Times are monotonic seconds. A frame is one datagram; over TCP it is followed by LF.
"""

import math
from collections import deque
from collections.abc import Callable, Collection, Mapping

from lfcp.client.beats import Beats
from lfcp.client.commands import Commands
from lfcp.client.dialect import Dialect, Link
from lfcp.client.event_queue import MESSAGES, EventQueue
from lfcp.client.events import ClientEvent, HeartbeatAcknowledged, MessageAcknowledged, PictureAcknowledged
from lfcp.client.heard import BeatAnswered, Commanded, Heard, MessageStored, PictureAnswered, Synchronised
from lfcp.client.introductions import Introductions
from lfcp.client.keepalive import UNLEARNED, Keepalive
from lfcp.client.ladder import Ladder
from lfcp.client.memory import DeviceMemory, Notebook, VolatileMemory
from lfcp.client.path_session import MAX_KEEPS_REMEMBERED, PathSession
from lfcp.client.peer import Peer, new_peer
from lfcp.client.picture_session import PictureSession
from lfcp.client.plain import Plain
from lfcp.client.signed import Signed
from lfcp.constants import MAX_REPORT_INTERVAL, VERBS, Verb
from lfcp.errors import ProtocolError
from lfcp.reading import decode
from lfcp.report import Report
from lfcp.text import check_name, safe_text

MAX_SERVERS = 8
COMMANDS = frozenset(Verb(verb) for verb, entry in VERBS.items() if entry.command)


class ClientSession(PictureSession, PathSession):
    """name: the device's. servers: their labels, one letter each. interval: s between heartbeats, until a server allows
    less; None: as its NAT needs them, which a device with a key learns by the ladder. jitter: gives numbers from 0 to
    1. report: the boot id, and how detector and camera are at the start; with `probing` and a key it says what the NAT
    does too; None: heartbeats without a report, without a key only. commands: those that the device can carry out.
    key: its 32 bytes, which need a boot id and a memory. ladder: None: the one of docs/protocol.md. Raises
    ProtocolError for a bad name, ValueError for bad numbers. Where a memory is read or written, what it raises comes
    through."""

    def __init__(
        self,
        name: str,
        servers: tuple[str, ...],
        interval: float | None,
        jitter: Callable[[], float],
        *,
        report: Report | None = None,
        commands: Collection[str] = COMMANDS,
        key: bytes | None = None,
        memory: DeviceMemory | None = None,
        ladder: Ladder | None = None,
    ) -> None:
        if not 1 <= len(servers) <= MAX_SERVERS or len(set(servers)) < len(servers):
            raise ValueError(f"servers must be 1 to {MAX_SERVERS} with different labels, not {servers}")
        if interval is not None and not 1 <= interval <= MAX_REPORT_INTERVAL:
            raise ValueError(f"interval must be 1 to {MAX_REPORT_INTERVAL} s, not {interval}")
        self.name = check_name(name)
        self.report = report
        self.failover = False  # the caller begins and ends failover alarm mode; heartbeats report it
        self.rejected = 0  # frames that made no sense, or did not prove to be the server's and new
        self._queue = EventQueue(servers)
        self._notebook = Notebook(memory or VolatileMemory())
        self._commands = Commands(commands, self._queue, self._notebook)
        self._introductions = Introductions(self._commands.acks)
        learns = key is not None and interval is None
        self._keepalive = Keepalive((ladder or Ladder()) if learns else None, servers)
        self._keeps: deque[int] = deque(maxlen=MAX_KEEPS_REMEMBERED)
        self._signs = key is not None
        dialect = self._dialect(key, memory)
        own = UNLEARNED if interval is None else interval
        self._peers = {label: new_peer(label, dialect, self._queue, own, jitter) for label in servers}

    @property
    def displaced(self) -> int:
        """Messages that gave way to others in a full queue before every server had them."""
        return self._queue.displaced

    @property
    def missed(self) -> int:
        """Regular heartbeats in a row that no server answered before the next one: FAILOVER_MISSES begin failover."""
        return min(peer.beats.missed for peer in self._peers.values())

    @property
    def settings(self) -> Mapping[str, int]:
        """What CONF gave, by name."""
        return self._notebook.kept.settings

    @property
    def may_sleep(self) -> bool:
        """Every server knows of the declared sleep, or was told often enough, and nothing else is on its way."""
        return self.next_wakeup() == math.inf

    @property
    def busy(self) -> bool:
        """A command is being carried out."""
        return self._commands.busy

    def poll(self, now: float) -> list[tuple[str, bytes]]:
        """(server, frame) pairs to send now, in this order."""
        owed = self._commands.owed()
        frames = [(label, peer.link.acknowledge(ack)) for label, peer in self._peers.items() for ack in owed[label]]
        for peer in self._peers.values():
            frames += self._due(peer, now)
        return frames

    def next_wakeup(self) -> float:
        """When poll() has something to send next; in the past: now."""
        if self._commands.acks:
            return -math.inf
        return min(
            min(peer.beats.next_wakeup(), peer.messages.next_wakeup(), self._next_request(peer))
            for peer in self._peers.values()
        )

    def queue(self, verb: Verb, text: str, now: float) -> bool:
        """Tell every server, with LOG, ERR or MOAL. The text is made fit for a frame. False: no room for it."""
        if verb not in MESSAGES:
            raise ValueError(f"{verb} is no message")
        return self._queue.put(verb, safe_text(text), now)

    def declare_sleep(self, seconds: int) -> None:
        """Tell every server, with SLEP in place of heartbeats. Poll until may_sleep; after the sleep call wake()."""
        if not 1 <= seconds <= MAX_REPORT_INTERVAL:
            raise ValueError(f"a sleep must be 1 to {MAX_REPORT_INTERVAL} s, not {seconds}")
        for peer in self._peers.values():
            peer.beats.declare_sleep(seconds)
        self._keepalive.stop()

    def wake(self) -> None:
        """A sleep is over, or will not be."""
        for peer in self._peers.values():
            peer.beats.wake()

    def receive(self, server: str, data: bytes, now: float) -> list[ClientEvent]:
        """A datagram from this server. What is no frame for this device is counted and otherwise ignored."""
        peer = self._peers[server]
        heard = self._read(peer, data, now)
        if heard is None:
            self.rejected += 1
            return []
        peer.beats.heard()
        self._queue.heard(server)
        match heard:
            case Commanded():
                if heard.beat is not None:
                    peer.beats.answered(heard.beat, peer.beats.proven)
                return [*self._commands.take(server, heard, now)]
            case BeatAnswered():
                return self._answered(peer, heard, now)
            case PictureAnswered(answer):
                peer.pictures.answered(answer, now)
                return [PictureAcknowledged(server, answer.upload, answer.result, answer.reason)]
            case MessageStored(message) if peer.messages.acknowledged(message, now):
                return [MessageAcknowledged(server, message.verb, message.text)]
            case Synchronised(raised=True):
                peer.beats.at_once()
        return self._take_path(peer, heard, now)

    def command_done(self) -> None:
        """An ACK for the command that was received; poll() sends it. What a switch or a setting changes is reported
        from now on. If the memory raises, it was not done: call command_failed(), and do not restart or sleep."""
        command = self._commands.done()
        if self.report is not None:
            self.report = _switched(self.report, command.verb)

    def why_not(self, verb: str, params: tuple[str, ...]) -> str | None:
        """Why a command that no server sent, but somebody who is directly connected, cannot be carried out."""
        return self._commands.why_not(verb, params)

    def obeyed(self, verb: str, params: tuple[str, ...]) -> None:
        """Such a command was: what it changes is kept, and reported from now on. Raises what the memory raises."""
        self._commands.keep(verb, params)
        if self.report is not None:
            self.report = _switched(self.report, verb)

    def command_failed(self, details: str, now: float) -> bool:
        """The ACK all the same, then an ERR to every server. False: no room for the ERR."""
        return self._commands.failed(details, now)

    def _dialect(self, key: bytes | None, memory: DeviceMemory | None) -> Dialect:
        if key is None:
            return Plain(self.name)
        if memory is None or self.report is None or self.report.boot_id is None:
            raise ValueError("a key needs a memory and a report with a boot id")
        return Signed(self.name, self.report.boot_id, key, self._notebook)

    def _due(self, peer: Peer, now: float) -> list[tuple[str, bytes]]:
        label, link, beats, messages, _ = peer
        frames = self._requests(peer, now)
        message = messages.poll(now)
        if message is not None:
            frames.append((label, link.message(message, now)))
        if beats.poll(now):
            frames.append((label, self._beat(link, beats)))
        return frames

    def _beat(self, link: Link, beats: Beats) -> bytes:
        if beats.sleep is not None:
            return link.sleep(beats.sleep)
        if self.report is None:
            return link.heartbeat(None)
        report = self.report._replace(interval=int(beats.interval), wanted_version=self._commands.version)
        if self.failover:
            report = report._replace(failover=True, detector=True)
        if self._signs and report.probing:
            report = report._replace(mapping=self.mapping, life=self.life)
        return link.heartbeat(report)

    def _read(self, peer: Peer, data: bytes, now: float) -> Heard | None:
        try:
            message = decode(data)
        except ProtocolError:
            return None
        return peer.link.read(message, data, now) if message.name == self.name else None

    def _answered(self, peer: Peer, heard: BeatAnswered, now: float) -> list[ClientEvent]:
        peer.beats.answered(heard.beat, not heard.again)
        if heard.interval is not None:
            peer.beats.allow(heard.interval)
        if heard.again:
            peer.beats.asked(heard.beat)
        self._beat_answered(peer, heard, now)
        return [HeartbeatAcknowledged(peer.label, heard.interval)]


def _switched(report: Report, verb: str) -> Report:
    """What it says once the command is done."""
    if verb in (Verb.ENAL, Verb.DSAL):
        return report._replace(detector=verb == Verb.ENAL)
    if verb in (Verb.WCAM, Verb.SCAM):
        return report._replace(camera=verb == Verb.WCAM)
    return report
