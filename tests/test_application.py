import asyncio
import contextlib
import signal
import socket
import sqlite3
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from alarmd import application
from alarmd.adapters import exit_codes
from alarmd.adapters.addresses import bind
from alarmd.adapters.exit_codes import StartError
from alarmd.adapters.server_key import server_key
from alarmd.application import Application
from alarmd.config import Config
from alarmd.storage.interface import EventFilter
from alarmd.storage.opening import open_reader, open_store
from alarmd.storage.vault import Vault
from tests.conftest import PostgresqlServer
from tests.contracts.records import EVERYTHING
from tests.serving import LIMIT, LOOPBACK, alarmd, served
from tests.waiting import until, wait_until

MOTION = b"cam1,MOAL,garden_gate,0,0,0,0,0"
HEARTBEAT = b"cam1,HEARTBEAT,0,0,0,0,0,0"
ACK = b"cam1,ACK,0,0,0,0,0,0"


def stored_texts(state: Path, kind: str) -> list[str]:
    reader = open_reader(f"sqlite:///{state / 'alarmd.sqlite'}")
    try:
        return [one.event.text for one in reader.events(EventFilter(kind=kind, limit=1000))]
    finally:
        reader.close()


def test_an_alarm_is_acknowledged_and_told_and_a_command_fetched_by_the_next_heartbeat(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        assert server.ask(MOTION) == ACK
        wait_until(lambda: server.logged("alarm"), "the alarm in the log")
        assert server.logged("alarm")[0]["text"] == "cam1: motion: garden_gate"
        with server.device() as device:
            device.sendto(HEARTBEAT, (LOOPBACK, server.lfcp_port))
            assert device.recv(100).startswith(b"cam1,ACK,")
            assert server.ask(b"cam1,TLGS", server.operator_port) == b"cam1,TLGS,queued,1\n"
            device.sendto(HEARTBEAT, (LOOPBACK, server.lfcp_port))
            assert device.recv(100) == b"cam1,TLGS,0,0,0,0,0,0"
        with socket.create_connection((LOOPBACK, server.lfcp_port), LIMIT) as connection:
            connection.sendall(b"cam1,LOG,over tcp\n")
            assert connection.recv(100) == ACK + b"\n"
        assert (
            'alarmd_frames_received_total{outcome="answered",reason="",transport="tcp",verb="LOG"} 1.0'
            in server.get("/metrics")
        )
        assert '"healthy":true' in server.get("/healthz")


def test_a_stop_is_orderly_whoever_asks_for_it(tmp_path: Path) -> None:
    for how in (signal.SIGTERM, signal.SIGINT):
        with served(tmp_path) as server:
            control = server.state / "control.sock"
            assert stat.S_IMODE(control.stat().st_mode) == 0o600
            server.ask(MOTION)
            assert server.stop(how) == exit_codes.STOPPED
            assert server.logged("stopped")
            assert not control.exists()
            assert "Traceback" not in server.log_text()
    assert stored_texts(tmp_path / "state", "server_stopping") == ["a planned stop"] * 2


def test_what_was_acknowledged_is_there_after_the_process_was_killed(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        for number in range(20):
            assert server.ask(b"cam1,LOG,entry %d,0,0,0,0,0" % number) == ACK
        server.stop(signal.SIGKILL)
        server.start()
        assert {f"entry {number}" for number in range(20)} <= set(stored_texts(server.state, "log"))
        assert server.ask(b"*,LIST", server.operator_port).startswith(b"cam1,LIST,")


def test_the_start_says_where_it_listens_and_that_strangers_are_admitted(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        (listening,) = server.logged("devices: LFCP over UDP and TCP")
        assert listening["addresses"] == [f"{LOOPBACK} port {server.lfcp_port}"]
        assert "any device that reaches the LFCP port is admitted" in server.log_text()
    with served(tmp_path, DEVICES_UNKNOWN="reject") as server:
        assert "is admitted" not in server.log_text()


def test_systemd_hears_that_the_server_is_ready_lives_and_stops(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(LIMIT)
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "50000"}
        with served(tmp_path, environ) as server:
            assert systemd.recv(100) == b"READY=1"
            assert systemd.recv(100) == b"WATCHDOG=1"
            server.stop()
        said = {systemd.recv(100)}
        while b"STOPPING=1" not in said:
            said.add(systemd.recv(100))
        assert said <= {b"WATCHDOG=1", b"STOPPING=1"}


def test_nothing_is_acknowledged_while_the_database_is_locked_and_everything_after(tmp_path: Path) -> None:
    with served(tmp_path) as server, server.device() as device:
        assert server.ask(MOTION) == ACK
        wait_until(lambda: len(server.logged("alarm")) == 1)
        with locked(server.state / "alarmd.sqlite"):
            device.sendto(b"cam2,MOAL,back door,0,0,0,0,0", (LOOPBACK, server.lfcp_port))
            assert server.ask(HEARTBEAT).startswith(b"cam1,ACK,")
            wait_until(lambda: server.logged("storage failed, nothing is acknowledged until it is back"))
            wait_until(lambda: len(server.logged("alarm")) == 2, "the alarm through the emergency outbox")
            device.setblocking(False)
            with pytest.raises(BlockingIOError):
                device.recv(100)
            device.settimeout(LIMIT)
        assert device.recv(100) == b"cam2,ACK,0,0,0,0,0,0"
        wait_until(lambda: server.logged("storage is back, everything that waited is stored"))
        assert server.stop() == exit_codes.STOPPED
        assert len(server.logged("alarm")) == 2
    assert len(stored_texts(tmp_path / "state", "storage_recovered")) == 1
    assert sorted(stored_texts(tmp_path / "state", "motion")) == ["back door", "garden_gate"]


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """As a curious person with the sqlite3 shell would."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def refused(directory: Path, code: int, told: str, **settings: str) -> None:
    """The server does not start: one plain line and the exit code."""
    ended = alarmd(directory, "serve", **settings)
    assert ended.returncode == code, ended.stderr
    assert told in ended.stderr
    complaints = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert len(complaints) == 1, ended.stderr
    assert complaints[0].startswith("alarmd: ")


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
@pytest.mark.parametrize("setting", ["LFCP_PORT", "OPERATOR_PORT"])
def test_a_port_in_use_ends_the_start(tmp_path: Path, setting: str, kind: socket.SocketKind) -> None:
    with contextlib.closing(bind(LOOPBACK, 0, kind)) as taken:
        port = str(taken.getsockname()[1])
        told = f"cannot listen on {LOOPBACK} port {port}: another program uses it"
        refused(tmp_path, exit_codes.UNAVAILABLE, told, **{setting: port})
    assert not (tmp_path / "state" / "alarmd.sqlite").exists()


def test_an_http_port_in_use_ends_the_start_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with contextlib.closing(bind(LOOPBACK, 0, socket.SOCK_STREAM)) as taken:
        port = str(taken.getsockname()[1])
        refused(tmp_path, exit_codes.UNAVAILABLE, "see http.port", HTTP_PORT=port)
    assert not (tmp_path / "state" / "control.sock").exists()


def test_a_state_directory_that_cannot_be_made_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    where = str(tmp_path / "file" / "state")
    refused(tmp_path, exit_codes.CANNOT_CREATE, "cannot make the state directory", SERVER_STATE_DIRECTORY=where)


def test_a_corrupt_database_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "alarmd.sqlite").write_bytes(b"not a database at all " * 1000)
    refused(tmp_path, exit_codes.UNUSABLE_DATA, "the database cannot be used")


def test_the_first_start_makes_a_server_key_and_a_lost_one_ends_the_next(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        key = server.state / "server.key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert server.stop() == exit_codes.STOPPED
    store = open_store(f"sqlite:///{tmp_path}/state/alarmd.sqlite", "A", Vault(server_key(key.parent)))
    store.commit([EVERYTHING])
    store.close()
    key.rename(tmp_path / "copy")
    refused(tmp_path, exit_codes.UNUSABLE_DATA, "put back server.key from your copy")
    (tmp_path / "copy").replace(key)
    with served(tmp_path) as server:
        assert server.ask(b"cam2,HEARTBEAT,0,0,0,0,0,0").startswith(b"cam2,ACK,")


def test_a_database_that_does_not_answer_ends_the_start_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://petr:hunter2@127.0.0.1:1/alarmd"
    refused(tmp_path, exit_codes.STORAGE_FAILED, "the database cannot be reached", STORAGE_URL=url)


def test_a_second_server_on_the_same_database_does_not_start(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        refused(tmp_path, exit_codes.STORAGE_FAILED, f"in use by process {server.process.pid}")
        assert server.ask(MOTION) == ACK


def test_postgresql_is_served_like_sqlite(tmp_path: Path, empty_postgresql_url: str) -> None:
    with served(tmp_path, STORAGE_URL=empty_postgresql_url) as server:
        assert server.ask(MOTION) == ACK
        server.stop(signal.SIGKILL)
        server.start()
        wait_until(lambda: b"garden_gate" in server.ask(b"cam1,EVTS", server.operator_port))
        assert server.stop() == exit_codes.STOPPED
        assert "hunter2" not in server.log_text()


def test_a_postgresql_that_goes_away_is_found_again_without_a_restart(
    tmp_path: Path, postgresql_server: PostgresqlServer, empty_postgresql_url: str
) -> None:
    with served(tmp_path, STORAGE_URL=empty_postgresql_url) as server, server.device() as device:
        assert server.ask(MOTION) == ACK
        with closed_to_all(postgresql_server, make_url(empty_postgresql_url).database or ""):
            device.sendto(b"cam2,MOAL,back door,0,0,0,0,0", (LOOPBACK, server.lfcp_port))
            wait_until(lambda: server.logged("storage failed, nothing is acknowledged until it is back"))
            assert server.ask(HEARTBEAT).startswith(b"cam1,ACK,")
        assert device.recv(100) == b"cam2,ACK,0,0,0,0,0,0"
        wait_until(lambda: b"back door" in server.ask(b"cam2,EVTS", server.operator_port))
        assert server.stop() == exit_codes.STOPPED


@contextlib.contextmanager
def closed_to_all(server: PostgresqlServer, database: str) -> Iterator[None]:
    """Whoever is connected is thrown out, and nobody gets in."""
    with psycopg.connect(server.get_uri(), autocommit=True) as administrator:
        administrator.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false".encode())
        administrator.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [database]
        )
        yield
        administrator.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true".encode())


@pytest.fixture
async def reactor() -> AsyncIterator[AsyncioSelectorReactor]:
    reactor = AsyncioSelectorReactor(asyncio.get_running_loop())
    yield reactor
    reactor.removeAll()


def config_in(directory: Path) -> Config:
    any_port = {"port": 0}
    return Config(
        server={"state_directory": str(directory)},
        lfcp={"addresses": [LOOPBACK], **any_port},
        operator=any_port,
        http=any_port,
        ingest={"addresses": [LOOPBACK], **any_port},
    )


async def test_a_server_can_live_in_another_program_s_loop(tmp_path: Path, reactor: AsyncioSelectorReactor) -> None:
    server = Application(config_in(tmp_path), asyncio.get_running_loop(), reactor)
    life = asyncio.create_task(server.run())
    await until(lambda: server.http_addresses)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.setblocking(False)
        device.connect(server.lfcp_addresses[0])
        await asyncio.get_running_loop().sock_sendall(device, MOTION)
        assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(device, 100), LIMIT) == ACK
    assert server.operator_addresses[0][0] == LOOPBACK
    server.ask_to_stop()
    await life
    assert stored_texts(tmp_path, "motion") == ["garden_gate"]


async def test_a_start_that_fails_lets_go_of_everything(tmp_path: Path, reactor: AsyncioSelectorReactor) -> None:
    loop = asyncio.get_running_loop()
    (tmp_path / "control.sock").write_text("a file in the way")
    with pytest.raises(StartError, match="exists and is no socket"):
        await Application(config_in(tmp_path), loop, reactor).run()
    (tmp_path / "control.sock").unlink()
    (tmp_path / "alarmd.sqlite").rename(tmp_path / "kept")
    (tmp_path / "alarmd.sqlite").write_bytes(b"not a database at all " * 1000)
    with pytest.raises(StartError, match="the database cannot be used"):
        Application(config_in(tmp_path), loop, reactor)
    (tmp_path / "kept").rename(tmp_path / "alarmd.sqlite")
    server = Application(config_in(tmp_path), loop, reactor)
    server.ask_to_stop()
    await server.run()


async def test_a_stop_does_not_wait_for_ever_for_a_database_that_is_away(
    tmp_path: Path, reactor: AsyncioSelectorReactor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(application, "DRAIN_PATIENCE", 0.05)
    server = Application(config_in(tmp_path), asyncio.get_running_loop(), reactor)
    await server.start()
    await server._runner.commits.until_idle()
    with locked(tmp_path / "alarmd.sqlite"):
        await server.stop()
    assert "it was never acknowledged" in capsys.readouterr().out
