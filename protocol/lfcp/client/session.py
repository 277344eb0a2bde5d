"""A device's side of LFCP/1 towards one or more servers, without I/O: bytes and times in, bytes and events out.

    session = ClientSession("cam1", servers=2, interval=20.0, jitter=random.random)
    loop: send everything in session.poll(now), wait for a datagram or until session.next_wakeup();
          for a datagram: for event in session.receive(server, data, now): …

Times are monotonic seconds. A frame is one datagram; over TCP it is followed by LF.
"""

import math
import re
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from lfcp.client.event_queue import EventQueue, QueuedMessage
from lfcp.client.retransmission import Retransmission
from lfcp.constants import MAX_REPORT_INTERVAL, VERBS, Verb
from lfcp.errors import ProtocolError
from lfcp.messages import UNUSED, Message
from lfcp.reading import decode
from lfcp.report import Report, report_parameters
from lfcp.text import check_name, safe_text
from lfcp.writing import encode

MESSAGES = frozenset({Verb.LOG, Verb.ERR, Verb.MOAL})
MAX_SERVERS = 8
ANSWER_WAIT = 2.0  # s in which a heartbeat's answer is expected
HEARTBEAT_SPREAD = 0.1  # heartbeats come up to this part of the interval early, so that a fleet does not beat in step
_SECONDS = re.compile(r"[1-9][0-9]{0,5}")


class CommandReceived(NamedTuple):
    """Carry it out, then call command_done() or command_failed(), before that of a restart or a sleep."""

    server: int
    verb: str
    params: tuple[str, ...]  # six, unused is "0"


class MessageAcknowledged(NamedTuple):
    """This server has stored the message."""

    server: int
    verb: str
    text: str


class HeartbeatAcknowledged(NamedTuple):
    server: int
    interval: int | None  # s; the longest that the server allows, if it said so


ClientEvent = CommandReceived | MessageAcknowledged | HeartbeatAcknowledged


class _Server:
    """What the device knows of one server."""

    __slots__ = ("interval", "last_heartbeat", "messages", "names_heartbeats", "next_heartbeat", "unanswered")

    def __init__(self, interval: float, messages: Retransmission) -> None:
        self.interval = interval
        self.messages = messages
        self.last_heartbeat = -math.inf
        self.next_heartbeat = -math.inf
        self.unanswered = False  # the last heartbeat was not answered yet
        self.names_heartbeats = False  # its ACKs of heartbeats state an interval, so that they can be told apart


