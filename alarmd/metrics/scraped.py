"""What is read only when Prometheus asks: the live state, and the outbox, which no scrape may wait for."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Protocol

from prometheus_client.core import Metric

from alarmd.core import views, way_views
from alarmd.core.device_session import DeviceSession
from alarmd.core.instant import SECOND, Instant
from alarmd.core.meeting_lifecycle import MeetingState
from alarmd.core.records import Presence
from alarmd.core.state import State
from alarmd.metrics import catalogue
from alarmd.metrics.families import Tally
from lfcp.candidates import Mapping
from lfcp.constants import RendezvousReason

UNDER_WAY = tuple(state for state in MeetingState if state is not MeetingState.OVER)
OUTBOX_FRESH = 5.0  # s for which an answer about the outbox is good enough
OUTBOX_PATIENCE = 60.0  # s that a reading may take before the one before it is no longer shown

Now = Callable[[], Instant]


class OutboxCounts(Protocol):
    """storage's OutboxState."""

    @property
    def pending(self) -> int: ...
    @property
    def leased(self) -> int: ...
    @property
    def dead(self) -> int: ...
    @property
    def oldest_pending_at(self) -> int | None: ...


class LiveState:
    """Devices by presence and by what their NATs do, how long ago the first adopted ones were seen and sent a picture,
    and the rendezvous under way."""

    def __init__(self, state: State, now: Now) -> None:
        self._state = state
        self._now = now

    def collect(self) -> Iterator[Metric]:
        yield self._presence().collect()
        yield self._adopted_count().collect()
        yield self._ages().collect()
        for family in (*self._ways(), *self._rendezvous(), *self._pictures()):
            yield family.collect()

    def _presence(self) -> Tally:
        family, counts = Tally(catalogue.DEVICES), views.presence_counts(self._state)
        for presence in Presence:
            family.values[(presence,)] = counts[presence]
        return family

    def _adopted_count(self) -> Tally:
        family = Tally(catalogue.DEVICES_ADOPTED)
        family.values[()] = sum(map(len, self._state.zone_members.values()))
        return family

    def _ages(self) -> Tally:
        family, now = Tally(catalogue.LAST_CONTACT_AGE), self._now()
        for session in self._first_adopted():
            name = session.device.name
            device = views.device(self._state, name, now)
            if device is not None:
                family.values[(name,)] = max(0, now.wall - device.contact.last_contact) / SECOND
        return family

    def _ways(self) -> tuple[Tally, Tally, Tally]:
        mappings, seldom, trips = (
            Tally(one) for one in (catalogue.MAPPINGS, catalogue.BEAT_TOO_SELDOM, catalogue.ROUND_TRIP)
        )
        counts = way_views.mapping_counts(self._adopted())
        for mapping in Mapping:
            mappings.values[(mapping.name.lower(),)] = counts[mapping]
        seldom.values[()] = sum(not way_views.fits(session) for session in self._adopted())
        for session in self._first_adopted():
            if session.signed is not None and session.signed.round_trip is not None:
                trips.values[(session.device.name,)] = session.signed.round_trip
        return mappings, seldom, trips

    def _rendezvous(self) -> Iterator[Tally]:
        meetings = self._state.meetings
        sessions, refusals = Tally(catalogue.SESSIONS), Tally(catalogue.REFUSALS)
        counts = Counter(meeting.state for meeting in meetings.by_id.values())
        for state in UNDER_WAY:
            sessions.values[(state,)] = counts[state]
        for reason in RendezvousReason:
            refusals.values[(reason,)] = meetings.refusals[reason]
        yield sessions
        yield refusals
        relayed = (
            (catalogue.RELAYED_DATAGRAMS, meetings.relayed_datagrams),
            (catalogue.RELAYED_BYTES, meetings.relayed_bytes),
        )
        for definition, count in relayed:
            family = Tally(definition)
            family.values[()] = count
            yield family

    def _pictures(self) -> tuple[Tally, Tally]:
        ages, intervals = Tally(catalogue.PICTURE_AGE), Tally(catalogue.PICTURE_INTERVAL)
        wall = self._now().wall
        for session in self._first_adopted():
            labels = (session.device.name,)
            newest = views.newest_picture(self._state, session)
            if newest is not None:
                ages.values[labels] = views.picture_age(newest, wall)
            camera = self._state.cameras.get(session.device.id)
            if camera is not None and camera.every:
                intervals.values[labels] = camera.every
        return ages, intervals

    def _first_adopted(self) -> Iterator[DeviceSession]:
        return islice(self._adopted(), catalogue.MAX_DEVICE_SERIES)

    def _adopted(self) -> Iterator[DeviceSession]:
        return chain.from_iterable(zone.values() for zone in self._state.zone_members.values())


def in_daemon_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="outbox-counts", daemon=True).start()


class Outbox:
    """The outbox as it was at the last reading. A scrape shows that and has the next reading made in another
    thread, so that a slow database slows neither the scrape nor the reactor that serves it. While the outbox
    cannot be read there is no number, rather than an old one."""

    def __init__(
        self,
        read: Callable[[], OutboxCounts],
        failed: Callable[[], None],
        now: Now,
        in_thread: Callable[[Callable[[], None]], None] = in_daemon_thread,
    ) -> None:
        self._read = read
        self._failed = failed
        self._now = now
        self._in_thread = in_thread
        self._counts: OutboxCounts | None = None
        self._asked_at = 0.0
        self._reading = False
        self._refresh()

    def collect(self) -> Iterator[Metric]:
        age, hung = self._now().mono - self._asked_at, False
        if self._reading:
            hung = age > OUTBOX_PATIENCE
        elif age >= OUTBOX_FRESH:
            self._refresh()
        counts = None if hung else self._counts
        if counts is not None:
            yield self._deliveries(counts).collect()
            yield self._age(counts).collect()

    def _refresh(self) -> None:
        self._reading, self._asked_at = True, self._now().mono
        self._in_thread(self._read_once)

    def _read_once(self) -> None:
        try:
            self._counts = self._read()
        except Exception:  # whatever the database's driver raises; a scrape must go on without it
            self._counts = None
            self._failed()
        finally:
            self._reading = False

    def _deliveries(self, counts: OutboxCounts) -> Tally:
        family = Tally(catalogue.OUTBOX_DELIVERIES)
        family.values[("pending",)] = counts.pending
        family.values[("leased",)] = counts.leased
        family.values[("dead",)] = counts.dead
        return family

    def _age(self, counts: OutboxCounts) -> Tally:
        family, oldest = Tally(catalogue.OUTBOX_OLDEST_AGE), counts.oldest_pending_at
        family.values[()] = 0 if oldest is None else max(0, self._now().wall - oldest) / SECOND
        return family
