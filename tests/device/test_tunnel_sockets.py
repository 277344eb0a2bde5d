"""The further sockets of a rendezvous, real ones."""

import errno
import os
import socket

import pytest

from alarmd.device.interfaces import addresses_of
from alarmd.device.tunnel_sockets import TunnelSockets
from lfcp.candidates import Address, may_be_probed
from lfcp.constants import MAX_CANDIDATES
from tests.waiting import until

IP_RECVTTL = 12  # ip(7); the standard library does not name it
LOOPBACKS = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]


class Heard:
    def __init__(self) -> None:
        self.all: list[tuple[int, Address, bytes]] = []

    async def __call__(self, number: int, source: Address, datagram: bytes) -> None:
        self.all.append((number, source, datagram))


def other_side(family: socket.AddressFamily, host: str) -> socket.socket:
    other = socket.socket(family, socket.SOCK_DGRAM)
    try:
        other.bind((host, 0))
    except OSError:
        other.close()
        pytest.skip(f"this machine has no {host}")
    return other


@pytest.mark.parametrize(("family", "host"), LOOPBACKS)
async def test_each_socket_speaks_both_families_from_a_port_of_its_own(family: socket.AddressFamily, host: str) -> None:
    heard = Heard()
    sockets = TunnelSockets(heard)
    with other_side(family, host) as other:
        there = Address(host, other.getsockname()[1])
        for number in (1, 2):
            await sockets.open(number)
            await sockets.send(number, there, b"probe")
            _, source = other.recvfrom(100)
            other.sendto(b"answer", source)
            await until(lambda wanted=number: len(heard.all) == wanted)  # type: ignore[misc]
        assert heard.all == [(number, there, b"answer") for number in (1, 2)]
    sockets.close_all()


@pytest.mark.parametrize(("family", "host"), LOOPBACKS)
async def test_the_time_to_live_is_of_one_datagram(family: socket.AddressFamily, host: str) -> None:
    level, name, told = (
        (socket.IPPROTO_IP, socket.IP_TTL, IP_RECVTTL)
        if family == socket.AF_INET
        else (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT, socket.IPV6_RECVHOPLIMIT)
    )
    sockets = TunnelSockets(Heard())
    await sockets.open(1)
    with other_side(family, host) as other:
        other.setsockopt(level, told, 1)
        there = Address(host, other.getsockname()[1])
        seen = []
        for ttl in (None, 3, None):
            await sockets.send(1, there, b"opener", ttl)
            _, ancillary, _, _ = other.recvmsg(100, socket.CMSG_SPACE(4))
            seen += [int.from_bytes(data, "little") for _, kind, data in ancillary if kind == name]
    assert seen[1] == 3
    assert seen[0] == seen[2] > 3
    sockets.close_all()


async def test_what_cannot_be_sent_is_lost_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    sockets = TunnelSockets(heard)
    await sockets.open(1)
    with other_side(*LOOPBACKS[0]) as other:
        there = Address("127.0.0.1", other.getsockname()[1])
        await sockets.send(1, Address("255.255.255.255", 9), b"nobody may")
        await sockets.send(7, there, b"no such socket")
        await sockets.send(1, there, b"probe")
        assert other.recv(100) == b"probe"
    sockets.close_all()
    await sockets.send(1, there, b"after the end")


async def test_a_machine_without_sockets_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_what: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    sockets = TunnelSockets(Heard())
    monkeypatch.setattr(socket, "socket", none_left)
    with pytest.raises(OSError, match="Too many open files"):
        await sockets.open(1)


async def test_without_ipv6_a_socket_is_for_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    heard = Heard()
    sockets = TunnelSockets(heard)
    await sockets.open(1)
    with other_side(*LOOPBACKS[0]) as other:
        await sockets.send(1, Address("127.0.0.1", other.getsockname()[1]), b"probe")
        assert other.recv(100) == b"probe"
    sockets.close_all()


def test_interfaces_are_named_with_the_port_and_none_that_only_this_machine_reaches() -> None:
    found = addresses_of(4000)
    assert {address.port for address in found} <= {4000}
    assert all(may_be_probed(address) and "%" not in address.host for address in found)
    assert len(found) <= MAX_CANDIDATES


async def test_an_opener_to_an_address_of_the_family_that_a_machine_lacks_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    sockets = TunnelSockets(Heard())
    await sockets.open(1)
    await sockets.send(1, Address("2001:db8::1", 4000), b"opener", 3)
    with other_side(*LOOPBACKS[0]) as other:
        await sockets.send(1, Address("127.0.0.1", other.getsockname()[1]), b"opener", 3)
        assert other.recv(100) == b"opener"
    sockets.close_all()
