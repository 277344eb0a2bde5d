"""Whatever is done in whatever order, the databases answer as the store in memory does."""

import itertools
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import create_engine, text

from alarmd.core.effects import (
    CopyDelivery,
    CopyEvent,
    DropDelivery,
    DropKey,
    DurableEffect,
    HushAlarm,
    RecordEvent,
    RetryDelivery,
    SaveContacts,
    SaveMark,
    SavePicture,
    SaveSite,
    SaveZone,
)
from alarmd.core.instant import Instant
from alarmd.core.records import AlarmState, CommandState, Mark, Signing, Standing
from alarmd.storage.database_url import parse
from alarmd.storage.interface import (
    Claim,
    DeliveryFilter,
    DeliveryState,
    EventFilter,
    Expendable,
    PictureFilter,
    Reader,
)
from alarmd.storage.opening import upgrade_database
from alarmd.storage.tables import metadata
from lfcp.authenticator import MAX_COUNTER
from tests.contracts import records
from tests.contracts.conftest import Storage
from tests.contracts.records import NOON, SITE, ZONE

NUMBERS = st.sampled_from([1, 2, 3, 1, 2, 3, 1, 2, 3, 4])  # few, so that records meet; 4 is often not there
TIMES = st.integers(NOON, NOON + 5)
PROOF = 10 if os.environ.get("ALARMD_PROVE") else 1  # times as many examples
NAMES = st.sampled_from(["a", "b", "c"])
OWNERS = st.sampled_from(["incarnation 1", "incarnation 2"])
PLACES = st.sampled_from(["", "17", "18"])
RECIPIENTS = st.sampled_from(["", "ann"])
MAYBE = st.none() | NUMBERS
KEYS = st.sampled_from(["1.jpg", "2.jpg", "3.jpg"])
EPOCHS = st.sampled_from([1, 2])
SECRETS = st.sampled_from([b"1" * 32, b"2" * 32])
COUNTERS = st.integers(0, MAX_COUNTER)
MONO = 50.0
NO_STAMP = 0  # stamped when the turn is made
OPEN = [AlarmState.RAISED, AlarmState.ACKNOWLEDGED]
UNFINISHED = [CommandState.QUEUED, CommandState.SENT]

PICTURES = st.builds(
    records.picture, st.just(0), device_id=NUMBERS, alarm_id=MAYBE, key=KEYS, received_at=TIMES, captured_at=TIMES
)
EFFECTS: st.SearchStrategy[DurableEffect] = st.one_of(
    st.builds(lambda number, name: SaveSite(replace(SITE, id=number, name=name)), NUMBERS, NAMES),
    st.builds(
        lambda number, site, name: SaveZone(replace(ZONE, id=number, site_id=site, name=name)), NUMBERS, NUMBERS, NAMES
    ),
    st.builds(
        records.device,
        NUMBERS,
        name=NAMES,
        zone_id=NUMBERS,
        forgotten_at=st.none() | TIMES,
        standing=st.sampled_from(Standing),
        signing=st.sampled_from(Signing),
    ),
    st.builds(records.contact, NUMBERS, last_contact=TIMES, counter_up=COUNTERS),
    st.builds(records.key, NUMBERS, epoch=EPOCHS, secret=SECRETS),
    st.builds(DropKey, NUMBERS, EPOCHS),
    st.builds(records.alarm, NUMBERS, device_id=MAYBE, zone_id=MAYBE, state=st.sampled_from(OPEN)),
    st.builds(records.cleared_alarm, NUMBERS, TIMES, device_id=MAYBE),
    st.builds(records.command, NUMBERS, device_id=NUMBERS, state=st.sampled_from(UNFINISHED)),
    st.builds(records.finished_command, NUMBERS, TIMES, device_id=NUMBERS),
    st.builds(
        records.event,
        st.just(NO_STAMP) | NUMBERS,  # one of the last events again
        origin=st.sampled_from(["A", "B"]),
        received_at=TIMES,
        device_id=MAYBE,
        alarm_id=MAYBE,
    ),
    st.builds(
        records.delivery,
        NAMES,
        recipient=st.sampled_from(["", "ann"]),
        alarm_id=MAYBE,
        attachment=KEYS,
        subject=st.sampled_from(["raised", "picture"]),
        due_at=TIMES,
        created_at=TIMES,
        urgent=st.booleans(),
    ),
    st.builds(
        lambda **fields: CopyEvent(records.event(NO_STAMP, **fields).event),
        origin=st.sampled_from(["A", "B"]),
        device_id=MAYBE,
        alarm_id=MAYBE,
        received_at=TIMES,
    ),
    st.builds(
        lambda name, **fields: CopyDelivery(records.delivery(name, **fields).delivery),
        NAMES,
        alarm_id=MAYBE,
        origin=st.sampled_from(["A", "B"]),
        attachment=st.sampled_from(["", "", "1.jpg"]),
        due_at=TIMES,
    ),
    st.builds(lambda name, at, origin: SaveMark(Mark(name, at, origin, NO_STAMP)), NAMES, TIMES, st.sampled_from("AB")),
    st.builds(HushAlarm, NUMBERS, TIMES),
    st.builds(records.camera, NUMBERS, every=NUMBERS, pull_url=st.sampled_from(["", "http://u:p@192.0.2.7/"])),
    PICTURES,
)
CHANGES = st.builds(RetryDelivery, NAMES, TIMES) | st.builds(DropDelivery, NAMES, TIMES)
TURNS = st.lists(st.lists(EFFECTS, min_size=1, max_size=3), min_size=1, max_size=5)
START = [
    effect
    for number, name in enumerate("abc", start=1)
    for effect in (
        SaveSite(replace(SITE, id=number, name=name)),
        SaveZone(replace(ZONE, id=number, site_id=number, name=name)),
        records.device(number, name=name, zone_id=number),
    )
]


