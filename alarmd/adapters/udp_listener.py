"""LFCP over UDP: stamps one Instant on a batch of datagrams and makes inputs of them. Nothing else happens here."""

import contextlib
import socket
import struct
from collections.abc import Callable, Sequence

import structlog
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from alarmd.adapters.addresses import address_of, path_of
from alarmd.adapters.datagram_batches import BATCH, DatagramBatches, Drops, OneByOne
from alarmd.adapters.flow_cache import FlowCache, Flows
from alarmd.adapters.sockets import Sockets
from alarmd.core.effects import CacheHeartbeat, TakePart
from alarmd.core.inputs import FrameReceived, HeartbeatsRepeated, Input
from alarmd.core.instant import Instant
from alarmd.core.paths import Path
from alarmd.metrics import Metrics

LISTENER = "udp"
RECEIVE_BUFFER = 16 * 1024 * 1024  # bytes; the default of 208 KiB lost datagrams with 200 devices at once
MAX_DRAIN = 1024 * BATCH  # datagrams read at one go before a late timer is judged

_SO_RCVBUFFORCE = 33  # Linux: beyond net.core.rmem_max, with CAP_NET_ADMIN
_SO_MEMINFO = 55  # Linux: what the socket's memory is used for; the ninth number counts its losses
_MEMINFO = struct.Struct("9I")

_log = structlog.get_logger(__name__)

Submit = Callable[[Sequence[Input], Instant], None]
MakeBatches = Callable[[socket.socket, Flows, Drops], DatagramBatches]


@implementer(IReadDescriptor)
class UdpListener:
    """One bound, non-blocking socket on the reactor."""

    def __init__(
        self,
        sock: socket.socket,
        *,
        sockets: Sockets,
        flow_cache: FlowCache,
        submit: Submit,
        now: Callable[[], Instant],
        metrics: Metrics,
        make_batches: MakeBatches = OneByOne,
    ) -> None:
        self._socket = sock
        self._sockets = sockets
        self._flow_cache = flow_cache
        self._flows: Flows = {}
        self._submit = submit
        self._now = now
        self._metrics = metrics
        self._batches = make_batches(sock, self._flows, self._count_drop)
        self._number = sockets.add(self)
        enlarge_receive_buffer(sock)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it is bound to."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    def start(self, reactor: IReactorFDSet) -> None:
        reactor.addReader(self)

    def stop(self, reactor: IReactorFDSet) -> None:
        """Read nothing more; frames can still be sent until close."""
        reactor.removeReader(self)

    def close_socket(self) -> None:
        self._sockets.remove(self._number)
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:  # noqa: N802  Twisted's name
        return LISTENER

    def doRead(self) -> None:  # noqa: N802  Twisted's name
        self._read_batch()

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802  Twisted's name
        """Twisted gives up on a descriptor whose doRead raised; nothing here does, so this is a defect: tell it."""
        if self.fileno() != -1:
            _log.error("the UDP listener was taken out of the reactor", reason=str(reason.value))

    def drain(self) -> None:
        """Read what already waits, so that no device is judged by a heartbeat that lies unread."""
        for _ in range(MAX_DRAIN // BATCH):
            if not self._read_batch():
                return

    def losses(self) -> int:
        """Datagrams that the kernel dropped since the start because the receive buffer was full; 0 if unknown."""
        with contextlib.suppress(OSError, struct.error):
            return int(_MEMINFO.unpack(self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))[8])
        return 0

    def send(self, path: Path, payload: bytes) -> None:
        self._batches.send_batch([(payload, address_of(path))])

    def stop_reading(self, path: Path) -> None:
        """A datagram has no connection."""

    def close(self, path: Path) -> None:
        """A datagram has no connection."""

    def take(self, taken: TakePart) -> None:
        """The rules take no picture in datagrams."""

    def cache(self, heartbeat: CacheHeartbeat) -> None:
        address = address_of(heartbeat.path)
        self._flow_cache.admit(self._flows, heartbeat.session, heartbeat.payload, address, heartbeat.reply)

    def _read_batch(self) -> bool:
        """One batch through the engine; whether there may be more."""
        sessions, others, full = self._batches.receive_batch()
        inputs: list[Input] = [HeartbeatsRepeated(sessions)] if sessions else []
        number = self._number
        for payload, address in others:
            inputs.append(FrameReceived(payload, path_of("udp", address, number)))
        if inputs:
            self._submit(inputs, self._now())
        if sessions:
            self._metrics.heartbeats(len(sessions))
        return full

    def _count_drop(self, reason: str) -> None:
        self._metrics.dropped(LISTENER, reason)


def enlarge_receive_buffer(sock: socket.socket) -> int:
    """As near to RECEIVE_BUFFER as the system allows; bytes that it gave."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
