"""Devices that really fall silent before a real server: when was the loss stored?"""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from alarmd.core.event_kinds import EventKind
from alarmd.core.instant import SECOND
from alarmd.storage.interface import EventFilter
from alarmd.storage.opening import open_reader
from bench import fleet
from bench.alarmd_server import Alarmd, alarmd
from bench.results import Result

PART = "supervision"
REPORT_WITHIN = 20.0  # s; the least that alarmd takes
DEVICES = 40  # every second one falls silent
INTERVAL = 2.0  # s between heartbeats
ROUNDS = 3  # heartbeats of those that fall silent
WITHIN = 1.0  # s from the limit, before or after
PATIENCE = 5.0  # s beyond the limit


def measure() -> list[Result]:
    with alarmd(DEVICES, REPORT_WITHIN) as server:
        last = _heartbeats(server)
        told = _losses(server)
    expected = {fleet.name_of(n) for n in range(0, DEVICES, 2)}
    if set(told) != expected:
        raise RuntimeError(f"losses were told of {sorted(told)}, but silent were {sorted(expected)}")
    worst = max(abs(told[name] - last[name] - REPORT_WITHIN) for name in expected)
    what = f"loss told, {len(expected)} real devices, from the limit at most"
    return [Result(PART, what, worst, "s", at_most=WITHIN)]


def _heartbeats(server: Alarmd) -> dict[str, float]:
    """Until the limit of those that fell silent is past; when each device's last heartbeat left (wall clock, s)."""
    last: dict[str, float] = {}
    rounds = ROUNDS + int((REPORT_WITHIN + PATIENCE) / INTERVAL) + 1
    with _devices(server) as sockets:
        for turn in range(rounds):
            for number, device in enumerate(sockets):
                time.sleep(INTERVAL / DEVICES)
                if turn < ROUNDS or number % 2:
                    device.sendto(fleet.heartbeat_of(number), ("127.0.0.1", server.port))
                    last[fleet.name_of(number)] = time.time()
    return last


@contextmanager
def _devices(server: Alarmd) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        sockets = []
        for number in range(DEVICES):
            device = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            device.bind((fleet.address_of(number), server.source_port))
            sockets.append(device)
        yield sockets


def _losses(server: Alarmd) -> dict[str, float]:
    reader = open_reader(f"sqlite:///{server.database}")
    try:
        stored = reader.events(EventFilter(kind=EventKind.CONTACT_LOST, limit=DEVICES))
    finally:
        reader.close()
    return {one.device or "": one.event.received_at / SECOND for one in stored}
