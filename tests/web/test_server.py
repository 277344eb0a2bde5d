"""The web server as a guest: its sockets, its bounds, its end."""

import asyncio
import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from alarmd.web import http_protocol
from alarmd.web.http_protocol import MAX_HEAD
from alarmd.web.listening import MAX_UNIX_PATH, ListenError, listen_tcp, listen_unix
from alarmd.web.server import WebServer
from tests.running_house import PATIENCE, RunningHouse, running_house


@pytest.fixture
def connection(house: RunningHouse) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", house.tcp_port), PATIENCE) as connected:
        yield connected


def all_of(connection: socket.socket) -> bytes:
    """What comes until the server closes."""
    received = b""
    try:
        while data := connection.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return received


def test_the_control_socket_is_its_owners_alone_and_gone_after_a_stop(tmp_path: Path) -> None:
    with running_house(tmp_path) as house:
        mode = house.control_socket.stat().st_mode
        assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o600)
    assert not house.control_socket.exists()


def test_the_umask_is_as_it_was_after_listening(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        listen_unix(tmp_path / "control.sock").close()
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_a_socket_left_by_a_dead_server_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    listen_unix(path).close()
    assert path.exists()
    listen_unix(path).close()


def test_the_socket_of_a_living_server_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    living = listen_unix(path)
    with pytest.raises(ListenError, match="another server listens"):
        listen_unix(path)
    assert path.exists()
    living.close()


def test_a_file_that_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("precious")
    with pytest.raises(ListenError, match="no socket"):
        listen_unix(path)
    assert path.read_text() == "precious"


def test_a_path_too_long_for_a_socket_is_refused_with_the_limit(tmp_path: Path) -> None:
    with pytest.raises(ListenError, match=str(MAX_UNIX_PATH)):
        listen_unix(tmp_path / ("x" * MAX_UNIX_PATH))


def test_a_directory_that_does_not_exist_is_a_plain_error(tmp_path: Path) -> None:
    with pytest.raises(ListenError, match="No such file"):
        listen_unix(tmp_path / "missing" / "control.sock")


def test_a_port_in_use_is_a_plain_error_and_leaves_nothing_open() -> None:
    (taken,) = listen_tcp("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with pytest.raises(ListenError, match=f"127.0.0.1:{port}: Address already in use"):
        listen_tcp("127.0.0.1", port)
    taken.close()
    for again in listen_tcp("127.0.0.1", port):
        again.close()


def test_an_address_that_is_none_is_a_plain_error() -> None:
    with pytest.raises(ListenError, match="is no address"):
        listen_tcp("not an address", 0)


def test_the_hosts_own_signal_handlers_stay() -> None:
    def handlers() -> list[object]:
        return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    async def serve() -> None:
        before = handlers()
        server = WebServer(_nothing, listen_tcp("127.0.0.1", 0))
        await server.start()
        assert handlers() == before
        await server.stop()
        await server.stop()

    asyncio.run(serve())


def test_a_server_that_never_started_can_be_stopped() -> None:
    async def stop() -> None:
        await WebServer(_nothing, []).stop()

    asyncio.run(stop())


def test_a_server_that_cannot_start_says_so(tmp_path: Path) -> None:
    closed = listen_unix(tmp_path / "x.sock")
    closed.close()

    async def start() -> None:
        await WebServer(_nothing, [closed]).start()

    with pytest.raises((OSError, ValueError)):
        asyncio.run(start())


def test_headers_without_end_are_cut_off(house: RunningHouse, connection: socket.socket) -> None:
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
    line = b"X-Filler: " + b"x" * 1000 + b"\r\n"
    try:
        for _ in range(4 * MAX_HEAD // len(line)):
            connection.sendall(line)
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert b"200 OK" not in all_of(connection)
    assert still_serves(house)


@pytest.mark.parametrize("beginning", [b"", b"GET /healthz HT", b"POST /x HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"])
def test_a_peer_that_says_too_little_too_slowly_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, house: RunningHouse, beginning: bytes
) -> None:
    monkeypatch.setattr(http_protocol, "PATIENCE", 0.2)
    with socket.create_connection(("127.0.0.1", house.tcp_port), PATIENCE) as slow:
        slow.sendall(beginning)
        assert b"200 OK" not in all_of(slow)
    assert still_serves(house)


def test_garbage_is_answered_by_a_refusal_and_the_end(house: RunningHouse, connection: socket.socket) -> None:
    connection.sendall(b"cam1,DSAL,0,0,0,0,0,0\r\n\r\n")
    assert all_of(connection).startswith(b"HTTP/1.1 400 ")
    assert still_serves(house)


def test_two_requests_on_one_connection_are_both_answered(house: RunningHouse, connection: socket.socket) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    connection.sendall(request + b"\r\n" + request + b"Connection: close\r\n\r\n")
    assert all_of(connection).count(b"HTTP/1.1 200 OK") == 2


def still_serves(house: RunningHouse) -> bool:
    with house.client() as client:
        return client.get("/healthz").status_code == 200


async def _nothing(scope: object, receive: object, send: object) -> None:
    raise AssertionError("nobody asks")
