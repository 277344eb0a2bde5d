"""From a motion's datagram to Telegram's request, over loopback, while heartbeats run beside it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles

from bench import fleet
from bench.alarmd_server import Alarmd, alarmd
from bench.programs import Load, run_load
from bench.results import Result
from tests.fakes.telegram import TOKEN, FakeTelegram, fake_telegram

PART = "telling"
DEVICES = 10_000
HEARTBEATS = 5000.0  # a second
CHAT = 42
APART = 1.1  # s between motions: a chat may have one message a second
SAMPLES = 30  # in a round
PATIENCE = 10.0  # s for one message
P50_MS, P99_MS = 20.0, 100.0


def measure(rounds: int) -> list[Result]:
    with fake_telegram() as api:
        api.add_chat(CHAT)
        with alarmd(DEVICES, settings=_destination(api)) as server:
            idle = _times(server, api, range(SAMPLES))
            numbers = range(SAMPLES, SAMPLES * (rounds + 1))
            with _heartbeats(server, len(numbers) * APART):
                busy = _times(server, api, numbers)
    return [
        Result(PART, "motion to Telegram, p50, nothing else going on", median(idle), "ms"),
        Result(PART, f"p50 beside {HEARTBEATS:,.0f} heartbeats/s", median(busy), "ms", at_most=P50_MS),
        Result(PART, "p99", quantiles(busy, n=100)[98], "ms", at_most=P99_MS),
        Result(PART, f"worst of {len(busy)}", max(busy), "ms"),
    ]


def _destination(api: FakeTelegram) -> dict[str, str]:
    return {
        "ALARMD_ALARMS_DESTINATIONS": "phone",
        "ALARMD_DESTINATIONS_PHONE_KIND": "telegram",
        "ALARMD_DESTINATIONS_PHONE_BOT_TOKEN": TOKEN,
        "ALARMD_DESTINATIONS_PHONE_API": api.url,
        "ALARMD_DESTINATIONS_PHONE_CHATS": str(CHAT),
    }


@contextmanager
def _heartbeats(server: Alarmd, seconds: float) -> Iterator[None]:
    """Of all devices, for as long as the block is measured."""
    load = Load(devices=DEVICES, rate=HEARTBEATS, seconds=seconds, source_port=server.source_port)
    running = threading.Thread(target=run_load, args=(server, load))
    running.start()
    try:
        yield
    finally:
        running.join()


def _times(server: Alarmd, api: FakeTelegram, numbers: range) -> list[float]:
    """ms; of one motion after the other, each of another device."""
    return [_time(server, api, number) for number in numbers]


def _time(server: Alarmd, api: FakeTelegram, number: int) -> float:
    posted = len(api.times)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.bind((fleet.address_of(number), 0))
        began = time.monotonic()
        device.sendto(fleet.motion_of(number), ("127.0.0.1", server.port))
        while len(api.times) == posted:
            if time.monotonic() > began + PATIENCE:
                raise TimeoutError(f"the motion of {fleet.name_of(number)} was not told within {PATIENCE:.0f} s")
            time.sleep(0.001)
    time.sleep(APART)
    return (api.times[posted][1] - began) * 1000
