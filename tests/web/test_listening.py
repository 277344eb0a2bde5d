"""Listening on several addresses with one port number."""

import socket

import pytest

from alarmd.web import listening
from alarmd.web.listening import ALL, ListenError, listen_all


def close(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()


def test_all_means_ipv4_and_ipv6_on_one_port() -> None:
    opened = listen_all([ALL], 0)
    try:
        assert opened[0].getsockname()[0] == "0.0.0.0"
        assert len({one.getsockname()[1] for one in opened}) == 1
        assert {one.family for one in opened} <= {socket.AF_INET, socket.AF_INET6}
    finally:
        close(opened)


def test_an_address_named_twice_is_one() -> None:
    opened = listen_all(["127.0.0.1", "127.0.0.1"], 0)
    close(opened)
    assert len(opened) == 1


def test_a_machine_without_ipv6_is_served_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    real = listening._tcp_socket

    def no_ipv6(family: int, kind: int, protocol: int, address: object) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(listening._NO_IPV6[0], "Address family not supported by protocol")
        return real(family, kind, protocol, address)

    monkeypatch.setattr(listening, "_tcp_socket", no_ipv6)
    opened = listen_all([ALL], 0)
    close(opened)
    assert [one.family for one in opened] == [socket.AF_INET]
    with pytest.raises(ListenError, match="not supported"):
        listen_all(["127.0.0.1", "::1"], 0)


def test_a_port_in_use_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.2", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match="Address already in use"):
            listen_all(["127.0.0.1", "127.0.0.2"], port)
        socket.create_server(("127.0.0.1", port)).close()
