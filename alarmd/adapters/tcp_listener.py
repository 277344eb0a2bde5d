"""LFCP over TCP: the same frames, one a line, on the same port number."""

from collections.abc import Callable, Iterable, Sequence

from alarmd.adapters.sockets import Sockets
from alarmd.adapters.tcp_connection import LineConnection
from alarmd.adapters.uploads import Uploads
from alarmd.core.effects import CacheHeartbeat, TakePart
from alarmd.core.inputs import ConnectionClosed, FrameReceived, Input
from alarmd.core.instant import Instant
from alarmd.core.paths import Path

LISTENER = "tcp"

Submit = Callable[[Iterable[Input], Instant], None]


class TcpPeer:
    """The endpoint of one connection's path."""

    def __init__(self, connection: LineConnection, uploads: Uploads) -> None:
        self._connection = connection
        self._uploads = uploads

    def send(self, _path: Path, payload: bytes) -> None:
        self._connection.write(payload + b"\n")

    def stop_reading(self, _path: Path) -> None:
        self._connection.deaf = True

    def close(self, _path: Path) -> None:
        self._connection.close()

    def cache(self, heartbeat: CacheHeartbeat) -> None:
        """Lines are read one by one anyway; only datagrams are answered from the cache."""

    def take(self, taken: TakePart) -> None:
        self._uploads.take(self._connection, taken)


class LfcpLines:
    """Makes inputs of lines. close_when_answered(path): closes after everything owed to that peer was sent."""

    def __init__(
        self,
        sockets: Sockets,
        submit: Submit,
        close_when_answered: Callable[[Path], None],
        uploads: Uploads,
        now: Callable[[], Instant],
    ) -> None:
        self._sockets = sockets
        self._submit = submit
        self._close_when_answered = close_when_answered
        self._uploads = uploads
        self._now = now

    def opened(self, connection: LineConnection) -> None:
        connection.path = connection.path._replace(socket=self._sockets.add(TcpPeer(connection, self._uploads)))

    def lines(self, connection: LineConnection, lines: Sequence[bytes]) -> None:
        """Lazily, so that nothing is read of what stands behind the line at which the rules closed the connection."""
        path = connection.path
        frames = (FrameReceived(line, path) for line in lines if not connection.deaf)
        self._submit(frames, self._now())

    def ended(self, connection: LineConnection) -> None:
        if not self._uploads.owes(connection):
            self._close_when_answered(connection.path)

    def closed(self, connection: LineConnection) -> None:
        self._sockets.remove(connection.path.socket)
        self._uploads.closed(connection)
        self._submit([ConnectionClosed(connection.path)], self._now())
