"""Heartbeats while every device climbs the ladder: the answers to KEEP that wait must not make them dearer."""

import socket
import time
from collections.abc import Iterator
from itertools import count
from statistics import median

from bench import fleet
from bench.alarmd_server import Alarmd, alarmd
from bench.heartbeats import DEVICES, WINDOW
from bench.programs import Load, need_mbedtls, run_load
from bench.results import Result
from bench.signed import KIND
from lfcp import encode_signed
from lfcp.constants import KEEP_STEPS, Verb

PART = "ladder"
READ = "alarmd_frames_received_total"
ROUNDS = 5  # at least
TRIES = 2  # sockets a step, as devices have them
OF_CALM = 1.25  # of what a heartbeat costs the server while no ladder is climbed
A_BREATH = 70  # KEEPs between two pauses: the server must not lose what nobody would send at once
BREATH = 0.008  # s
SETTLE = 30.0  # s for the server to read what was sent


def measure(rounds: int, seconds: float, devices: int = DEVICES) -> list[Result]:
    need_mbedtls()
    calm_cost, climbing_cost, asked = [], [], 0.0
    with alarmd(devices, keyed=True) as calm, alarmd(devices, keyed=True) as climbing:
        began = climbing.cpu_seconds()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probes:
            waiting = ask(climbing, probes, devices)
            asked = climbing.cpu_seconds() - began
            for _ in range(max(rounds, ROUNDS)):
                calm_cost.append(beat(calm, devices, seconds))
                climbing_cost.append(beat(climbing, devices, seconds))
    ratio = median(after / before for before, after in zip(calm_cost, climbing_cost, strict=True))
    return [
        Result(PART, "answers to KEEP that wait", waiting, ""),
        Result(PART, "CPU of a KEEP that waits", asked / waiting * 1e6, "µs"),
        Result(PART, "CPU of a heartbeat, no ladder", median(calm_cost), "µs"),
        Result(PART, f"CPU of a heartbeat, {devices:,} ladders", median(climbing_cost), "µs"),
        Result(PART, "with ladders to without", ratio, "", at_most=OF_CALM),
    ]


def beat(server: Alarmd, devices: int, seconds: float) -> float:
    """CPU µs of the server for each heartbeat. The answers to KEEP that fall due meanwhile are in it."""
    load = Load(kind=KIND, devices=devices, window=WINDOW, seconds=seconds, source_port=server.source_port)
    return run_load(server, load).cpu_us


def ask(server: Alarmd, probes: socket.socket, devices: int) -> int:
    """Every step of the ladder, twice for each device. Returns how many the server read, all of which wait."""
    before = server.metric(READ)
    wanted = 0
    for wanted, frame in enumerate(_keeps(devices), 1):
        probes.sendto(frame, ("127.0.0.1", server.port))
        if wanted % A_BREATH == 0:
            time.sleep(BREATH)
    deadline = time.monotonic() + SETTLE
    while (taken := round(server.metric(READ) - before)) < wanted and time.monotonic() < deadline:
        time.sleep(BREATH)
    return taken


def _keeps(devices: int) -> Iterator[bytes]:
    """Their counters are below those of the load, which begin at the clock's microseconds when it starts."""
    counters = count(time.time_ns() // 1000)
    for number in range(devices):
        tag_key = fleet.tag_key_of(number)
        for step in KEEP_STEPS:
            for _ in range(TRIES):
                delay = str(step * 1000)
                yield encode_signed(tag_key, next(counters), fleet.name_of(number), Verb.KEEP, delay)