class ClientSession:
    """name: the device's. servers: how many, addressed as 0, 1 …. interval: s between heartbeats, until a server
    allows less. jitter: gives numbers from 0 to 1. report: what each heartbeat reports; may be replaced at any time,
    its interval is filled in. Raises ProtocolError for a bad name, ValueError for bad numbers."""

    def __init__(
        self,
        name: str,
        servers: int,
        interval: float,
        jitter: Callable[[], float],
        report: Report | None = None,
    ) -> None:
        if not 1 <= servers <= MAX_SERVERS:
            raise ValueError(f"servers must be 1 to {MAX_SERVERS}, not {servers}")
        if not 1 <= interval <= MAX_REPORT_INTERVAL:
            raise ValueError(f"interval must be 1 to {MAX_REPORT_INTERVAL} s, not {interval}")
        self.name = check_name(name)
        self.report = report
        self.rejected = 0  # frames that made no sense
        self._interval = interval
        self._jitter = jitter
        self._queue = EventQueue(servers)
        self._servers = [_Server(interval, Retransmission(each, self._queue, jitter)) for each in range(servers)]
        self._acks: deque[tuple[int, bytes]] = deque(maxlen=MAX_SERVERS)
        self._running: CommandReceived | None = None

    @property
    def displaced(self) -> int:
        """Messages that gave way to others in a full queue before every server had them."""
        return self._queue.displaced

    def poll(self, now: float) -> list[tuple[int, bytes]]:
        """(server, frame) pairs to send now, in this order."""
        frames = list(self._acks)
        self._acks.clear()
        for index, server in enumerate(self._servers):
            message = server.messages.poll(now)
            if message is not None:
                frames.append((index, message))
            if now >= server.next_heartbeat:
                frames.append((index, self._heartbeat(server, now)))
        return frames

    def next_wakeup(self) -> float:
        """When poll() has something to send next; in the past: now."""
        if self._acks:
            return -math.inf
        return min(min(server.next_heartbeat, server.messages.next_wakeup()) for server in self._servers)

    def queue(self, verb: Verb, text: str) -> bool:
        """Tell every server, with LOG, ERR or MOAL. The text is made fit for a frame. False: no room for it."""
        if verb not in MESSAGES:
            raise ValueError(f"{verb} is no message")
        fit = safe_text(text)
        return self._queue.put(QueuedMessage(verb, fit, encode(self.name, verb, fit), len(self._servers)))

    def receive(self, server: int, data: bytes, now: float) -> list[ClientEvent]:
        """A datagram from this server. What is no frame for this device is counted and otherwise ignored."""
        try:
            message = decode(data)
        except ProtocolError:
            self.rejected += 1
            return []
        is_command = message.verb in VERBS and VERBS[message.verb].command
        if message.name != self.name or not (is_command or message.verb == Verb.ACK):
            self.rejected += 1
            return []
        self._queue.heard(server)
        return self._command(server, message) if is_command else self._acknowledgement(server, message, now)

    def command_done(self) -> None:
        """One ACK for the command that was received; poll() sends it."""
        if self._running is None:
            raise ValueError("no command is running")
        self._acks.append((self._running.server, encode(self.name, Verb.ACK)))
        self._running = None

    def command_failed(self, details: str) -> bool:
        """The ACK all the same, then an ERR to every server. False: no room for the ERR."""
        self.command_done()
        return self.queue(Verb.ERR, details)

    def _heartbeat(self, server: _Server, now: float) -> bytes:
        server.last_heartbeat = now
        server.unanswered = True
        server.next_heartbeat = now + server.interval * (1 - HEARTBEAT_SPREAD * self._jitter())
        if self.report is None:
            return encode(self.name, Verb.HEARTBEAT)
        report = self.report._replace(interval=int(server.interval))
        return encode(self.name, Verb.HEARTBEAT, *report_parameters(report))

    def _command(self, index: int, message: Message) -> list[ClientEvent]:
        """One at a time. While one is running, a further frame is its repetition, or is repeated by the server."""
        self._servers[index].unanswered = False
        if self._running is not None:
            return []
        self._running = CommandReceived(index, message.verb, message.params)
        return [self._running]

    def _acknowledgement(self, index: int, message: Message, now: float) -> list[ClientEvent]:
        server = self._servers[index]
        allowed = _allowed_interval(message)
        if allowed is not None:
            server.names_heartbeats = True
            server.interval = min(self._interval, allowed)
            server.next_heartbeat = min(server.next_heartbeat, server.last_heartbeat + server.interval)
        if allowed is not None or _answers_heartbeat(server, now):
            server.unanswered = False
            return [HeartbeatAcknowledged(index, allowed)]
        if server.messages.in_flight is None:
            return []  # the late ACK of a message that was sent twice
        arrived = server.messages.acknowledged(now)
        return [MessageAcknowledged(index, arrived.verb, arrived.text)]


def _allowed_interval(message: Message) -> int | None:
    seconds = message.params[3]
    return int(seconds) if seconds != UNUSED and _SECONDS.fullmatch(seconds) else None


def _answers_heartbeat(server: _Server, now: float) -> bool:
    """Whether an ACK that names nothing is a heartbeat's. In doubt it is: then a message is sent once too often
    instead of being lost."""
    if server.names_heartbeats or not server.unanswered:
        return False
    if server.messages.in_flight is None:
        return True
    return now - server.last_heartbeat <= ANSWER_WAIT
