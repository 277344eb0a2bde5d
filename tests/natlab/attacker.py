"""Who sees all that a device says and hears, has a machine with an address of its own beside, and no key."""

import select
import threading
from collections.abc import Callable
from dataclasses import replace

from tests.natlab.datagram_frames import Datagram, datagram_in, with_datagram
from tests.natlab.laboratory import Laboratory
from tests.natlab.sockets import udp_socket
from tests.netlab.relay import Passing

LOOK_EVERY = 0.2  # s
TO_THE_DEVICE = 0  # an end of its line
MAX_DATAGRAM = 65_536  # bytes
Passes = Callable[[Passing, Datagram], list[Passing]]


class Attacker:
    """device: on whose line he sits; it must be one of the laboratory's `lines`. server: whom he deceives. heard: what
    the device said to the server since. spent, gained: bytes that he sent to the server from his own address, and that
    it sent there. answers: datagrams that it sent there."""

    def __init__(self, lab: Laboratory, device: str, server: tuple[str, int]) -> None:
        self.heard: list[bytes] = []
        self.spent = self.gained = self.answers = 0
        self.address = lab.address("open")
        self._server = server
        self._line = lab.lines[device]
        self._socket = udp_socket(lab["open"])
        self._delay = 0.0
        self._copies = self._forwards = False
        self._to_the_device: Passing | None = None  # a frame of the server's, for its addresses
        self._closing = False
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()
        self._line.man = self._man

    def copy_at_once(self, delay: float) -> None:
        """Whatever the device says leaves from his address first; its own datagram is held for so many s. What the
        server answers him he passes on to the device as the server's."""
        self._copies = self._forwards = True
        self._delay = delay

    def send(self, payload: bytes) -> None:
        self.spent += len(payload)
        self._socket.sendto(payload, self._server)

    def replay(self) -> None:
        for payload in list(self.heard):
            self.send(payload)

    def close(self) -> None:
        self._line.man = None
        self._closing = True
        self._listening.join()
        self._socket.close()

    def _man(self, passing: Passing) -> list[Passing]:
        seen = datagram_in(passing.frame)
        if seen is None:
            return [passing]
        if seen.source == self._server:
            self._to_the_device = passing
        if seen.destination != self._server:
            return [passing]
        self.heard.append(seen.payload)
        if self._copies:
            self.send(seen.payload)
        return [replace(passing, late=self._delay)]

    def _listen(self) -> None:
        while not self._closing:
            ready, _, _ = select.select([self._socket], [], [], LOOK_EVERY)
            if ready:
                self._answered(self._socket.recv(MAX_DATAGRAM))

    def _answered(self, payload: bytes) -> None:
        self.gained += len(payload)
        self.answers += 1
        model = self._to_the_device
        if self._forwards and model is not None:
            seen = datagram_in(model.frame)
            assert seen is not None
            forged = with_datagram(model.frame, replace(seen, payload=payload))
            self._line.inject(replace(model, frame=forged))