def answers(reader: Reader) -> list[Any]:
    """Rows are compared by their order: only their growth is promised."""
    events = reader.events(EventFilter(after_row=0))
    return [
        [(stored.event, stored.device, stored.zone) for stored in events],
        reader.alarms(include_cleared=True),
        reader.alarms(device="a"),
        reader.commands(),
        reader.devices(),
        reader.sites(),
        reader.zones(),
        reader.outbox(),
        reader.moved("log"),
        reader.pictures(PictureFilter()),
        reader.pictures(PictureFilter(device="a", since=NOON + 2, after_id=1, newest_first=False)),
        reader.expendable_pictures(Expendable(NOON + 4, NOON + 3, limit=2)),
        reader.expendable_pictures(Expendable(NOON + 4, NOON + 3, awaited=True)),
        reader.picture_totals(),
        [replace(one, row=0) for one in reader.deliveries(DeliveryFilter(tuple(DeliveryState)))],
    ]


class Comparison(RuleBasedStateMachine):
    """open_fresh: a store on an empty database."""

    open_fresh: Callable[[], Storage]

    def __init__(self) -> None:
        super().__init__()
        self.memory = Storage(None)
        self.sql = type(self).open_fresh()
        self.stamps = itertools.count(1000)  # beyond those of records.py
        self.events: list[RecordEvent | CopyEvent] = []
        self.both(lambda storage: storage.store.commit([START]))

    def both(self, ask: Callable[[Storage], Any]) -> None:
        assert ask(self.sql) == ask(self.memory)

    def stamped(self, effect: DurableEffect) -> DurableEffect:
        """Stamps, sequences and the ids of pictures grow, as the rules' own do; an event may come twice."""
        stamp = next(self.stamps)
        if isinstance(effect, SavePicture):
            return SavePicture(replace(effect.picture, id=stamp, hlc=stamp))
        if isinstance(effect, SaveContacts | DropKey | HushAlarm):
            return effect
        if not isinstance(effect, RecordEvent | CopyEvent):
            (name,) = effect.__dataclass_fields__
            return replace(effect, **{name: replace(getattr(effect, name), hlc=stamp)})
        if effect.event.sequence != NO_STAMP and self.events:
            return self.events[-min(effect.event.sequence, len(self.events))]
        event = type(effect)(replace(effect.event, sequence=stamp, hlc=stamp))
        self.events.append(event)
        return event

    @rule(turns=TURNS)
    def commit(self, turns: list[list[DurableEffect]]) -> None:
        made = [[self.stamped(effect) for effect in turn] for turn in turns]
        self.both(lambda storage: [turn.index for turn in storage.store.commit(made)])

    @rule(number=NUMBERS, identity=NAMES, wall=TIMES)
    def incident(self, number: int, identity: str, wall: int) -> None:
        """What most turns are: with random effects alone nothing would ever be there to be claimed or purged."""
        alarm = records.alarm(number, identity=str(number), device_id=1)
        event = records.event(NO_STAMP, alarm_id=number, received_at=wall)
        self.commit([[alarm, event, records.delivery(identity, alarm_id=number, due_at=wall)]])

    @rule(number=NUMBERS, wall=TIMES)
    def close(self, number: int, wall: int) -> None:
        alarm = records.cleared_alarm(number, wall, identity=str(number), device_id=None)
        device = records.device(number, name="abcd"[number - 1], forgotten_at=wall)
        self.commit([[alarm], [records.finished_command(number, wall)], [device]])

    @rule(owner=OWNERS, wall=TIMES, seconds=st.sampled_from([0.0, 3600.0]), limit=st.integers(1, 3))
    def claim(self, owner: str, wall: int, seconds: float, limit: int) -> None:
        wish = Claim(owner, "log", Instant(wall, MONO), seconds, limit, calm=1)
        self.both(lambda storage: storage.store.claim_deliveries(wish))

    @rule(identity=NAMES, owner=OWNERS, wall=TIMES, reference=PLACES, moved_to=PLACES)
    def finish(self, identity: str, owner: str, wall: int, reference: str, moved_to: str) -> None:
        self.both(lambda storage: storage.store.finish_delivery(identity, owner, wall, reference, moved_to))

    @rule(identity=NAMES, owner=OWNERS, wall=TIMES, uncertain=st.booleans())
    def retry(self, identity: str, owner: str, wall: int, uncertain: bool) -> None:
        self.both(lambda storage: storage.store.retry_delivery(identity, owner, wall, "why", uncertain))

    @rule(identity=NAMES, owner=OWNERS, wall=TIMES)
    def postpone(self, identity: str, owner: str, wall: int) -> None:
        self.both(lambda storage: storage.store.postpone_delivery(identity, owner, wall))

    @rule(identity=NAMES, owner=OWNERS, wall=TIMES)
    def abandon(self, identity: str, owner: str, wall: int) -> None:
        self.both(lambda storage: storage.store.abandon_delivery(identity, owner, wall, "why"))

    @rule(changes=st.lists(CHANGES, min_size=1, max_size=3))
    def change(self, changes: list[DurableEffect]) -> None:
        self.both(lambda storage: storage.store.commit([changes]))

    @rule(numbers=st.lists(NUMBERS, max_size=3), identity=st.sampled_from(["p", "q"]), wall=TIMES)
    def pictures(self, numbers: list[int], identity: str, wall: int) -> None:
        """Each beside its own alarm, and on its way somewhere."""
        for number in numbers:
            alarm = records.alarm(number, identity=str(number), device_id=1)
            kept = records.picture(number, key=f"{number}.jpg", alarm_id=number, received_at=wall)
            sent = records.delivery(f"{identity}{number}", alarm_id=None, attachment=f"{number}.jpg", due_at=wall)
            self.commit([[alarm, kept, sent]])

    @rule(first=st.integers(0, 2), last=st.integers(1, 3))
    def drop_pictures(self, first: int, last: int) -> None:
        """Some of those that are there."""
        ids = [one.picture.id for one in self.memory.reader.pictures(PictureFilter())][first:last]
        self.both(lambda storage: storage.store.drop_pictures(ids))

    @rule(keys=st.lists(KEYS, max_size=2), wall=TIMES)
    def drop_attached(self, keys: list[str], wall: int) -> None:
        self.both(lambda storage: storage.store.drop_attached(keys, wall, "why"))

    @rule(identity=NAMES, owner=OWNERS, wall=TIMES)
    def drop(self, identity: str, owner: str, wall: int) -> None:
        self.both(lambda storage: storage.store.drop_delivery(identity, owner, wall, "why"))

    @rule(before=TIMES, limit=st.integers(1, 9))
    def purge(self, before: int, limit: int) -> None:
        self.both(lambda storage: storage.store.purge(before, limit))

    @rule(behind=st.sampled_from([5, 20, 2000]), page=st.integers(1, 9))
    def tell_the_peer(self, behind: int, page: int) -> None:
        self.both(lambda storage: storage.reader.vector())
        since = {key: max(0, stamp - behind) for key, stamp in self.memory.reader.vector().items()}
        self.both(lambda storage: list(storage.reader.changes(since, page)))

    @rule()
    def restart(self) -> None:
        self.sql.restart()

    @invariant()
    def they_remember_alike(self) -> None:
        self.both(lambda storage: storage.store.load())

    @invariant()
    def they_answer_alike(self) -> None:
        self.both(lambda storage: answers(storage.reader))

    def teardown(self) -> None:
        self.sql.close()


def compare(open_fresh: Callable[[], Storage], examples: int) -> None:
    machine = type("Comparison", (Comparison,), {"open_fresh": staticmethod(open_fresh)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            deadline=None,
            phases=[Phase.generate],  # to shrink would take minutes: every step asks a database
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


def test_sqlite_answers_like_memory(tmp_path: Path) -> None:
    template = tmp_path / "template.db"
    upgrade_database(f"sqlite:///{template}")
    numbers = itertools.count()

    def open_fresh() -> Storage:
        file = tmp_path / f"{next(numbers)}.db"
        shutil.copy(template, file)
        return Storage(f"sqlite:///{file}")

    compare(open_fresh, examples=8 * PROOF)


def test_postgresql_answers_like_memory(postgresql_url: str) -> None:
    engine = create_engine(parse(postgresql_url))
    names = ", ".join(metadata.tables)

    def open_fresh() -> Storage:
        with engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
        return Storage(postgresql_url)

    compare(open_fresh, examples=5 * PROOF)
    engine.dispose()
