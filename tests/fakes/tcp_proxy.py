"""A line that can be cut: everything goes on to a real server until a test wants otherwise."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PIECE = 4096  # bytes
CONTINUE = b"HTTP/1.1 100 "  # no answer yet
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets the connection


class TcpProxy:
    """cut_after: bytes of a client, after which its connection is reset; None: never. cut_answers: the request goes
    through, and its answer does not. said: what clients sent, of all connections."""

    def __init__(self, to: tuple[str, int]) -> None:
        self.cut_after: int | None = None
        self.cut_answers = False
        self.said = b""
        self.connections = 0
        self._to = to
        self._open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        for one in self._open:
            _shut(one)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(self._to)
            self._open += [client, server]
            threading.Thread(target=self._forth, args=(client, server), daemon=True).start()
            threading.Thread(target=self._back, args=(client, server), daemon=True).start()

    def _forth(self, client: socket.socket, server: socket.socket) -> None:
        taken = 0
        with suppress(OSError):
            while piece := client.recv(PIECE):
                self.said += piece
                left = len(piece) if self.cut_after is None else self.cut_after - taken
                server.sendall(piece[: max(0, left)])
                taken += len(piece)
                if self.cut_after is not None and taken >= self.cut_after:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    break
        _shut(server)
        _shut(client)

    def _back(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while piece := server.recv(PIECE):
                if self.cut_answers and not piece.startswith(CONTINUE):
                    break
                client.sendall(piece)
        _shut(client)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def tcp_proxy(host: str, port: int) -> Iterator[TcpProxy]:
    made = TcpProxy((host, port))
    try:
        yield made
    finally:
        made.close()
