import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from alarmd.adapters.service_notify import READY, WATCHDOG, ServiceNotify


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """As much of systemd as the service sees: a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(30)
        yield sock


def address(manager: socket.socket) -> str:
    name: str = manager.getsockname()
    return name


def test_systemd_is_told(manager: socket.socket) -> None:
    ServiceNotify({"NOTIFY_SOCKET": address(manager)}).tell(READY)
    assert manager.recv(100) == b"READY=1"


def test_an_abstract_socket_is_written_with_an_at_sign() -> None:
    name = f"alarmd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        manager.settimeout(30)
        ServiceNotify({"NOTIFY_SOCKET": f"@{name}"}).tell(READY)
        assert manager.recv(100) == b"READY=1"


def test_without_systemd_nothing_happens() -> None:
    ServiceNotify({}).tell(READY)


def test_a_manager_that_went_away_is_no_reason_to_fail(tmp_path: Path) -> None:
    ServiceNotify({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).tell(READY)


async def test_signs_of_life_come_twice_as_often_as_asked_for(manager: socket.socket) -> None:
    manager.setblocking(False)
    environ = {"NOTIFY_SOCKET": address(manager), "WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(os.getpid())}
    notify = ServiceNotify(environ)
    assert notify._interval == 0.01
    notify.start_watchdog()
    loop = asyncio.get_running_loop()
    for _ in range(3):
        assert await asyncio.wait_for(loop.sock_recv(manager, 100), 30) == WATCHDOG.encode()
    notify.stop_watchdog()


@pytest.mark.parametrize("environ", [{}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}])
async def test_no_signs_of_life_unless_systemd_wants_them_from_this_process(environ: dict[str, str]) -> None:
    notify = ServiceNotify(environ)
    notify.start_watchdog()
    assert notify._task is None
    notify.stop_watchdog()
