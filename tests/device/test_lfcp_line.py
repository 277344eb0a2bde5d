"""A device's sockets: one to all servers, and those of its ladder, on loopback."""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator

import pytest

from alarmd.device import lfcp_line
from alarmd.device.datagrams import MAX_WAITING, UnconnectedSocket
from alarmd.device.lfcp_line import LfcpLine
from lfcp.candidates import Address
from tests.waiting import until


class Peer:
    """A UDP socket of somebody else."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(30)
        self.port: int = self.socket.getsockname()[1]

    def heard(self) -> tuple[bytes, int]:
        """A datagram and the port it came from."""
        datagram, source = self.socket.recvfrom(200)
        return datagram, source[1]

    def say(self, datagram: bytes, port: int) -> None:
        self.socket.sendto(datagram, ("127.0.0.1", port))


class Line:
    """A line to two servers, and what it heard."""

    def __init__(self) -> None:
        self.servers = {"A": Peer(), "B": Peer()}
        self.stranger = Peer()
        self.heard: list[tuple[str, bytes]] = []
        self.tunnelled: list[tuple[Address, bytes]] = []
        at = {label: ("127.0.0.1", peer.port) for label, peer in self.servers.items()}
        self.line = LfcpLine(at, lambda label, frame: self.heard.append((label, frame)), self._tunnel)

    async def _tunnel(self, source: Address, datagram: bytes) -> None:
        self.tunnelled.append((source, datagram))


@pytest.fixture
async def two() -> AsyncIterator[Line]:
    line = Line()
    await line.line.open()
    yield line
    line.line.close()
    for peer in (*line.servers.values(), line.stranger):
        peer.socket.close()


async def test_all_servers_see_one_socket_and_are_told_apart(two: Line) -> None:
    for label, peer in two.servers.items():
        await two.line.say(label, b"hello")
        assert peer.heard() == (b"hello", two.line.port)
        peer.say(b"answer of " + label.encode(), two.line.port)
    await until(lambda: len(two.heard) == 2)
    assert sorted(two.heard) == [("A", b"answer of A"), ("B", b"answer of B")]


async def test_only_servers_are_heard_but_tunnels_are_open_to_everybody(two: Line) -> None:
    two.stranger.say(b"cam1,ACK,0,0,0,26,0,0", two.line.port)
    two.stranger.say(b"\x82tunnel", two.line.port)
    two.servers["A"].say(b"\x80relayed", two.line.port)
    two.servers["A"].say(b"last", two.line.port)
    await until(lambda: two.heard)
    assert two.heard == [("A", b"last")]
    ports = [two.stranger.port, two.servers["A"].port]
    said = [b"\x82tunnel", b"\x80relayed"]
    assert two.tunnelled == [(Address("127.0.0.1", port), datagram) for port, datagram in zip(ports, said, strict=True)]


async def test_another_socket_has_another_port_and_is_heard(two: Line) -> None:
    before = two.line.port
    await two.line.renew()
    assert two.line.port != before
    await two.line.say("A", b"hello")
    assert two.servers["A"].heard() == (b"hello", two.line.port)
    two.servers["A"].say(b"answer", two.line.port)
    await until(lambda: two.heard)


async def test_probes_leave_from_sockets_of_their_own_until_they_are_closed(two: Line) -> None:
    server = two.servers["A"]
    ports = []
    for number in (1, 2, 1):
        await two.line.probe(number, "A", b"keep")
        ports.append(server.heard()[1])
    assert ports[0] == ports[2]
    assert len({*ports, two.line.port}) == 3
    server.say(b"answer", ports[0])
    await until(lambda: two.heard == [("A", b"answer")])
    two.line.close_probes_but(frozenset({2}))
    await two.line.probe(1, "A", b"keep")
    assert server.heard()[1] != ports[0]


async def test_a_machine_that_stays_has_not_moved(two: Line) -> None:
    assert not two.line.has_moved()


async def test_a_machine_has_moved_when_it_would_send_from_another_address(
    two: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = iter(["10.0.0.7", "10.0.0.7", "10.0.0.7", "10.0.0.7", None, None, "10.0.0.7", "10.0.0.7"])
    monkeypatch.setattr(lfcp_line, "_source_towards", lambda _address: next(seen))
    assert [two.line.has_moved() for _ in range(4)] == [True, False, False, True]


async def test_what_cannot_leave_is_counted_and_the_next_look_finds_the_network_changed(two: Line) -> None:
    await two.line.send(Address("255.255.255.255", 9), b"nobody may")
    assert two.line.errors == 1
    assert two.line.has_moved()
    assert not two.line.has_moved()


async def test_a_name_that_is_gone_leaves_the_server_where_it_was(two: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    before = two.line.server("A")

    async def nobody_knows(*_what: object, **_how: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nobody_knows)
    await two.line.look_up()
    assert two.line.server("A") == before


async def test_a_name_that_nobody_knows_is_said_at_the_start() -> None:
    line = LfcpLine({"A": ("no-such-host.invalid", 8443)}, lambda *_: None, Line()._tunnel)
    with pytest.raises(OSError, match=r".+"):
        await line.open()


async def test_a_line_that_is_not_open_says_so() -> None:
    line = LfcpLine({"A": ("127.0.0.1", 8443)}, lambda *_: None, Line()._tunnel)
    with pytest.raises(ValueError, match="not open"):
        await line.run()
    with pytest.raises(ValueError, match="not open"):
        _ = line.port


async def test_a_hook_that_fails_ends_the_run() -> None:
    def fail(_label: str, _frame: bytes) -> None:
        raise LookupError("a defect")

    peer = Peer()
    line = LfcpLine({"A": ("127.0.0.1", peer.port)}, fail, Line()._tunnel)
    await line.open()
    running = asyncio.create_task(line.run())
    peer.say(b"frame", line.port)
    with pytest.raises(LookupError):
        await asyncio.wait_for(running, 30)
    line.close()
    peer.socket.close()


async def test_without_sockets_the_old_one_stays(two: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    async def none_left() -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    before = two.line.port
    monkeypatch.setattr(UnconnectedSocket, "open", none_left)
    with pytest.raises(OSError, match="Too many open files"):
        await two.line.renew()
    assert two.line.port == before


async def test_a_flood_that_nobody_takes_is_bounded() -> None:
    sock = await UnconnectedSocket.open()
    flooding = Peer()
    for number in range(2 * MAX_WAITING):
        flooding.say(number.to_bytes(2, "big"), sock.port)
        await asyncio.sleep(0)
    taken = 0
    while sock._stream._recvq.qsize():  # type: ignore[attr-defined]  # whether more waits is nobody else's business
        await sock.receive()
        taken += 1
    assert 0 < taken <= MAX_WAITING
    sock.close()
    flooding.socket.close()
