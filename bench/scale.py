"""A server with many devices: what each costs in memory, and how soon it answers after its start."""

from statistics import median
from typing import NamedTuple

from bench.alarmd_server import alarmd
from bench.programs import Load, need_mbedtls, run_load
from bench.results import Result

PART = "scale"
DEVICES = 100_000
PASSES = 2  # heartbeats of each: with the second one a device with a key has proved its address


class Sort(NamedTuple):
    """A sort of devices, and what one may cost at most."""

    what: str
    kind: str  # of the load
    keyed: bool
    bytes_each: float
    start_seconds: float | None  # with all of them


PLAIN = Sort("a device", "heartbeat", keyed=False, bytes_each=1500.0, start_seconds=3.0)
KEYED = Sort("a device with a key", "signed", keyed=True, bytes_each=4000.0, start_seconds=None)


class Seen(NamedTuple):
    """Of one server: s, s of CPU, bytes resident before and after the heartbeats, heartbeats without an answer."""

    started_after: float
    start_cpu: float
    loaded: int
    active: int
    lost: int


def measure(rounds: int, devices: int = DEVICES) -> list[Result]:
    return _of_sort(PLAIN, rounds, devices)


def measure_keyed(devices: int = DEVICES) -> list[Result]:
    """One round: memory does not vary, and the start has no bound."""
    need_mbedtls()
    return _of_sort(KEYED, 1, devices)


def _of_sort(sort: Sort, rounds: int, devices: int) -> list[Result]:
    base = _see(sort, 1)
    seen = [_see(sort, devices) for _ in range(rounds)]
    what, start = sort.what, median(one.started_after for one in seen)
    loaded, active = (median(one[at] for one in seen) - base.active for at in (2, 3))
    return [
        Result(PART, f"{what}: start to first answer, 1", base.started_after, "s"),
        Result(PART, f"{what}: start to first answer, {devices:,}", start, "s", at_most=sort.start_seconds),
        Result(PART, f"{what}: of it, CPU", median(one.start_cpu for one in seen), "s"),
        Result(PART, f"{what}: resident, 1", base.active / 1e6, "MB"),
        Result(PART, f"{what}: memory, loaded", loaded / devices, "bytes"),
        Result(PART, f"{what}: memory, after its heartbeats", active / devices, "bytes", at_most=sort.bytes_each),
        Result(PART, f"{what}: heartbeats not answered", sum(one.lost for one in seen), "", at_most=0),
    ]


def _see(sort: Sort, devices: int) -> Seen:
    with alarmd(devices, keyed=sort.keyed) as server:
        loaded = server.resident_bytes()
        load = Load(kind=sort.kind, devices=devices, passes=PASSES, seconds=1.0, source_port=server.source_port)
        lost = run_load(server, load).lost
        return Seen(server.started_after, server.start_cpu, loaded, server.resident_bytes(), lost)
