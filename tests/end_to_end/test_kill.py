"""kill -9 under load: everything that was acknowledged is there after the restart."""

import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from alarmd.storage.interface import EventFilter
from alarmd.storage.opening import open_reader
from tests.serving import Served, served

ROUNDS = 20 if os.environ.get("ALARMD_PROVE") else 2
DEVICES = 8
GENEROUS = {"DEVICES_MESSAGE_RATE": "1000", "DEVICES_MESSAGE_BURST": "100000"}


class Load(threading.Thread):
    """One device that sends a message, waits for its ACK, and remembers what was acknowledged."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__()
        self.device = name
        self.acknowledged: set[str] = set()
        self.enough = threading.Event()
        self.stopping = False
        self._port = port

    def run(self) -> None:
        number = 0
        while not self.stopping:
            with socket.socket(type=socket.SOCK_DGRAM) as sender:  # a late ACK, which names nothing, finds nobody
                sender.settimeout(0.5)
                while self._is_acknowledged(sender, number := number + 1) and not self.stopping:
                    pass

    def _is_acknowledged(self, sender: socket.socket, number: int) -> bool:
        verb, text = ("MOAL", "LOG")[number % 2], f"{self.device}-{number}"
        try:
            sender.sendto(f"{self.device},{verb},{text},0,0,0,0,0".encode(), ("127.0.0.1", self._port))
            assert sender.recv(200).startswith(f"{self.device},ACK".encode())
        except (TimeoutError, ConnectionError):
            return False
        self.acknowledged.add(text)
        if len(self.acknowledged) >= 30:
            self.enough.set()
        return True


def kill_under_load(server: Served, round_number: int) -> set[str]:
    """Load, kill, start again; what was acknowledged before."""
    load = [Load(f"r{round_number}d{number}", server.lfcp_port) for number in range(DEVICES)]
    for device in load:
        device.start()
    for device in load:
        assert device.enough.wait(60), "no ACKs"
    server.stop(signal.SIGKILL)
    for device in load:
        device.stopping = True
        device.join()
    server.start()
    return set().union(*(device.acknowledged for device in load))


def stored(url: str) -> set[str]:
    reader = open_reader(url)
    texts: set[str] = set()
    try:
        after = 0
        while page := reader.events(EventFilter(after_row=after, limit=1000)):
            texts |= {stored.event.text for stored in page}
            after = page[-1].row
    finally:
        reader.close()
    return texts


def prove(server: Served, url: str) -> None:
    acknowledged: set[str] = set()
    for number in range(ROUNDS):
        acknowledged |= kill_under_load(server, number)
        assert acknowledged <= stored(url)
    assert server.stop() == 0
    print(f"{ROUNDS} kills, {len(acknowledged)} acknowledged messages, none lost")  # noqa: T201 - shown by pytest -s
    assert len(acknowledged) >= ROUNDS * DEVICES * 30


def test_nothing_acknowledged_is_lost_by_kill_9_on_sqlite(tmp_path: Path) -> None:
    with served(tmp_path, **GENEROUS) as server:
        prove(server, f"sqlite:///{server.state / 'alarmd.sqlite'}")


@pytest.mark.prove
def test_nothing_acknowledged_is_lost_by_kill_9_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    with served(tmp_path, STORAGE_URL=postgresql_url, **GENEROUS) as server:
        prove(server, postgresql_url)
