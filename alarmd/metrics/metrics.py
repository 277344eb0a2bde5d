"""The metrics of one server, in one registry. Every method is called on the reactor's thread."""

import platform
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector

from alarmd import __version__
from alarmd.core.snapshot import Snapshot
from alarmd.core.state import State
from alarmd.metrics import catalogue
from alarmd.metrics.catalogue import Definition
from alarmd.metrics.families import Families, Histogram, LabelValues, Readings, Tally
from alarmd.metrics.pairs import PairMetrics
from alarmd.metrics.scraped import LiveState, Now, Outbox, OutboxCounts
from alarmd.metrics.watcher import Watcher

OUTBOX_UNREADABLE = "outbox_unreadable"
# Shown as zero from the first scrape on, so that the first of its kind is seen as an increase.
DATABASE_ERRORS = ("unavailable", "no_answer", "unexpected", "quarantined", OUTBOX_UNREADABLE)
DROPPED_TURNS = (("engine", "defect"), ("storage", "backlog_full"))

_CACHED = ("udp", "HEARTBEAT", "cached", "")


class Metrics:
    """`watch(input, effects, seconds)` is called after every turn of the engine, see Watcher.watch.

    where, reason, listener, destination, outcome, way and result become label values: codes of the program, never text
    from the wire. What is no code, or one code too many, counts as "other".
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._families = Families()
        self._watcher = Watcher(self._families)
        self.watch = self._watcher.watch  # bound, so that a turn pays for one call only
        self._frames = self._watcher.frames.values
        self._values = LabelValues()
        self._gauges: dict[str, Readings] = {}
        add = self._families.add
        self._commit_seconds = add(Histogram(catalogue.COMMIT_SECONDS)).at()
        self._commit_turns = add(Histogram(catalogue.COMMIT_TURNS)).at()
        self._database_errors = add(Tally(catalogue.DATABASE_ERRORS))
        self._dropped = add(Tally(catalogue.DROPPED))
        self._connections = add(Tally(catalogue.CONNECTIONS))
        self._connections_opened = add(Tally(catalogue.CONNECTIONS_OPENED))
        self._uploads = add(Tally(catalogue.UPLOADS))
        self._upload_bytes = add(Tally(catalogue.UPLOAD_BYTES))
        self._upload_bytes.values[()] = 0
        self._deliveries = add(Histogram(catalogue.DELIVERY_SECONDS))
        self._destinations = add(Tally(catalogue.DESTINATION_TAKES))
        self._archive = {one: add(Tally(one)) for one in catalogue.ARCHIVE_GAUGES}
        self._archive_deleted = add(Tally(catalogue.ARCHIVE_DELETED))
        self._archive_deleted.start_at_zero(catalogue.WHY_DELETED)
        self.pair = PairMetrics(self._families)
        self._blind = add(Tally(catalogue.BLIND_SECONDS))
        self._blind.values[()] = 0
        self._database_errors.start_at_zero(DATABASE_ERRORS)
        self._dropped.values.update(dict.fromkeys(DROPPED_TURNS, 0))
        add(Tally(catalogue.BUILD_INFO)).values[__version__, platform.python_version()] = 1
        registry.register(self._families)
        ProcessCollector(registry=registry)

    def loaded(self, snapshot: Snapshot) -> None:
        """What storage held at the start, before the first turn is watched."""
        self._watcher.loaded(snapshot)

    def follow(self, state: State, now: Now) -> None:
        """Show the live state at every scrape; the scrape must be made on the thread that changes it."""
        self._registry.register(LiveState(state, now))

    def follow_outbox(self, read: Callable[[], OutboxCounts], now: Now) -> None:
        """Show the outbox; `read` is called in a thread of its own, at most every few seconds."""
        self._registry.register(Outbox(read, lambda: self.commit_failed(OUTBOX_UNREADABLE), now))

    def queue(self, name: str, length: Callable[[], float], limit: float) -> None:
        """Show a bounded queue: `length` is asked at every scrape."""
        labels = {"queue": name}
        self.gauge_function(catalogue.QUEUE_LENGTH.name, catalogue.QUEUE_LENGTH.help, labels, length)
        self.gauge_function(catalogue.QUEUE_LIMIT.name, catalogue.QUEUE_LIMIT.help, labels, lambda: limit)

    def gauge_function(self, name: str, help_: str, labels: Mapping[str, str], read: Callable[[], float]) -> None:
        """Show what `read` returns at every scrape. Raises ValueError for labels that are shown already: one of the two
        would never be seen."""
        gauge = self._gauges.get(name)
        if gauge is None:
            gauge = self._gauges[name] = Readings(Definition(name, "gauge", tuple(labels), help_))
            self._families.add(gauge)
        values = tuple(labels.values())
        if values in gauge.functions:
            raise ValueError(f"{name}{dict(labels)} is shown already")
        gauge.functions[values] = read

    def heartbeats(self, count: int) -> None:
        """Plain heartbeats that the listener's cache answered; called once a batch."""
        self._frames[_CACHED] += count

    def committed(self, turns: int, seconds: float) -> None:
        """One transaction stored so many turns."""
        self._commit_seconds.observe(seconds)
        self._commit_turns.observe(turns)

    def commit_failed(self, reason: str) -> None:
        self._database_errors.values[(self._values[reason],)] += 1

    def dropped(self, where: str, reason: str, count: int = 1) -> None:
        """Given up by a listener (send buffer full, ICMP, oversize, too many connections) or further in."""
        self._dropped.values[self._values[where], self._values[reason]] += count

    def connection_opened(self, listener: str) -> None:
        labels = (self._values[listener],)
        self._connections.values[labels] += 1
        self._connections_opened.values[labels] += 1

    def connection_closed(self, listener: str) -> None:
        self._connections.values[(self._values[listener],)] -= 1

    def upload(self, way: str, result: str, size: int = 0) -> None:
        """An upload over HTTP was answered. size: bytes, of one that was accepted."""
        self._uploads.values[self._values[way], self._values[result]] += 1
        self._upload_bytes.values[()] += size

    def delivery(self, destination: str, outcome: str, seconds_since_created: float) -> None:
        """One attempt to deliver a message ended."""
        labels = (self._values[destination], self._values[outcome])
        self._deliveries.at(*labels).observe(max(0.0, seconds_since_created))

    def destination(self, name: str, takes: bool) -> None:
        """Whether a destination takes messages, as far as is known."""
        self._destinations.values[(self._values[name],)] = takes

    def archive(self, figures: Mapping[Definition, float]) -> None:
        """The gauges of the archive, as they were just found."""
        for definition, value in figures.items():
            self._archive[definition].values[()] = value

    def archive_deleted(self, reason: str, pictures: int) -> None:
        self._archive_deleted.values[(self._values[reason],)] += pictures

    def blind(self, seconds: float) -> None:
        """The server itself did not run for so long."""
        self._blind.values[()] += seconds
