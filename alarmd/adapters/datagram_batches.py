"""Datagrams in batches: what a listener asks of a socket, and how every system can do it.

The interface is shaped for recvmmsg and sendmmsg, with which a batch is one system call each way and the look-up works
on the raw slot: therefore the batch answers known flows itself, and hands out only what the engine must see.
"""

import errno
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from alarmd.adapters.flow_cache import Address, Flows

if TYPE_CHECKING:
    from alarmd.core.device_session import DeviceSession

BATCH = 64  # datagrams; more gained nothing with recvmmsg, and it bounds how long other sockets wait
MAX_DATAGRAM = 2048  # bytes read of one; the longest legal frame has 512, the rest of a longer one is cut off

Datagram = tuple[bytes, Address]
Drops = Callable[[str], None]  # told the reason code of each datagram that could not be received or sent

_REASONS = {
    errno.EAGAIN: "send_buffer_full",
    errno.ENOBUFS: "send_buffer_full",
    errno.ECONNREFUSED: "refused",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EPERM: "not_permitted",
    errno.EACCES: "not_permitted",
    errno.EINVAL: "invalid_address",
    errno.EADDRNOTAVAIL: "invalid_address",
    errno.EMSGSIZE: "too_long",
}


class Batch(NamedTuple):
    """sessions: of the heartbeats that were answered from the flows. others: for the engine. full: there may be more
    to read at once."""

    sessions: "list[DeviceSession]"
    others: list[Datagram]
    full: bool


class DatagramBatches(Protocol):
    def receive_batch(self) -> Batch:
        """Up to BATCH datagrams, without waiting. Never raises on what the network did."""
        ...

    def send_batch(self, datagrams: Iterable[Datagram]) -> None:
        """Send, or count as dropped; never waits, never raises."""
        ...


def drop_reason(error: OSError) -> str:
    return _REASONS.get(error.errno or 0, "other")


class OneByOne:
    """recvfrom and sendto: a system call for each datagram, available everywhere."""

    def __init__(self, sock: socket.socket, flows: Flows, dropped: Drops) -> None:
        self._receive = sock.recvfrom
        self._send = sock.sendto
        self._known = flows.get
        self._dropped = dropped

    def receive_batch(self) -> Batch:
        sessions: list[DeviceSession] = []
        others: list[Datagram] = []
        receive, send, known = self._receive, self._send, self._known
        for _ in range(BATCH):
            try:
                datagram = receive(MAX_DATAGRAM)
            except BlockingIOError:
                return Batch(sessions, others, False)
            except OSError as error:  # an ICMP error that came back: it took a place in the queue, no more
                self._dropped(drop_reason(error))
                continue
            flow = known(datagram)
            if flow is None:
                others.append(datagram)
                continue
            sessions.append(flow[0])
            try:
                send(flow[1], datagram[1])
            except OSError as error:
                self._dropped(drop_reason(error))
        return Batch(sessions, others, True)

    def send_batch(self, datagrams: Iterable[Datagram]) -> None:
        for payload, address in datagrams:
            try:
                self._send(payload, address)
            except (OSError, OverflowError) as error:  # OverflowError: no such port
                self._dropped(drop_reason(error) if isinstance(error, OSError) else "invalid_address")
