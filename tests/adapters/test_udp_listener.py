import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.python.failure import Failure

from alarmd.adapters.addresses import bind
from alarmd.adapters.datagram_batches import BATCH
from alarmd.adapters.flow_cache import FlowCache
from alarmd.adapters.reactor_clock import now
from alarmd.adapters.sockets import Sockets
from alarmd.adapters.udp_listener import UdpListener, enlarge_receive_buffer
from alarmd.core.effects import CacheHeartbeat
from alarmd.core.inputs import FrameReceived, HeartbeatsRepeated, Input
from alarmd.core.instant import Instant
from alarmd.core.paths import Path
from tests.adapters.parts import Counted
from tests.adapters.test_addresses import has_ipv6
from tests.needs import need
from tests.waiting import until

BEAT = b"cam1,HEARTBEAT,0,0,0,0,0,0"
ACK = b"cam1,ACK,0,0,0,26,0,0"
SMALL_BUFFER = 4096  # bytes
FLOOD = 2000  # datagrams, more than SMALL_BUFFER holds


class Listening:
    """A listener and one device. heard: what was submitted, batch by batch, each with its moment."""

    def __init__(self, counted: Counted, host: str = "127.0.0.1") -> None:
        self.heard: list[tuple[list[Input], Instant]] = []
        self.sockets = Sockets()
        self.flow_cache = FlowCache(10)
        self.sock = bind(host, 0, socket.SOCK_DGRAM)
        self.listener = UdpListener(
            self.sock,
            sockets=self.sockets,
            flow_cache=self.flow_cache,
            submit=self._submit,
            now=now,
            metrics=counted.metrics,
        )
        self.device = socket.socket(self.sock.family, socket.SOCK_DGRAM)
        self.device.bind((host, 0))
        self.device.settimeout(30)

    def _submit(self, inputs: Sequence[Input], moment: Instant) -> None:
        self.heard.append((list(inputs), moment))

    @property
    def inputs(self) -> list[Input]:
        return [one for inputs, _ in self.heard for one in inputs]

    @property
    def path(self) -> Path:
        host, port = self.device.getsockname()[:2]
        return Path("udp", host, port, 1)

    def send(self, payload: bytes = BEAT) -> None:
        self.device.sendto(payload, self.sock.getsockname())

    def close(self) -> None:
        self.device.close()
        self.listener.close_socket()


@pytest.fixture
async def listening(reactor: AsyncioSelectorReactor, counted: Counted) -> AsyncIterator[Listening]:
    listening = Listening(counted)
    listening.listener.start(reactor)
    yield listening
    listening.listener.stop(reactor)
    listening.close()


async def test_a_datagram_becomes_an_input_with_its_path(listening: Listening) -> None:
    listening.send(b"hello")
    await until(lambda: listening.heard)
    assert listening.inputs == [FrameReceived(b"hello", listening.path)]


async def test_what_waits_together_has_one_moment(listening: Listening) -> None:
    for number in range(BATCH):
        listening.send(b"%d" % number)
    await until(lambda: len(listening.inputs) == BATCH)
    assert len(listening.heard) == 1


async def test_a_cached_heartbeat_is_answered_and_told_without_the_frame(
    listening: Listening, counted: Counted
) -> None:
    cam1: Any = object()
    listening.listener.cache(CacheHeartbeat(cam1, listening.path, BEAT, ACK))
    listening.send()
    listening.send()
    await until(lambda: listening.heard)
    assert listening.inputs == [HeartbeatsRepeated([cam1, cam1])]
    assert listening.device.recv(100) == ACK
    cached = {"transport": "udp", "verb": "HEARTBEAT", "outcome": "cached", "reason": ""}
    assert counted.value("alarmd_frames_received_total", **cached) == 2


async def test_an_evicted_heartbeat_goes_to_the_rules_again(listening: Listening) -> None:
    cam1: Any = object()
    listening.listener.cache(CacheHeartbeat(cam1, listening.path, BEAT, ACK))
    listening.flow_cache.evict(cam1)
    listening.send()
    await until(lambda: listening.heard)
    assert listening.inputs == [FrameReceived(BEAT, listening.path)]


async def test_a_frame_goes_back_from_the_socket_that_the_device_spoke_to(listening: Listening) -> None:
    endpoint = listening.sockets.get(listening.path.socket)
    assert endpoint is listening.listener
    endpoint.send(listening.path, ACK)
    assert listening.device.recvfrom(100) == (ACK, listening.sock.getsockname())


async def test_a_datagram_has_no_connection_to_close(listening: Listening) -> None:
    listening.listener.stop_reading(listening.path)
    listening.listener.close(listening.path)
    listening.send(b"still here")
    await until(lambda: listening.heard)


async def test_what_cannot_be_sent_is_counted(listening: Listening, counted: Counted) -> None:
    listening.listener.send(listening.path._replace(port=0), ACK)
    assert counted.dropped("udp", "invalid_address") == 1


async def test_a_listener_that_stopped_reads_nothing_but_still_sends(
    listening: Listening, reactor: AsyncioSelectorReactor
) -> None:
    listening.listener.stop(reactor)
    listening.send()
    listening.listener.send(listening.path, ACK)
    assert listening.device.recv(100) == ACK
    await asyncio.sleep(0)
    assert listening.heard == []


def test_a_drain_reads_everything_that_waits(counted: Counted) -> None:
    listening = Listening(counted)
    for number in range(3 * BATCH + 1):
        listening.send(b"%d" % number)
    listening.listener.drain()
    assert len(listening.inputs) == 3 * BATCH + 1
    listening.close()


def test_a_flood_does_not_hold_a_drain_for_ever(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    listening = Listening(counted)
    reads = []

    def flood() -> tuple[list[Any], list[tuple[bytes, tuple[str, int]]], bool]:
        reads.append(1)
        return [], [(b"x", ("192.0.2.1", 9))], True

    monkeypatch.setattr(listening.listener._batches, "receive_batch", flood)
    listening.listener.drain()
    assert len(reads) == 1024
    listening.close()


def test_ipv6_devices_are_served(counted: Counted) -> None:
    need(has_ipv6(), "IPv6 on the loopback interface")
    listening = Listening(counted, "::1")
    listening.listener.cache(CacheHeartbeat(object(), listening.path, BEAT, ACK))  # type: ignore[arg-type]
    listening.send()
    listening.send(b"else")
    listening.listener.drain()
    assert listening.device.recv(100) == ACK
    assert listening.inputs[1:] == [FrameReceived(b"else", listening.path)]
    assert listening.listener.address == listening.sock.getsockname()[:2]
    listening.close()


def test_the_kernel_counts_what_a_full_receive_buffer_loses(counted: Counted) -> None:
    listening = Listening(counted)
    assert listening.listener.losses() == 0
    listening.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    for _ in range(FLOOD):
        listening.send()
    listening.listener.drain()
    assert listening.listener.losses() == FLOOD - len(listening.inputs) > 0
    listening.close()


def test_losses_of_a_closed_socket_are_unknown(counted: Counted) -> None:
    listening = Listening(counted)
    listening.close()
    assert listening.listener.losses() == 0
    assert listening.listener.fileno() == -1


def test_the_receive_buffer_is_as_large_as_the_system_allows() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        before = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        assert enlarge_receive_buffer(sock) >= before


async def test_a_listener_that_falls_out_of_the_reactor_says_so(
    listening: Listening, capsys: pytest.CaptureFixture[str]
) -> None:
    listening.listener.connectionLost(Failure(RuntimeError("a defect")))
    assert "taken out of the reactor" in capsys.readouterr().out
    assert listening.listener.logPrefix() == "udp"
