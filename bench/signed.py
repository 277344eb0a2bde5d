"""Signed heartbeats of many devices: both tags computed by alarmd, against plain ones of a bare Twisted server."""

from statistics import median

from bench.alarmd_server import alarmd
from bench.heartbeats import DEVICES, WINDOW, ratio
from bench.programs import Load, LoadReport, bare_twisted, need_mbedtls, run_load
from bench.results import Result
from bench.signed_rules import cost

PART = "signed"
KIND = "signed"
OF_BARE = 0.3  # of the bare Twisted server's rate with plain heartbeats
P99_MS = 15.0  # at half of alarmd's own rate
LOAD_COSTS = 0.5  # of the server's CPU at most, or the load would be what is measured


def measure(rounds: int, seconds: float, devices: int = DEVICES) -> list[Result]:
    need_mbedtls()
    with bare_twisted() as bare, alarmd(devices, keyed=True) as full:
        plain = Load(devices=devices, window=WINDOW, seconds=seconds)
        signed = Load(kind=KIND, devices=devices, window=WINDOW, seconds=seconds, source_port=full.source_port)
        theirs, ours = [], []
        for _ in range(rounds):
            theirs.append(run_load(bare, plain))
            ours.append(run_load(full, signed))
        rate = median(report.rate for report in ours)
        half = Load(kind=KIND, devices=devices, rate=rate / 2, seconds=seconds, source_port=full.source_port)
        at_half = [run_load(full, half) for _ in range(rounds)]
    return [
        Result(PART, "bare Twisted, plain", median(r.rate for r in theirs), "/s"),
        Result(PART, "alarmd, signed", rate, "/s"),
        Result(PART, "alarmd, CPU of each", median(r.cpu_us for r in ours), "µs"),
        Result(PART, "of it, the rules", cost(), "µs"),
        Result(PART, "alarmd to bare Twisted", ratio(ours, theirs), "", at_least=OF_BARE),
        Result(PART, "the load's CPU of each to alarmd's", _load_costs(ours), "", at_most=LOAD_COSTS),
        Result(PART, "p50 at half of alarmd's rate", median(r.p50_ms for r in at_half), "ms"),
        Result(PART, "p99 at half of alarmd's rate", median(r.p99_ms for r in at_half), "ms", at_most=P99_MS),
        Result(PART, "worst of all at half rate", max(r.max_ms for r in at_half), "ms"),
        Result(PART, "heartbeats that proved nothing", sum(r.challenged for r in ours + at_half), "", at_most=0),
        Result(PART, "heartbeats not answered", sum(r.lost for r in ours + at_half), "", at_most=0),
    ]


def _load_costs(reports: list[LoadReport]) -> float:
    return median(report.own_cpu_us / report.cpu_us for report in reports)
