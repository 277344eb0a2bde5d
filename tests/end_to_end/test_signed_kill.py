"""kill -9 of server and devices that sign: nothing acknowledged is lost, nothing doubled, no counter used twice."""

import os
import secrets
import select
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from alarmd.storage.interface import EventFilter, StoredEvent
from alarmd.storage.opening import open_reader
from lfcp import Report, decode
from lfcp.authenticator import key_from_text
from lfcp.client import ClientSession, MessageAcknowledged, VolatileMemory
from lfcp.constants import Verb
from tests.serving import LOOPBACK, Served, served
from tests.waiting import wait_until

ROUNDS = 20 if os.environ.get("ALARMD_PROVE") else 2
DEVICES = 4
ENOUGH = 15  # messages of each device that are acknowledged before each kill
LABEL = "A"
LONGEST_LOOK = 0.2  # s


class SignedLoad(threading.Thread):
    """A device that always has something to tell. Everything that travels is recorded."""

    def __init__(self, name: str, key: bytes, server: Served) -> None:
        super().__init__(daemon=True)
        self.name = name
        self.acknowledged: list[str] = []
        self.frames_up: list[bytes] = []
        self.frames_down: list[bytes] = []
        self.stopping = self.dying = False
        self._key, self._server = key, server
        self._memory = VolatileMemory()
        self._number = 0
        self._boot()

    def run(self) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as device:
            while not self.stopping:
                if self.dying:
                    self._boot()
                    self.dying = False
                self._session.queue(Verb.LOG, f"{self.name}-{self._number}", time.monotonic())
                self._number += 1
                self._exchange(device)

    def _boot(self) -> None:
        """Its memory for counters survives, as a file would."""
        report = Report(boot_id=secrets.token_hex(8))
        jitter = secrets.SystemRandom().random
        self._session = ClientSession(
            self.name, (LABEL,), 5.0, jitter, report=report, key=self._key, memory=self._memory
        )

    def _exchange(self, device: socket.socket) -> None:
        for _, frame in self._session.poll(time.monotonic()):
            self.frames_up.append(frame)
            device.sendto(frame, (LOOPBACK, self._server.lfcp_port))
        wait = min(LONGEST_LOOK, max(0.0, self._session.next_wakeup() - time.monotonic()))
        if not select.select([device], [], [], wait)[0]:
            return
        try:
            frame = device.recv(600)
        except ConnectionError:  # nobody listens there while the server is down
            return
        self.frames_down.append(frame)
        events = self._session.receive(LABEL, frame, time.monotonic())
        self.acknowledged += [event.text for event in events if isinstance(event, MessageAcknowledged)]


def stored(server: Served) -> list[StoredEvent]:
    reader = open_reader(f"sqlite:///{server.state}/alarmd.sqlite")
    found: list[StoredEvent] = []
    try:
        while page := reader.events(EventFilter(kind="log", after_row=found[-1].row if found else 0, limit=1000)):
            found += page
    finally:
        reader.close()
    return found


def assert_used_once(frames: Iterable[bytes]) -> None:
    """Each counter for one frame only; the same frame may have come twice."""
    counters = Counter(decode(frame).signature for frame in set(frames))
    by_counter = Counter(signature.counter for signature in counters if signature is not None)
    assert max(by_counter.values()) == 1


def kill_in_turns(server: Served, devices: list[SignedLoad]) -> None:
    for number in range(ROUNDS):
        goal = {device: len(device.acknowledged) + ENOUGH for device in devices}
        for device, enough in goal.items():
            wait_until(lambda device=device, enough=enough: len(device.acknowledged) >= enough, "ACKs")  # type: ignore[misc]
        server.stop(signal.SIGKILL)
        devices[number % DEVICES].dying = True
        server.start()


def test_kills_of_server_and_devices_lose_nothing_double_nothing_and_use_no_counter_twice(tmp_path: Path) -> None:
    generous = {"DEVICES_MESSAGE_RATE": "1000", "DEVICES_MESSAGE_BURST": "100000"}
    with served(tmp_path, **generous) as server:
        names = [f"cam{number}" for number in range(DEVICES)]
        keys = {name: key_from_text(server.told("device", "add", name)["key"]) for name in names}
        devices = [SignedLoad(name, key, server) for name, key in keys.items()]
        for device in devices:
            device.start()
        kill_in_turns(server, devices)
        wait_until(lambda: {one["presence"] for one in server.told("devices")["devices"]} == {"online"}, "contact")
        for device in devices:
            device.stopping = True
            device.join()
        assert server.stop() == 0
        events = stored(server)
    copies = Counter((event.device, event.event.boot_id, event.event.boot_event) for event in events)
    assert set(copies.values()) == {1}
    acknowledged = {text for device in devices for text in device.acknowledged}
    assert acknowledged <= {event.event.text for event in events}
    for device in devices:
        assert_used_once(device.frames_up)
        assert_used_once(device.frames_down)
    print(f"{ROUNDS} kills, {len(acknowledged)} acknowledged messages")  # noqa: T201 - shown by pytest -s
