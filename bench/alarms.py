"""Motion alarms, each committed before its ACK: alarmd against SQLite alone with the same rows in the same batches.

Every device raises its alarm before the clock runs, and these are told; what is measured is the motion that follows,
an event each. The pass that raises the alarms is reported too, since a real break-in begins with it.
"""

from dataclasses import dataclass, replace
from statistics import median

from bench import raw_sqlite
from bench.alarmd_server import Alarmd, alarmd
from bench.programs import Load, LoadReport, run_load
from bench.results import Result

PART = "alarms"
DEVICES = 10_000
WINDOW = 1000  # on the way at once
OF_RAW = 0.15  # of the raw rate
RATE = 5000.0  # alarms a second, for the latency
P99_MS = 50.0


@dataclass(frozen=True, slots=True)
class _Round:
    """What alarmd did, its mean batch, and SQLite alone with that batch, rows a second."""

    report: LoadReport
    batch: int
    raw: float
    raw_unindexed: float


def measure(rounds: int, seconds: float, devices: int = DEVICES) -> list[Result]:
    with alarmd(devices) as server:
        load = Load("moal", devices, WINDOW, seconds=seconds, passes=0, source_port=server.source_port)
        first = run_load(server, replace(load, count=devices, seconds=60.0))
        server.wait_until_told()
        pairs = [_round(server, load) for _ in range(rounds)]
        steady = [run_load(server, replace(load, rate=RATE)) for _ in range(rounds)]
    reports = [one.report for one in pairs]
    return [
        Result(PART, f"first motion of {devices:,} devices", first.rate, "/s"),
        Result(PART, "first motion, p99 of the ACK", first.p99_ms, "ms"),
        Result(PART, "further motion", median(r.rate for r in reports), "/s"),
        Result(PART, "further motion, CPU of each", median(r.cpu_us for r in reports), "µs"),
        Result(PART, "events in a transaction", median(one.batch for one in pairs), ""),
        Result(PART, "SQLite alone, same rows, same batches", median(one.raw for one in pairs), "/s"),
        Result(PART, "SQLite alone, without the indexes", median(one.raw_unindexed for one in pairs), "/s"),
        Result(PART, "alarmd to SQLite alone", median(o.report.rate / o.raw for o in pairs), "", at_least=OF_RAW),
        Result(PART, "alarmd to it without the indexes", median(o.report.rate / o.raw_unindexed for o in pairs), ""),
        Result(PART, f"p50 of the ACK at {RATE:,.0f}/s", median(r.p50_ms for r in steady), "ms"),
        Result(PART, f"p99 of the ACK at {RATE:,.0f}/s", median(r.p99_ms for r in steady), "ms", at_most=P99_MS),
        Result(PART, "alarms not acknowledged", sum(r.lost for r in [first, *reports, *steady]), "", at_most=0),
    ]


def _round(server: Alarmd, load: Load) -> _Round:
    commits, turns = server.metric("alarmd_commit_turns_count"), server.metric("alarmd_commit_turns_sum")
    report = run_load(server, load)
    commits = server.metric("alarmd_commit_turns_count") - commits
    turns = server.metric("alarmd_commit_turns_sum") - turns
    batch = max(1, round(turns / max(1, commits)))
    schema, rows = raw_sqlite.newest_events(server.database, min(report.answered, raw_sqlite.MAX_ROWS))
    raw, unindexed = (raw_sqlite.best_rate(server.directory, made, rows, batch) for made in (schema, schema[:1]))
    return _Round(report, batch, raw, unindexed)
