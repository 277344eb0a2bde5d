"""An operator's machine connects with a camera: a real server, `alarmd connect` as a person runs it, real netcat."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from alarmd.cli import exits
from alarmd.device.lfcp_line import LfcpLine
from lfcp.client.punching import Punching
from tests.end_to_end.cameras import operator
from tests.end_to_end.connecting import Connected, camera, command_line, connected, operators_key
from tests.serving import LIMIT, LOOPBACK, Served, served

ACK = "cam1,ACK,0,0,0,0,0,0"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("c")) as server:
        yield server


@pytest.fixture(scope="module")
def key(server: Served) -> Path:
    return operators_key(server)


@contextmanager
def echo() -> Iterator[int]:
    """A UDP service on loopback that says everything twice; its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as service:
        service.bind((LOOPBACK, 0))

        def serve() -> None:
            while (asked := service.recvfrom(2000))[0] != b"end":
                service.sendto(asked[0] * 2, asked[1])

        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield service.getsockname()[1]
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
                ending.sendto(b"end", service.getsockname())
            serving.join()


def refused(server: Served, home: Path, key: Path, *words: str) -> tuple[int, dict[str, Any]]:
    with connected(command_line(server, *words, key=key), home) as connection:
        return connection.ended(), connection.error()


def reach(connection: Connected) -> None:
    assert connection.wait_for_path("direct")["address"] is not None


def test_netcat_reaches_a_camera_directly(server: Served, key: Path, tmp_path: Path) -> None:
    with camera(server) as cam1, connected(command_line(server, "cam1", key=key), tmp_path) as connection:
        reach(connection)
        assert connection.say("cam1,HEARTBEAT,0,0,0,0,0,0") == ACK
        assert connection.say("cam1,TLGS") == ACK
        assert cam1.taken == 1
        assert connection.say("cam1,RST") == f"{ACK}cam1,ERR,RST is not supported,0,0,0,0,0"
        assert connection.say("cam2,TLGS") == ""
        assert connection.stop() == exits.OK
    assert [line["event"] for line in connection.told][:2] == ["listening", "path"]


def test_where_no_direct_way_is_found_it_goes_through_the_server(
    server: Served, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Punching, "receive", lambda *_: [])  # at the camera nothing comes in but from the server
    with camera(server, "cam3") as cam3, connected(command_line(server, "cam3", key=key), tmp_path) as connection:
        relayed = connection.wait_for_path("relay")
        assert relayed["round_trip"] > 0
        assert connection.say("cam3,TLGS") == "cam3,ACK,0,0,0,0,0,0"
        assert cam3.taken == 1
        assert connection.of("direct") == []
        assert connection.stop(signal.SIGTERM) == exits.OK


def test_a_service_at_the_camera_is_reached_by_its_port(server: Served, key: Path, tmp_path: Path) -> None:
    with echo() as port, camera(server, "cam4", allow=(port,)):
        words = ("cam4", "--udp-port", str(port))
        with connected(command_line(server, *words, key=key), tmp_path) as connection:
            reach(connection)
            assert connection.say("twice") == "twicetwice"
            assert connection.told[0]["udp_port"] == port
        code, error = refused(server, tmp_path, key, "cam4", "--udp-port", "9")
        assert (code, error["reason"]) == (exits.FAILED, "not_allowed")
        assert "UDP port 9" in error["message"]


def test_who_lets_nobody_in_and_who_is_unknown_are_told_apart(server: Served, key: Path, tmp_path: Path) -> None:
    with camera(server, "cam5", allow=None):
        for device, reason in (("cam5", "not_able"), ("nobody", "unknown_device")):
            code, error = refused(server, tmp_path, key, device)
            assert (code, error["reason"]) == (exits.FAILED, reason)
            assert device in error["message"]


def test_it_ends_when_the_operator_is_removed(server: Served, tmp_path: Path) -> None:
    key = operators_key(server, "ben")
    command = command_line(server, "cam6", key=key, name="ben")
    with camera(server, "cam6"), connected(command, tmp_path) as connection:
        reach(connection)
        with operator(server) as asking:
            asking.delete("/operators/ben").raise_for_status()
        assert connection.ended() == exits.ENDED
        assert connection.error()["reason"] == "ended"


def test_it_ends_when_the_camera_stops(server: Served, key: Path, tmp_path: Path) -> None:
    with ExitStack() as living:
        living.enter_context(camera(server, "cam7"))
        with connected(command_line(server, "cam7", key=key), tmp_path) as connection:
            reach(connection)
            living.close()
            assert connection.ended() == exits.ENDED
            assert "cam7 ended it" in connection.error()["message"]


def test_once_tells_the_way_and_ends(server: Served, key: Path, tmp_path: Path) -> None:
    with camera(server, "cam8"), connected(command_line(server, "cam8", "--once", key=key), tmp_path) as connection:
        assert connection.ended() == exits.OK
        assert connection.told[-1]["path"] == "direct"
        assert connection.told[-1]["round_trip"] > 0


def test_a_direct_way_outlives_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = threading.Event()  # as a camera does which no server answers any more

    async def look_up(_line: LfcpLine) -> None:
        looked_up.set()

    with served(tmp_path) as server, camera(server) as cam1:
        command = command_line(server, "cam1", key=operators_key(server))
        with connected(command, tmp_path / "anna") as connection:
            reach(connection)
            monkeypatch.setattr(LfcpLine, "look_up", look_up)
            server.stop()
            assert looked_up.wait(LIMIT)
            assert connection.say("cam1,TLGS") == ACK
            assert cam1.taken == 1
            assert connection.stop() == exits.OK
    assert [line["path"] for line in connection.told[1:]][-1] == "direct"
