"""A load balancer for UDP as a stranger to LFCP: each datagram goes to a server of its choice, answers go back."""

import random
import selectors
import socket
import threading
from collections.abc import Callable, Sequence

LOOPBACK = "127.0.0.1"

Choose = Callable[[Sequence[int]], int]


class Balancer:
    """Each client keeps one source port towards each server, so that a server sees one address for each device; as a
    balancer does that rewrites addresses. backends: ports; may be changed while it runs. choose: one of them, for each
    datagram."""

    def __init__(self, backends: Sequence[int], choose: Choose) -> None:
        self.backends = list(backends)
        self._choose = choose
        self._selector = selectors.DefaultSelector()
        self._front = _bound()
        self._selector.register(self._front, selectors.EVENT_READ, None)
        self._ways: dict[tuple[str, int], socket.socket] = {}
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="balancer", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._front.getsockname()[1])

    def close(self) -> None:
        self._stopping = True
        self._thread.join()
        for one in (self._front, *self._ways.values()):
            one.close()

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select(0.05):
                if key.data is None:
                    self._forward()
                else:
                    self._back(key.fileobj, key.data)  # type: ignore[arg-type]  # ours are sockets

    def _forward(self) -> None:
        payload, client = self._front.recvfrom(2048)
        way = self._ways.get(client)
        if way is None:
            way = self._ways[client] = _bound()
            self._selector.register(way, selectors.EVENT_READ, client)
        if self.backends:
            way.sendto(payload, (LOOPBACK, self._choose(self.backends)))

    def _back(self, way: socket.socket, client: tuple[str, int]) -> None:
        try:
            self._front.sendto(way.recv(2048), client)
        except ConnectionError:  # a server that was killed
            return


def at_random(seed: int) -> Choose:
    return random.Random(seed).choice


def _bound() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((LOOPBACK, 0))
    return sock
