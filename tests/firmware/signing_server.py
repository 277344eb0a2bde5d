"""A server of LFCP/2 on a real socket, for tests of the device's side: it answers as docs/protocol.md says, keeps every
frame that it got, and sends what a test tells it to."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from lfcp import Message, Verb, decode
from lfcp.authenticator import Purpose, Way, derive, key_from_text, verified
from lfcp.messages import UNUSED
from tests.protocol.small_server import SmallServer, counter_of
from tests.waiting import LIMIT

MESSAGES = {Verb.LOG, Verb.ERR, Verb.MOAL}
LOOK_EVERY = 0.05  # s


class Captured(NamedTuple):
    data: bytes
    message: Message
    address: tuple[str, int]

    @property
    def counter(self) -> int:
        assert self.message.signature is not None
        return self.message.signature.counter

    @property
    def boot_id(self) -> str:
        return self.message.params[2].partition(".")[0]

    @property
    def echo(self) -> int:
        return int(self.message.params[2].partition(".")[2], 16)


class SigningServer:
    """silent: it hears and does not answer. host: of the loopback. port_step: it sees ports that are so much higher, as
    behind a NAT."""

    def __init__(self, name: str, key: str, label: str = "A", host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.settimeout(LOOK_EVERY)
        self._says = SmallServer(name, label, key, down=time.time_ns() // 1_000_000_000 << 20)
        self._tag_key = derive(key_from_text(key), Purpose.TAG, Way.UP, label)
        self._started_at = self._says.down
        self._later: list[tuple[float, str, tuple[str, int]]] = []  # answers to KEEP
        self.silent = False
        self.port_step = 0
        self.highest = 0
        self.captured: list[Captured] = []
        written = f"[{host}]" if ":" in host else host
        self.option = ("--server", f"{label}={written}:{self._socket.getsockname()[1]}")

    def close(self) -> None:
        self._socket.close()

    def of(self, verb: Verb) -> list[Captured]:
        return [each for each in self.captured if each.message.verb == verb]

    def proven(self) -> bool:
        """A heartbeat came that echoes what this server sent."""
        return any(beat.echo > self._started_at for beat in self.of(Verb.HEARTBEAT))

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Serves meanwhile."""
        deadline = time.monotonic() + LIMIT
        while not condition():
            assert time.monotonic() < deadline, f"waited {LIMIT:.0f} s for {what}; got {self.captured}"
            self._serve_one()

    def push(self, command_id: str, verb: Verb, *params: str) -> None:
        self.send(self._says.command(command_id, verb, *params))

    def send(self, frame: str) -> None:
        """To where the device was heard last, the ladder's sockets aside."""
        heard = next(each for each in reversed(self.captured) if each.message.verb != Verb.KEEP)
        self._socket.sendto(frame.encode(), heard.address)

    def probe(self) -> str:
        """Sends PROB; its counter."""
        self.send(self._says.says(Verb.PROB))
        return f"{self._says.down:x}"

    def answers(self, command_id: str) -> list[str]:
        """Results of the device's ACKs of this command."""
        acks = (each.message.params for each in self.of(Verb.ACK))
        return [params[1] for params in acks if params[3] == command_id]

    def _serve_one(self) -> None:
        self._answer_keeps()
        try:
            data, address = self._socket.recvfrom(65_535)
        except TimeoutError:
            return
        message = decode(data)
        assert message.signature is not None, data
        assert verified(self._tag_key, data), data
        frame = Captured(data, message, address)
        self.captured.append(frame)
        if not self.silent:
            self._answer(frame)
        self.highest = max(self.highest, frame.counter)

    def _answer(self, frame: Captured) -> None:
        text = frame.data.decode()
        if frame.counter <= self.highest:
            if frame.message.verb == Verb.HEARTBEAT:
                self.send(self._says.sync(self.highest, frame.boot_id))
        elif frame.message.verb == Verb.HEARTBEAT:
            again = str(int(frame.echo <= self._started_at))
            self.send(self._says.says(Verb.ACK, counter_of(text), again, self._seen(frame), "26"))
        elif frame.message.verb == Verb.KEEP:
            due = time.monotonic() + int(frame.message.params[0]) / 1000
            self._later.append((due, counter_of(text), frame.address))
        elif frame.message.verb == Verb.SLEP:
            self.send(self._says.sleep_ack(text))
        elif frame.message.verb in MESSAGES:
            self.send(self._says.message_ack(text))

    def _seen(self, frame: Captured) -> str:
        host, port = frame.address[:2]
        return f"[{host}]:{port + self.port_step}" if ":" in host else f"{host}:{port + self.port_step}"

    def _answer_keeps(self) -> None:
        now = time.monotonic()
        for due, counter, address in self._later:
            if due <= now:
                self._socket.sendto(self._says.says(Verb.ACK, counter, "0", UNUSED).encode(), address)
        self._later = [each for each in self._later if each[0] > now]


@contextmanager
def signing_server(name: str, key: str, label: str = "A", host: str = "127.0.0.1") -> Iterator[SigningServer]:
    server = SigningServer(name, key, label, host)
    try:
        yield server
    finally:
        server.close()
