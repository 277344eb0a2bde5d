"""Sockets of the laboratory's machines, and what comes to them."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

from tests.netlab.namespaces import Namespace
from tests.waiting import LIMIT

NOT_COMING = 0.3  # s without a datagram after which none comes: on a good line it takes less than a thousandth of that
Address = tuple[str, int]


def udp_socket(machine: Namespace, port: int = 0, family: int = socket.AF_INET) -> socket.socket:
    """Bound to every address of the machine. port: 0 for any."""
    with machine.entered():
        made = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind(("", port))
    return made


def came(receiver: socket.socket, patience: float = LIMIT) -> tuple[bytes, Address] | None:
    """The next datagram and where it seems to come from. None if nothing comes."""
    receiver.settimeout(patience)
    try:
        payload, address = receiver.recvfrom(65_536)
    except TimeoutError:
        return None
    return payload, (address[0], address[1])


def seen_from(payload: bytes, sender: socket.socket, to: Address, receiver: socket.socket) -> Address:
    """Sends it, and the receiver gets it, from there as it seems. For good lines."""
    sender.sendto(payload, to)
    while (heard := came(receiver)) is not None:
        if heard[0] == payload:
            return heard[1]
    raise AssertionError(f"{payload!r} did not come from {sender.getsockname()} over {to}")


def is_shut_out(payload: bytes, sender: socket.socket, to: Address, receiver: socket.socket) -> bool:
    """Sends it, and the receiver does not get it."""
    sender.sendto(payload, to)
    while (heard := came(receiver, NOT_COMING)) is not None:
        if heard[0] == payload:
            return False
    return True


@contextmanager
def spoofing(machine: Namespace) -> Iterator[socket.socket]:
    """Of a machine that sends what is no datagram of its own: give it `datagram_frames.packet(...)`."""
    with machine.entered():
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with closing(raw):
        yield raw
