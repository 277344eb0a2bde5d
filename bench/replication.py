"""What reaches the other server of a pair and when: events as they come, and 100,000 of them after a time apart.

Wall clocks are compared: both servers are on this machine.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median, quantiles

from alarmd.adapters.reactor_clock import now
from alarmd.adapters.server_key import server_key
from alarmd.core.effects import RecordEvent
from alarmd.core.event_kinds import EventKind
from alarmd.core.instant import SECOND
from alarmd.core.records import Event
from alarmd.storage.opening import open_store
from alarmd.storage.vault import Vault
from bench import fleet
from bench.alarmd_server import Alarmd, database_in, url_of
from bench.pair import A, B, Pair, joined, wait_for, wait_until_met
from bench.programs import Load, LoadReport, run_load
from bench.results import Result

PART = "replication"
DEVICES = 1000
EVENTS = 1000.0  # /s
LAG_MS = 200.0  # p99
LOOK_EVERY = 0.005  # s between two looks at what the other server has; it counts as lag
BACKLOG = 100_000  # events
TURN = 1000  # of them in a transaction, when they are made
CATCH_UP = 30.0  # s
HEARTBEATS = 2000.0  # /s
UNNOTICED = 2.0  # times the p99 without catching up
PATIENCE = 300.0  # s
NEWEST = "SELECT coalesce(max(row), 0) FROM events"
LATER = "SELECT row, received_at FROM events WHERE row > ? AND kind = 'motion'"
NEWEST_OF = "SELECT coalesce(max(sequence), 0) FROM events WHERE origin = ?"


def measure(rounds: int, seconds: float, backlog: int = BACKLOG) -> list[Result]:
    return [*_lag(rounds, seconds), *_catching_up(rounds, seconds, backlog)]


def _lag(rounds: int, seconds: float) -> list[Result]:
    lags: list[float] = []
    with joined(DEVICES) as pair, pair.run(A) as here:
        load = Load("moal", DEVICES, rate=EVENTS, seconds=seconds, passes=1, source_port=here.source_port)
        alone = [run_load(here, load) for _ in range(rounds)]
        with pair.run(B) as there:
            wait_until_met(here, there)
            beside = []
            for _ in range(rounds):
                with _watched(there, lags):
                    beside.append(run_load(here, load))
                    wait_for(_has_all(pair), PATIENCE, "the copies")
    return [
        Result(PART, f"an event at the other server, {EVENTS:,.0f}/s, p50", median(lags), "ms"),
        Result(PART, "p99", quantiles(lags, n=100)[98], "ms", at_most=LAG_MS),
        Result(PART, "p50 of an alarm's ACK, without a peer", median(r.p50_ms for r in alone), "ms"),
        Result(PART, "p99 of an alarm's ACK, without a peer", median(r.p99_ms for r in alone), "ms"),
        Result(PART, "p50 of an alarm's ACK, stored at both", median(r.p50_ms for r in beside), "ms"),
        Result(PART, "p99 of an alarm's ACK, stored at both", median(r.p99_ms for r in beside), "ms", at_most=LAG_MS),
        Result(PART, "alarms not acknowledged", sum(r.lost for r in alone + beside), "", at_most=0),
    ]


@contextmanager
def _watched(there: Alarmd, lags: list[float]) -> Iterator[None]:
    """lags: gets ms from each motion's arrival at one server to its being there at the other."""
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(there, lags, over))
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


def _watch(there: Alarmd, lags: list[float], over: threading.Event) -> None:
    with closing(_open(there.database)) as database:
        (row,) = database.execute(NEWEST).fetchone()
        while not over.wait(LOOK_EVERY):
            wall = now().wall
            stored = database.execute(LATER, (row,)).fetchall()
            lags += [(wall - received_at) / SECOND * 1000 for _, received_at in stored]
            row = stored[-1][0] if stored else row


def _has_all(pair: Pair) -> Callable[[], bool]:
    """Whether B has the newest event that A has now."""
    wanted = _newest(_database(pair, A))
    return lambda: _newest(_database(pair, B)) >= wanted


def _database(pair: Pair, label: str) -> Path:
    return database_in(pair.directories[label])


def _newest(file: Path) -> int:
    """The number of the newest event of A's; 0: there is none yet, or no table for it."""
    try:
        with closing(_open(file)) as database:
            found: int = database.execute(NEWEST_OF, (A,)).fetchone()[0]
            return found
    except sqlite3.OperationalError:
        return 0


def _open(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{file}?mode=ro", uri=True)


def _catching_up(rounds: int, seconds: float, backlog: int) -> list[Result]:
    spent: list[float] = []
    alone: list[LoadReport] = []
    beside: list[LoadReport] = []
    with joined(DEVICES) as pair:
        _record(pair, backlog)
        with pair.run(A) as here:
            load = Load(devices=DEVICES, rate=HEARTBEATS, seconds=seconds, source_port=here.source_port)
            for _ in range(rounds):
                pair.forget()
                alone.append(run_load(here, load))
                with _beside(pair, lambda: beside.append(run_load(here, load))):
                    spent.append(_time(pair))
    ratio = median(with_.p99_ms / without.p99_ms for with_, without in zip(beside, alone, strict=True))
    return [
        Result(PART, f"catching up, {backlog:,} events", max(spent), "s", at_most=CATCH_UP),
        Result(PART, "p99 of heartbeats before it", median(r.p99_ms for r in alone), "ms"),
        Result(PART, "p99 of heartbeats beside it", median(r.p99_ms for r in beside), "ms"),
        Result(PART, "that to the one before", ratio, "", at_most=UNNOTICED),
        Result(PART, "heartbeats not answered", sum(r.lost for r in alone + beside), "", at_most=0),
    ]


def _time(pair: Pair) -> float:
    """s from B's start until it has everything and answers."""
    began, has_all = time.monotonic(), _has_all(pair)
    with pair.run(B):
        wait_for(has_all, PATIENCE, "the backlog at the other server")
        return time.monotonic() - began


@contextmanager
def _beside(pair: Pair, work: Callable[[], None]) -> Iterator[None]:
    """The work begins in the block as soon as B has anything of A's, and is done afterwards."""

    def run() -> None:
        wait_for(lambda: _newest(_database(pair, B)) > 0, PATIENCE, "the first of the backlog")
        work()

    working = threading.Thread(target=run)
    working.start()
    try:
        yield
    finally:
        working.join()


def _record(pair: Pair, backlog: int) -> None:
    """Logs of the devices, through the store as the server would, while the other server is away."""
    directory = pair.directories[A]
    store = open_store(url_of(database_in(directory)), A, Vault(server_key(directory)))
    began = now().wall
    try:
        for first in range(0, backlog, TURN):
            store.commit([[RecordEvent(_log(number, began)) for number in range(first, min(first + TURN, backlog))]])
    finally:
        store.close()


def _log(number: int, wall: int) -> Event:
    device = number % DEVICES
    return Event(
        origin=A,
        sequence=number + 1,
        hlc=number + 2,
        happened_at=wall,
        received_at=wall,
        device_id=device + 1,
        zone_id=1,
        kind=EventKind.LOG,
        text=f"{fleet.name_of(device)} says {number}",
        boot_id=None,
        boot_event=None,
        alarm_id=None,
    )
