import errno
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from alarmd.adapters.datagram_batches import BATCH, MAX_DATAGRAM, OneByOne, drop_reason
from alarmd.adapters.flow_cache import Flows

LOCALHOST = "127.0.0.1"
LARGEST = 65_507  # bytes that IPv4 lets a datagram have


class Pair:
    """A socket with its batches, and a device that talks to it."""

    def __init__(self) -> None:
        self.server, self.device = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for sock in (self.server, self.device):
            sock.bind((LOCALHOST, 0))
        self.server.setblocking(False)
        self.device.settimeout(30)
        self.flows: Flows = {}
        self.dropped: list[str] = []
        self.batches = OneByOne(self.server, self.flows, self.dropped.append)

    def send(self, payload: bytes) -> None:
        self.device.sendto(payload, self.server.getsockname())


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.server.close()
    pair.device.close()


def test_a_batch_is_bounded_and_says_that_more_may_wait(pair: Pair) -> None:
    for number in range(BATCH + 1):
        pair.send(b"%d" % number)
    batch = pair.batches.receive_batch()
    assert [payload for payload, _ in batch.others] == [b"%d" % number for number in range(BATCH)]
    assert batch.full
    rest = pair.batches.receive_batch()
    assert [payload for payload, _ in rest.others] == [b"%d" % BATCH]
    assert not rest.full


def test_a_known_heartbeat_is_answered_at_once_and_its_device_named(pair: Pair) -> None:
    cam1: Any = object()
    pair.flows[b"beat", pair.device.getsockname()] = (cam1, b"ack")
    pair.send(b"beat")
    pair.send(b"else")
    batch = pair.batches.receive_batch()
    assert batch.sessions == [cam1]
    assert batch.others == [(b"else", pair.device.getsockname())]
    assert pair.device.recv(100) == b"ack"


def test_the_same_bytes_from_another_address_are_not_known(pair: Pair) -> None:
    host, port = pair.device.getsockname()
    pair.flows[b"beat", (host, port + 1 if port < 65_535 else 1)] = (object(), b"ack")  # type: ignore[assignment]
    pair.send(b"beat")
    assert pair.batches.receive_batch().sessions == []


def test_empty_and_enormous_datagrams_are_received_within_bounds(pair: Pair) -> None:
    pair.send(b"")
    pair.send(b"x" * LARGEST)
    empty, enormous = pair.batches.receive_batch().others
    assert empty[0] == b""
    assert len(enormous[0]) == MAX_DATAGRAM


@pytest.mark.parametrize(
    ("payload", "address", "reason"),
    [
        (b"x", (LOCALHOST, 0), "invalid_address"),  # a device that claims source port 0
        (b"x", ("255.255.255.255", 9), "not_permitted"),
        (b"x" * (LARGEST + 1), (LOCALHOST, 9), "too_long"),
        (b"x", (LOCALHOST, 70_000), "invalid_address"),
    ],
)
def test_what_cannot_be_sent_is_counted_and_the_rest_is_sent(
    pair: Pair, payload: bytes, address: tuple[str, int], reason: str
) -> None:
    pair.batches.send_batch([(payload, address), (b"next", pair.device.getsockname())])
    assert pair.dropped == [reason]
    assert pair.device.recv(100) == b"next"


class FailingSocket:
    """A socket on which everything fails with one error: some cannot be had from a loopback interface."""

    def __init__(self, error: int) -> None:
        self.error = OSError(error, "as the test wants")
        self.left = 3

    def recvfrom(self, _size: int) -> tuple[bytes, tuple[str, int]]:
        self.left -= 1
        if self.left < 0:
            raise BlockingIOError
        raise self.error

    def sendto(self, _payload: bytes, _address: object) -> int:
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (errno.EAGAIN, "send_buffer_full"),
        (errno.ENOBUFS, "send_buffer_full"),
        (errno.EHOSTUNREACH, "unreachable"),
        (errno.ENETUNREACH, "unreachable"),
        (errno.ECONNREFUSED, "refused"),
        (errno.EPERM, "not_permitted"),
        (errno.EINVAL, "invalid_address"),
        (errno.EIO, "other"),
    ],
)
def test_no_error_of_the_network_gets_out(error: int, reason: str) -> None:
    dropped: list[str] = []
    batches = OneByOne(FailingSocket(error), {}, dropped.append)  # type: ignore[arg-type]  # see FailingSocket
    batches.send_batch([(b"x", (LOCALHOST, 9))] * 2)
    assert dropped == [reason] * 2


def test_an_error_that_came_back_does_not_hide_the_datagrams_behind_it() -> None:
    dropped: list[str] = []
    batches = OneByOne(FailingSocket(errno.EHOSTUNREACH), {}, dropped.append)  # type: ignore[arg-type]  # as above
    assert batches.receive_batch().others == []
    assert dropped == ["unreachable"] * 3


def test_a_reply_that_cannot_be_sent_still_proves_that_the_device_lives() -> None:
    cam1: Any = object()
    sock = FailingSocket(errno.EAGAIN)
    received = [(b"beat", (LOCALHOST, 9))]

    def recvfrom(_size: int) -> tuple[bytes, tuple[str, int]]:
        if received:
            return received.pop()
        raise BlockingIOError

    sock.recvfrom = recvfrom  # type: ignore[method-assign]  # one datagram, then nothing
    dropped: list[str] = []
    batches = OneByOne(sock, {(b"beat", (LOCALHOST, 9)): (cam1, b"ack")}, dropped.append)  # type: ignore[arg-type]
    assert batches.receive_batch().sessions == [cam1]
    assert dropped == ["send_buffer_full"]


def test_an_error_without_a_number_has_a_reason_too() -> None:
    assert drop_reason(OSError("no number")) == "other"
