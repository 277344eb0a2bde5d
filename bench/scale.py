"""A server with many devices: what each costs in memory, and how soon it answers after its start."""

from statistics import median

from bench.alarmd_server import alarmd
from bench.programs import Load, run_load
from bench.results import Result

PART = "scale"
DEVICES = 100_000
BYTES_EACH = 1500.0
START_SECONDS = 3.0


def measure(rounds: int, devices: int = DEVICES) -> list[Result]:
    with alarmd(1) as empty:
        run_load(empty, Load(devices=1, window=1, passes=0, count=1, source_port=empty.source_port))
        base, base_start = empty.resident_bytes(), empty.started_after
    starts, cpu, loaded, active, lost = [], [], [], [], 0
    for _ in range(rounds):
        with alarmd(devices) as server:
            starts.append(server.started_after)
            cpu.append(server.start_cpu)
            loaded.append(server.resident_bytes())
            load = Load(devices=devices, passes=2, seconds=1.0, source_port=server.source_port)
            lost += run_load(server, load).lost
            active.append(server.resident_bytes())
    return [
        Result(PART, "start to first answer, 1 device", base_start, "s"),
        Result(PART, f"start to first answer, {devices:,} devices", median(starts), "s", at_most=START_SECONDS),
        Result(PART, "of it, CPU", median(cpu), "s"),
        Result(PART, "resident, 1 device", base / 1e6, "MB"),
        Result(PART, "memory of a device, loaded", (median(loaded) - base) / devices, "bytes"),
        Result(
            PART,
            "memory of a device, after its heartbeats",
            (median(active) - base) / devices,
            "bytes",
            at_most=BYTES_EACH,
        ),
        Result(PART, "heartbeats not answered", lost, "", at_most=0),
    ]
