import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.adapters import addresses
from alarmd.adapters.addresses import address_of, bind, bind_all, close_pair, path_of
from alarmd.adapters.exit_codes import UNAVAILABLE, StartError
from tests.needs import need

LOCALHOST = "127.0.0.1"


def has_ipv6() -> bool:
    try:
        bind("::1", 0, socket.SOCK_DGRAM).close()
    except OSError:
        return False
    return True


@contextmanager
def bound(*wanted: str, port: int = 0) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    pairs = bind_all(wanted, port, "lfcp.port")
    try:
        yield pairs
    finally:
        for pair in pairs:
            close_pair(pair)


@given(st.ip_addresses(v=4).map(str), st.integers(0, 65_535))
def test_an_ipv4_address_comes_back_as_the_socket_gave_it(host: str, port: int) -> None:
    assert address_of(path_of("udp", (host, port), 7)) == (host, port)


@given(st.ip_addresses(v=6).map(str), st.integers(0, 65_535), st.integers(0, 1000))
def test_an_ipv6_address_comes_back_with_its_scope(host: str, port: int, scope: int) -> None:
    assert address_of(path_of("udp", (host, port, 0, scope), 7)) == (host, port, 0, scope)


def test_a_link_local_host_says_on_which_link_it_is() -> None:
    assert path_of("tcp", ("fe80::1%eth0", 9, 0, 4), 7).host == "fe80::1%4"
    assert path_of("tcp", ("2001:db8::1", 9, 0, 0), 7).host == "2001:db8::1"


def test_udp_and_tcp_share_one_port_number_on_every_address() -> None:
    with bound(LOCALHOST, "127.0.0.2") as pairs:
        ports = {sock.getsockname()[1] for pair in pairs for sock in pair}
        kinds = [[sock.type for sock in pair] for pair in pairs]
    assert len(ports) == 1
    assert kinds == [[socket.SOCK_DGRAM, socket.SOCK_STREAM]] * 2


def test_a_star_means_every_address_of_both_families() -> None:
    need(has_ipv6(), "IPv6 on the loopback interface")
    with bound("*") as pairs:
        assert [pair[0].getsockname()[0] for pair in pairs] == ["0.0.0.0", "::"]
        port = pairs[0][0].getsockname()[1]
        for family, host in ((socket.AF_INET, LOCALHOST), (socket.AF_INET6, "::1")):
            with socket.socket(family, socket.SOCK_STREAM) as client:
                client.connect((host, port))


def test_an_address_that_is_named_twice_is_bound_once() -> None:
    with bound(LOCALHOST, LOCALHOST) as pairs:
        assert len(pairs) == 1


class WithoutIpv6(socket.socket):
    """What a machine without IPv6 gives."""

    def __init__(self, family: int = -1, kind: int = -1, proto: int = -1, fileno: int | None = None) -> None:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        super().__init__(family, kind, proto, fileno)


def test_a_machine_without_ipv6_is_served_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", WithoutIpv6)
    with bound("*") as pairs:
        assert [pair[0].getsockname()[0] for pair in pairs] == ["0.0.0.0"]


def test_an_ipv6_address_that_was_asked_for_by_name_is_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", WithoutIpv6)
    with pytest.raises(StartError, match="cannot listen on ::1 port 0: Address family not supported"):
        bind_all(["::1"], 0, "lfcp.addresses")


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_in_use_is_told_in_one_line_with_the_setting_to_change(kind: socket.SocketKind) -> None:
    taken = bind(LOCALHOST, 0, kind)
    port = taken.getsockname()[1]
    with pytest.raises(StartError, match=f"{LOCALHOST} port {port}: another program uses it.*lfcp.port") as caught:
        bind_all([LOCALHOST], port, "lfcp.port")
    taken.close()
    assert caught.value.code == UNAVAILABLE


def test_what_was_bound_before_the_failure_is_let_go() -> None:
    taken = bind("127.0.0.2", 0, socket.SOCK_DGRAM)
    port = taken.getsockname()[1]
    with pytest.raises(StartError):
        bind_all([LOCALHOST, "127.0.0.2"], port, "lfcp.port")
    bind(LOCALHOST, port, socket.SOCK_DGRAM).close()
    taken.close()


def test_an_address_that_the_machine_does_not_have_is_told() -> None:
    with pytest.raises(StartError, match="this machine does not have this address"):
        bind_all(["192.0.2.77"], 0, "lfcp.addresses")


def test_a_port_for_root_only_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_root(*_arguments: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(addresses, "bind", not_root)
    with pytest.raises(StartError, match="only root may use a port this low"):
        bind_all([LOCALHOST], 80, "lfcp.port")


def test_a_port_that_is_free_for_udp_only_is_not_the_one_that_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def bind_later(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
        if kind == socket.SOCK_STREAM and not taken:
            taken.append(port)
            raise OSError(errno.EADDRINUSE, "in use")
        return bind(address, port, kind)

    monkeypatch.setattr(addresses, "bind", bind_later)
    with bound(LOCALHOST) as ((datagrams, stream),):
        assert datagrams.getsockname() == stream.getsockname()
    assert taken


def test_a_machine_without_free_ports_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind_never(_address: str, _port: int, _kind: socket.SocketKind) -> socket.socket:
        raise OSError(errno.EADDRINUSE, "in use")

    monkeypatch.setattr(addresses, "bind", bind_never)
    with pytest.raises(StartError, match="another program uses it"), bound(LOCALHOST):
        pass
