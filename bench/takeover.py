"""The server that speaks is killed: when does the other one speak in its place, and say that it is alone?"""

import json
import socket
import time
from collections.abc import Sequence, Set
from statistics import median

from bench import fleet
from bench.alarmd_server import Alarmd
from bench.pair import A, B, joined, wait_for, wait_until_met
from bench.results import Result
from tests.fakes.receiver import Receiver, Reply, Request, receiver

PART = "takeover"
DEVICES = 1000
ALARMS = 60  # in a round; the server dies in the middle of them
APART = 0.05  # s between two
ACK_PATIENCE = 1.0  # s; then the alarm is sent again, as devices do
TRIES = 10
PATIENCE = 60.0  # s
VOICE, LOSS = 10.0, 15.0  # s


class Told:
    """What reached the destination (monotonic s). alarms: by device. losses: of a server."""

    def __init__(self) -> None:
        self.alarms: dict[str, list[float]] = {}
        self.losses: list[float] = []

    def take(self, request: Request) -> Reply:
        said = json.loads(request.body)
        if said["subject"] == "raised" and said["alarm"]["kind"] == "motion":
            self.alarms.setdefault(said["alarm"]["device"], []).append(time.monotonic())
        if said["subject"] == "raised" and said["alarm"]["kind"] == "peer_lost":
            self.losses.append(time.monotonic())
        return Reply()

    def wait_for(self, devices: Set[str], losses: int) -> None:
        wait_for(lambda: devices <= self.alarms.keys(), PATIENCE, "the alarms to be told")
        wait_for(lambda: len(self.losses) >= losses, PATIENCE, "the loss of the server to be told")


def measure(rounds: int, alarms: int = ALARMS) -> list[Result]:
    told = Told()
    waits: list[float] = []
    losses: list[float] = []
    with receiver() as hook, joined(DEVICES, _destination(hook)) as pair:
        hook.reply = told.take
        for number in range(rounds):
            with pair.run(B) as other, pair.run(A) as speaker:
                wait_until_met(speaker, other)
                devices = range(number * alarms, (number + 1) * alarms)
                acknowledged, killed = _alarms(devices, speaker, other)
                told.wait_for(acknowledged.keys(), losses=number + 1)
            waits += [max(0.0, told.alarms[name][0] - at) for name, at in acknowledged.items()]
            losses.append(told.losses[number] - killed)
    twice = sum(len(times) > 1 for times in told.alarms.values())
    return [
        Result(PART, f"an alarm told while the server that speaks is killed, p50 of {len(waits)}", median(waits), "s"),
        Result(PART, "worst, from its ACK", max(waits), "s", at_most=VOICE),
        Result(PART, "told twice", twice, ""),
        Result(PART, "the loss of the server told, worst", max(losses), "s", at_most=LOSS),
    ]


def _destination(hook: Receiver) -> dict[str, str]:
    return {
        "ALARMD_ALARMS_DESTINATIONS": "hook",
        "ALARMD_DESTINATIONS_HOOK_KIND": "webhook",
        "ALARMD_DESTINATIONS_HOOK_URL": hook.url,
        "ALARMD_DESTINATIONS_HOOK_SECRET": "the receiver and we know it",
    }


def _alarms(devices: Sequence[int], speaker: Alarmd, other: Alarmd) -> tuple[dict[str, float], float]:
    """By device, when its alarm was acknowledged by the first that did; and when the server was killed."""
    acknowledged: dict[str, float] = {}
    killed = 0.0
    for number in devices:
        if number == devices[len(devices) // 2]:
            speaker.process.kill()
            killed = time.monotonic()
        acknowledged[fleet.name_of(number)] = _acknowledged(number, (speaker, other))
        time.sleep(APART)
    return acknowledged, killed


def _acknowledged(number: int, servers: tuple[Alarmd, Alarmd]) -> float:
    """A device's alarm to both; when the first of them had it. Raises TimeoutError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.bind((fleet.address_of(number), 0))
        device.settimeout(ACK_PATIENCE)
        for _ in range(TRIES):
            for server in servers:
                device.sendto(fleet.motion_of(number), ("127.0.0.1", server.port))
            try:
                device.recv(512)
            except TimeoutError:
                continue
            return time.monotonic()
    raise TimeoutError(f"nobody acknowledged the alarm of {fleet.name_of(number)}")
