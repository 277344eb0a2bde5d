"""Plain heartbeats of many devices: alarmd against the least that Twisted and C can do."""

from statistics import median

from bench.alarmd_server import alarmd
from bench.programs import Load, LoadReport, bare_twisted, c_peer, run_load
from bench.results import Result

PART = "heartbeats"
DEVICES = 10_000
WINDOW = 128  # on the way at once
OF_BARE = 0.5  # of the bare Twisted server's rate
P99_MS = 15.0  # at half of alarmd's own rate


def measure(rounds: int, seconds: float, devices: int = DEVICES) -> list[Result]:
    with c_peer() as peer, bare_twisted() as bare, alarmd(devices) as full:
        load = Load(devices=devices, window=WINDOW, seconds=seconds, source_port=full.source_port)
        seen: dict[str, list[LoadReport]] = {server.name: [] for server in (peer, bare, full)}
        for _ in range(rounds):
            for server in (peer, bare, full):
                seen[server.name].append(run_load(server, load))
        own = seen[full.name]
        half = Load(
            devices=devices,
            rate=median(report.rate for report in own) / 2,
            seconds=seconds,
            source_port=full.source_port,
        )
        at_half = [run_load(full, half) for _ in range(rounds)]
    lines = [line for name, reports in seen.items() for line in _rates(name, reports)]
    return [
        *lines,
        Result(PART, "alarmd to bare Twisted", ratio(own, seen[bare.name]), "", at_least=OF_BARE),
        Result(PART, "alarmd to C", ratio(own, seen[peer.name]), ""),
        Result(PART, "p50 at half of alarmd's rate", median(r.p50_ms for r in at_half), "ms"),
        Result(PART, "p99 at half of alarmd's rate", median(r.p99_ms for r in at_half), "ms", at_most=P99_MS),
        Result(PART, "worst of all at half rate", max(r.max_ms for r in at_half), "ms"),
        Result(PART, "of it, the load's own delay at most", max(r.behind_ms for r in at_half), "ms"),
        Result(PART, "alarmd, heartbeats not answered", sum(r.lost for r in own + at_half), "", at_most=0),
    ]


def _rates(name: str, reports: list[LoadReport]) -> list[Result]:
    return [
        Result(PART, name, median(r.rate for r in reports), "/s"),
        Result(PART, f"{name}, CPU of each", median(r.cpu_us for r in reports), "µs"),
    ]


def ratio(ours: list[LoadReport], theirs: list[LoadReport]) -> float:
    """Round by round, since what else the machine does changes between rounds."""
    return median(our.rate / their.rate for our, their in zip(ours, theirs, strict=True))
