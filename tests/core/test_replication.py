"""What one server makes, known at the other; and what a peer of another make may tell without harm."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from alarmd.core.effects import CopyDelivery, CopyEvent, QueueDelivery, SaveCamera, SaveCommand, SaveDevice, SaveMark
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import DeliverySettled, PeerTold
from alarmd.core.instant import SECOND
from alarmd.core.merged_commands import MAX_WAITING
from alarmd.core.records import (
    Alarm,
    AlarmState,
    Arming,
    Camera,
    Command,
    CommandState,
    DeviceKey,
    Event,
    Mark,
    Signing,
    Site,
    Standing,
    Told,
    Zone,
)
from alarmd.core.replication import MAX_STAMP
from alarmd.core.requests import (
    AlarmAcknowledged,
    AlarmCleared,
    ArmingRequested,
    CameraChanged,
    CommandRequested,
    DeliveryDropped,
    DeviceChanged,
    DeviceForgotten,
    PictureRequested,
    SiteRequested,
    ZoneRequested,
)
from alarmd.core.settings import Route
from alarmd.core.state import MAX_ENDED
from alarmd.core.turn import SOMETIMES
from alarmd.core.views import device as device_view
from lfcp import EventId
from lfcp.constants import Verb
from tests.pair_playbook import PairPlaybook
from tests.playbook import Playbook, frame, heartbeat
from tests.signed_camera import SignedCamera

MOTION = frame("cam1,MOAL,gate,0,0,0,0,0")
STAMP = 1 << 57
SITE = Site(9, "barn", "UTC", "A", STAMP)
ZONE = Zone(9, 9, "barn", Arming.ARMED, "", "A", STAMP)
COMMAND = Command(
    40, "A.ff", 9, "TLGS", (), CommandState.QUEUED, "op", 0, 1 << 60, 0, None, None, "", "A", STAMP
)  # fmt: skip
CAMERA = Camera(9, (), False, "", "", "", "", 0, True, "A", STAMP)
EVENT = Event("A", 9, STAMP, 0, 0, None, None, "log", "x", None, None, None)


def met(**settings: Any) -> PairPlaybook:
    pair = PairPlaybook(**settings).meet()
    pair.a.adopt("cam1")
    return pair.exchange()


def refused(play: Playbook) -> list[str]:
    return [event.text for event in play.events if event.kind == EventKind.PEER_REFUSED]


def alarm_of(pair: PairPlaybook) -> Alarm:
    pair.a << MOTION
    (raised,) = [alarm for alarm in pair.a.alarms if alarm.state is AlarmState.RAISED]
    return raised


# alarms


def test_an_alarm_is_one_alarm_at_both_and_motion_at_the_other_belongs_to_it() -> None:
    pair = met()
    alarm = alarm_of(pair)
    pair.exchange()
    assert pair.b.engine.state.alarms[alarm.id] == alarm
    pair.b << MOTION
    assert pair.b.kinds == [EventKind.MOTION]
    assert pair.b.told == []


def test_motion_that_only_the_peer_sees_keeps_the_incident_going() -> None:
    pair = met()
    alarm = alarm_of(pair)
    for _ in range(4):
        pair.exchange().later(40)
        pair.b << MOTION
    assert pair.exchange().later(30).a.engine.state.alarms[alarm.id].ended_at is None


@pytest.mark.parametrize("request_of", [AlarmAcknowledged, AlarmCleared])
def test_who_deals_with_an_alarm_at_either_silences_both(request_of: Callable[[str, int], Any]) -> None:
    pair = met(routes=(Route("log"), Route("phone", after=300)), remind_every=60)
    alarm = alarm_of(pair)
    pair.exchange()
    pair.b << request_of("ann", alarm.id)
    pair.exchange().later(400)
    assert [told for told in pair.a.told + pair.b.told if told.alarm_id == alarm.id] == []


def test_an_alarm_of_the_peers_is_followed_up_here_if_it_dies_then_and_not_at_once_when_it_comes_late() -> None:
    pair = met(routes=(Route("log"), Route("phone", after=60)))
    alarm = alarm_of(pair)
    pair.a.later(100)
    pair.b.later(100)
    told = PeerTold(
        tuple(each for each in pair.a.outbox if isinstance(each.record, Alarm) and not each.record.followed_up)
    )
    pair.b << told
    assert pair.b.later(9).told == []
    assert ("phone", alarm.id) in [(told.destination, told.alarm_id) for told in pair.b.later(2).told]


def test_what_is_due_earlier_than_what_waits_is_followed_up_first() -> None:
    pair = met(routes=(Route("log"), Route("phone", after=60)))
    pair.b.adopt("cam2", "cam3")
    alarm = alarm_of(pair)
    pair.later(30).b << frame("cam2,MOAL,yard,0,0,0,0,0")
    own = pair.b.alarms[0]
    pair.later(10).b << frame("cam3,MOAL,pond,0,0,0,0,0")
    last = pair.b.alarms[0]
    pair.carry(pair.a, pair.b)
    assert [told.alarm_id for told in pair.b.later(21).told] == [alarm.id]
    assert [told.alarm_id for told in pair.b.later(30).told] == [own.id]
    assert [told.alarm_id for told in pair.b.later(10).told] == [last.id]


def test_old_news_of_an_alarm_that_is_over_does_not_bring_it_back() -> None:
    pair = met()
    alarm_of(pair)
    old = tuple(pair.a.outbox)
    pair.exchange()
    pair.b << AlarmCleared("ann", pair.b.alarms[0].id) << PeerTold(old)
    assert pair.b.alarms == []
    assert pair.b.engine.state.alarms == {}


def test_what_is_remembered_of_what_is_over_is_bounded() -> None:
    state = met().a.engine.state
    for number in range(MAX_ENDED + 5):
        state.remember(state.absorbed, number, 0)
    assert len(state.absorbed) == MAX_ENDED
    assert 0 not in state.absorbed


# messages, marks


def test_the_server_that_does_not_speak_keeps_a_copy_that_is_due_later() -> None:
    pair = met()
    pair.a << MOTION
    (own,) = pair.a.told
    pair.exchange()
    (copy,) = [effect.delivery for effect in pair.b.history if isinstance(effect, CopyDelivery)]
    assert (copy.identity, copy.due_at) == (own.identity, pair.b.now.wall + 5 * SECOND)


def test_the_server_that_speaks_tells_at_once_what_the_other_one_keeps_for_it() -> None:
    pair = met()
    pair.b << MOTION
    pair.exchange()
    (copy,) = [effect.delivery for effect in pair.a.history if isinstance(effect, CopyDelivery)]
    assert copy.due_at == pair.a.now.wall


def test_what_a_server_made_while_it_was_alone_is_its_own_to_tell_also_before_the_one_that_speaks() -> None:
    pair = met().part()
    pair.b << MOTION
    pair.meet()
    (copy,) = [effect.delivery for effect in pair.a.history if isinstance(effect, CopyDelivery)]
    assert copy.due_at == pair.a.now.wall + 5 * SECOND


def test_a_copy_is_kept_only_where_it_can_be_told() -> None:
    pair = met()
    pair.a << MOTION
    (told,) = pair.a.told
    for delivery in (replace(told, destination="pager"), replace(told, attachment="cam1/1.jpg")):
        pair.b << PeerTold((Told(delivery),))
        assert pair.b.made(CopyDelivery) == []


def test_what_was_told_or_dropped_at_one_is_settled_at_the_other() -> None:
    pair = met()
    pair.a << DeliverySettled("log:x:raised")
    pair.a << DeliveryDropped("ann", "log:y:raised")
    pair.carry(pair.a, pair.b)
    assert [effect.mark.identity for effect in pair.b.made(SaveMark)] == ["log:x:raised", "log:y:raised"]
    assert {effect.mark.origin for effect in pair.b.made(SaveMark)} == {"A"}


# devices, keys, cameras, places


def test_what_the_operator_decides_at_one_holds_at_the_other() -> None:
    pair = met()
    pair.a << SiteRequested("op", "barn", "Europe/Prague") << ZoneRequested("op", "stable", "barn")
    pair.a << ArmingRequested("op", "stable", Arming.SCHEDULE, "mon-fri 22:00-06:00")
    pair.a << DeviceChanged("op", "cam1", zone="stable", report_within=120.0, muted=600.0)
    pair.exchange()
    state = pair.b.engine.state
    view = device_view(state, "cam1", pair.b.now)
    assert view is not None
    assert (view.zone, view.site, view.allowed_interval) == ("stable", "barn", 110 / 3)
    assert state.zone_members[view.device.zone_id] == {view.device.id: state.sessions["cam1"]}
    pair.b << MOTION
    assert pair.b.told == []
    pair.a << DeviceChanged("op", "cam1", muted=0.0)
    pair.exchange()
    assert pair.b.engine.state.muted == {}


def test_a_heartbeat_in_the_cache_is_out_of_it_when_the_peer_changes_the_device() -> None:
    pair = met()
    pair.b << heartbeat() << heartbeat()
    assert pair.b.engine.state.sessions["cam1"].cached
    pair.a << DeviceChanged("op", "cam1", report_within=120.0)
    pair.exchange()
    assert not pair.b.engine.state.sessions["cam1"].cached


def test_a_device_that_goes_into_quarantine_at_the_peer_ends_the_failover_mode_that_it_caused() -> None:
    pair = met()
    for play in (pair.a, pair.b):
        play << heartbeat()
    pair.later(120)
    assert "cam1" in str(pair.b.engine.state.causes)
    pair.a << DeviceChanged("op", "cam1", quarantined=True)
    pair.exchange()
    assert "cam1" not in str(pair.b.engine.state.causes)


def test_a_device_that_is_forgotten_is_forgotten_at_both_with_what_it_waited_for() -> None:
    pair = met()
    pair.b << CommandRequested("op", "cam1", "TLGS")
    pair.a << DeviceForgotten("op", "cam1")
    pair.exchange()
    assert "cam1" not in pair.b.engine.state.sessions
    assert [command.state for command in pair.b.store.tables.by_name["commands"].kept.values()] == [
        CommandState.EXPIRED
    ]
    assert pair.b.engine.state.open_commands == {}


def test_history_of_a_device_that_was_forgotten_before_it_was_told_names_it() -> None:
    pair = PairPlaybook()
    pair.a.adopt("cam1") << MOTION
    pair.a << DeviceForgotten("op", "cam1")
    kinds = {told: type(told.record).__name__ for told in pair.a.outbox}
    gone = [told for told in pair.a.outbox if getattr(told.record, "forgotten_at", None)]
    motions = [told for told in pair.a.outbox if kinds[told] == "Event"]
    pair.b << PeerTold((*gone, *motions)) << PeerTold(tuple(gone))
    (row,) = pair.b.store.tables.by_name["devices"].kept.values()
    events = pair.b.store.tables.by_name["events"].kept.values()
    assert {event.device_id for event in events if event.kind == EventKind.MOTION} == {row.id}
    pair.b << PeerTold((Told(replace(row, hlc=row.hlc + 1)), Told(CAMERA, device="cam1"), Told(COMMAND, device="cam1")))
    assert [effect.device.id for effect in pair.b.made(SaveDevice)] == [row.id]
    assert pair.b.made(SaveCamera) == []
    assert [effect.command.device_id for effect in pair.b.made(SaveCommand)] == [row.id]


def test_a_stranger_that_had_to_make_room_here_stays_at_the_peer() -> None:
    pair = PairPlaybook(max_devices=10)
    pair.a << heartbeat("x1")
    pair.exchange()
    pair.a << heartbeat("x2")
    assert EventKind.DEVICE_EVICTED in pair.a.kinds
    pair.exchange()
    assert set(pair.b.engine.state.sessions) == {"x1"}, "and for x2 there was no room"
    assert pair.b.count(EventKind.PEER_REFUSED) == 0


def test_a_key_given_at_one_is_good_at_the_other_and_an_event_told_to_both_is_one() -> None:
    pair, camera = PairPlaybook().meet(), SignedCamera()
    pair.a.give_key(camera.name, camera.key)
    pair.exchange()
    camera.meet(pair.a)
    pair.a << camera.message("LOG", "hello")
    pair.exchange()
    assert "hello" in [effect.event.text for effect in pair.b.history if isinstance(effect, CopyEvent)]
    pair.b << camera.frame("LOG", "hello", "0", str(EventId(camera.boot, 1)), "0", label="B")
    assert pair.b.events == []
    assert len(pair.b.sent) == 1, "it has its ACK"
    again = pair.b.restart()
    again << camera.frame("LOG", "hello", "0", str(EventId(camera.boot, 1)), "0", label="B")
    assert again.events == []


def test_an_event_that_the_device_told_here_first_is_not_stored_again() -> None:
    pair, camera = PairPlaybook().meet(), SignedCamera()
    pair.a.give_key(camera.name, camera.key)
    pair.exchange()
    camera.meet(pair.a)
    pair.a << camera.message("LOG", "hello")
    pair.b << camera.frame("LOG", "hello", "0", str(EventId(camera.boot, 1)), "0", label="B")
    pair.exchange()
    assert [event.text for event in pair.b.store.tables.by_name["events"].kept.values()].count("hello") == 1


def test_boots_that_only_the_peer_heard_are_no_evidence_of_a_clone() -> None:
    pair, camera = PairPlaybook().meet(), SignedCamera()
    pair.a.give_key(camera.name, camera.key)
    camera.meet(pair.a)
    for boot in range(8):
        camera.reboot(f"c00{boot}")
        pair.a << camera.message("LOG", boot_text := f"boot {boot}")
        assert boot_text in [event.text for event in pair.a.events]
    pair.exchange()
    pair.b << camera.frame("LOG", "again", "0", str(EventId(camera.boot, 2)), "0", label="B")
    assert pair.b.count(EventKind.CLONED) == 0
    assert len(pair.b.sent) == 1


def test_a_renewed_key_is_added_and_old_news_of_it_changes_nothing() -> None:
    pair, camera = PairPlaybook().meet(), SignedCamera()
    pair.a.give_key(camera.name, camera.key)
    first = tuple(pair.a.outbox)
    pair.exchange()
    pair.a.give_key(camera.name, bytes(32), renew=True)
    pair.exchange()
    pair.b << PeerTold(first)
    signed = pair.b.engine.state.sessions["cam1"].signed
    assert signed is not None
    assert signed.epochs == (1, 2)


def test_settings_of_a_signed_device_may_be_sent_anew_when_the_peer_changed_them() -> None:
    pair, camera = PairPlaybook().meet(), SignedCamera()
    pair.a.give_key(camera.name, camera.key)
    pair.exchange()
    signed = pair.b.engine.state.sessions["cam1"].signed
    assert signed is not None
    signed.last_digest = "0"
    pair.a << CommandRequested("op", "cam1", "CONF", ("quality", "10"))
    pair.exchange()
    assert signed.last_digest is None
    assert pair.b.engine.state.sessions["cam1"].device.settings == ("quality=10",)


def test_a_camera_is_set_up_at_both() -> None:
    pair = met()
    pair.a << CameraChanged("op", "cam1", pull_url="http://192.0.2.9/", every=60, upload_digest="d1")
    pair.exchange()
    state = pair.b.engine.state
    assert state.cameras[state.sessions["cam1"].device.id].pull_url == "http://192.0.2.9/"
    assert "d1" in state.upload_digests
    (told,) = [camera for camera in state.cameras.values() if camera.upload_digest]
    pair.b << PeerTold((Told(told, device="cam1"),))
    assert pair.b.made(SaveCamera) == [], "it is known"


def test_one_upload_secret_is_not_two_cameras() -> None:
    pair = met()
    pair.b.adopt("cam2") << CameraChanged("op", "cam2", upload_digest="d1")
    pair.b << PeerTold((Told(replace(CAMERA, upload_digest="d1"), device="cam1"),))
    assert "another camera has its secret" in refused(pair.b)[0]


# commands


def test_a_command_waits_at_both_and_its_outcome_ends_it_at_both() -> None:
    pair = met()
    pair.a << CommandRequested("op", "cam1", "TLGS")
    pair.exchange()
    pair.b << heartbeat()
    assert pair.b.sent == [b"cam1,TLGS,0,0,0,0,0,0"]
    pair.exchange()
    assert pair.a.last_command.state is CommandState.SENT
    pair.b << frame("cam1,ACK,0,0,0,0,0,0")
    pair.exchange()
    assert pair.a.engine.state.open_commands == {}
    assert pair.a.store.tables.by_name["commands"].kept[2].state is CommandState.ACKED
    assert [event.kind for event in pair.a.store.tables.by_name["events"].kept.values()].count(
        EventKind.COMMAND_FINISHED
    ) == 1


def test_who_asked_for_a_picture_hears_that_none_comes_wherever_that_is_found_out() -> None:
    pair = met()
    session = pair.a.engine.state.sessions["cam1"]
    session.knows = frozenset({Verb.SNAP})
    pair.a << PictureRequested("op", "cam1", ("log", "ann"))
    (snap,) = pair.a.commands
    pair.exchange()
    assert pair.b.engine.state.open_commands == {}, "the picture is for who asked"
    assert pair.b.restart().engine.state.open_commands == {}
    failed = replace(snap, state=CommandState.FAILED, finished_at=1, outcome="jammed", origin="B", hlc=snap.hlc + 9)
    pair.a << PeerTold((Told(failed, device="cam1"),))
    assert [effect.delivery.text for effect in pair.a.made(QueueDelivery)] == ["cam1: no picture: jammed"]


def test_a_command_to_a_device_with_a_key_is_pushed_by_the_one_that_is_left() -> None:
    pair, camera = PairPlaybook().meet(), SignedCamera()
    pair.a.give_key(camera.name, camera.key)
    pair.exchange()
    pair.b << CommandRequested("op", "cam1", "TLGS") << CommandRequested("op", "cam1", "WCAM")
    camera.meet(pair.a)
    pair.exchange()
    pushed = camera.read(pair.a.later(1).sent[0])
    pair.b << CommandRequested("op", "cam1", "TLGS")
    assert pushed.verb == "TLGS"
    pair.a << camera.ack(pushed)
    pair.exchange()
    assert [command.verb for command in pair.b.engine.state.sessions["cam1"].commands.waiting] == ["WCAM", "TLGS"]  # type: ignore[union-attr]


def test_two_that_were_both_sent_are_restored_after_a_restart() -> None:
    pair = met()
    for number in (40, 42):
        sent = replace(COMMAND, id=number, identity=f"A.{number}", state=CommandState.SENT, attempts=1)
        pair.b << PeerTold((Told(sent, device="cam1"),))
    queue = pair.b.restart().engine.state.sessions["cam1"].commands
    assert queue is not None
    assert queue.in_flight is not None
    assert [queue.in_flight.id, *(command.id for command in queue.waiting)] == [40, 42]


# what makes no sense


def told_of_device(**changes: Any) -> Callable[[PairPlaybook], Told]:
    return lambda pair: Told(
        replace(pair.a.engine.state.sessions["cam1"].device, origin="A", hlc=STAMP * 2 - 1, **changes), zone="home"
    )


NONSENSE: list[tuple[str, Callable[[PairPlaybook], Told]]] = [
    ("a stamp of -1", lambda _: Told(replace(SITE, hlc=-1))),
    ("a stamp of", lambda _: Told(replace(SITE, hlc=MAX_STAMP + 1))),
    ("the name 'a,b'", lambda _: Told(replace(SITE, name="a,b"))),
    ("the name 'a,b'", lambda _: Told(replace(ZONE, name="a,b"), site="home")),
    ("there is no site None", lambda _: Told(ZONE)),
    ("there is no site 'barn'", lambda _: Told(ZONE, site="barn")),
    ("the schedule of zone barn", lambda _: Told(replace(ZONE, schedule="soon"), site="home")),
    ("the name ''", told_of_device(name="")),
    ("cam1 may report within 1.0 s", told_of_device(report_within=1.0)),
    ("a setting of cam1", told_of_device(settings=("volume=11",))),
    ("there is no device 'cam9'", lambda _: Told(DeviceKey(9, 1, bytes(32), 0, "A", STAMP), device="cam9")),
    ("key 1 of cam1", lambda _: Told(DeviceKey(9, 1, bytes(31), 0, "A", STAMP), device="cam1")),
    ("key 0 of cam1", lambda _: Told(DeviceKey(9, 0, bytes(32), 0, "A", STAMP), device="cam1")),
    ("the camera of cam1", lambda _: Told(replace(CAMERA, by_address=True), device="cam1")),
    ("the camera of cam1", lambda _: Told(replace(CAMERA, every=-1), device="cam1")),
    ("the camera of cam1", lambda _: Told(replace(CAMERA, info="x" * 5000), device="cam1")),
    ("the camera of cam1", lambda _: Told(replace(CAMERA, pull_url="file:///x"), device="cam1")),
    ("the camera of cam1", lambda _: Told(replace(CAMERA, source_networks=("x",)), device="cam1")),
    ("alarm 2 is called 'motion'", lambda pair: Told(replace(alarm_of(pair), identity="motion"))),
    ("'WASH' is no command", lambda _: Told(replace(COMMAND, verb="WASH"), device="cam1")),
    ("'ACK' is no command", lambda _: Told(replace(COMMAND, verb="ACK"), device="cam1")),
    ("TLGS takes 0 parameters", lambda _: Told(replace(COMMAND, params=("x",)), device="cam1")),
    ("a parameter of CONF", lambda _: Told(replace(COMMAND, verb="CONF", params=("a,b", "1")), device="cam1")),
    ("there is no device None", lambda _: Told(COMMAND)),
]


@pytest.mark.parametrize(("fault", "told"), NONSENSE)
def test_what_makes_no_sense_is_left_out_and_an_event_says_so(fault: str, told: Callable[[PairPlaybook], Told]) -> None:
    pair = met()
    each = told(pair)
    before = pair.b.engine.state.clock.last
    pair.b << PeerTold((each, Told(EVENT)))
    (text,) = refused(pair.b)
    assert fault in text
    assert [effect.event.sequence for effect in pair.b.made(CopyEvent)] == [9], "what comes with it is merged"
    assert pair.b.answer == ()
    assert pair.b.engine.state.clock.last >= before


def test_a_peer_that_goes_on_telling_nonsense_does_not_fill_the_log() -> None:
    pair = met()
    nonsense = PeerTold((Told(COMMAND), Told(COMMAND)))
    assert refused(pair.b << nonsense) == [
        "what the peer told makes no sense here: there is no device None, and 1 more"
    ]
    assert refused(pair.b << nonsense) == []
    assert len(refused(pair.b.later(SOMETIMES) << nonsense)) == 1


def test_an_id_that_is_another_records_here_is_not_overwritten() -> None:
    pair = met()
    alarm = alarm_of(pair)
    pair.b << MOTION << CommandRequested("op", "cam1", "TLGS")
    own, command = next(iter(pair.b.engine.state.alarms.values())), pair.b.last_command
    pair.b << PeerTold((Told(replace(alarm, id=own.id)),))
    assert f"alarm {own.id} is {own.identity} here" in refused(pair.b)[0]
    pair.b.later(SOMETIMES) << PeerTold((Told(replace(COMMAND, id=command.id), device="cam1"),))
    assert f"command {command.id} is {command.identity} here" in refused(pair.b)[0]


def test_tables_that_are_full_take_no_more() -> None:
    pair = met(max_devices=1)
    stranger = replace(pair.a.engine.state.sessions["cam1"].device, name="cam2", standing=Standing.ADMITTED)
    pair.b << PeerTold((Told(stranger),))
    assert refused(pair.b) == [], "a stranger is left to the peer"
    pair.b << PeerTold((Told(replace(stranger, standing=Standing.ADOPTED)),))
    assert "no room for cam2; raise max_devices" in refused(pair.b)[0]
    commands = [replace(COMMAND, id=40 + number, identity=f"A.{number}") for number in range(MAX_WAITING + 1)]
    pair.b.later(SOMETIMES) << PeerTold(tuple(Told(command, device="cam1") for command in commands))
    assert f"{MAX_WAITING} commands wait for cam1" in refused(pair.b)[0]


def test_a_table_of_zones_that_is_full_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = met()
    monkeypatch.setattr("alarmd.core.merged_places.MAX_ZONES", 2)
    pair.b << PeerTold((Told(ZONE, site="home"),))
    assert "no room for barn" in refused(pair.b)[0]


@pytest.mark.parametrize(
    "said", [{"boot_id": "no boot id", "boot_event": 1}, {"boot_id": "b001", "boot_event": 1 << 70}]
)
def test_an_event_with_an_identity_that_no_device_has_is_an_event_all_the_same(said: dict[str, Any]) -> None:
    pair, camera = PairPlaybook().meet(), SignedCamera()
    pair.a.give_key(camera.name, camera.key)
    pair.exchange()
    pair.b << PeerTold((Told(replace(EVENT, **said), device="cam1", zone="nowhere"),))
    (copied,) = pair.b.made(CopyEvent)
    assert copied.event.device_id == pair.b.engine.state.sessions["cam1"].device.id
    assert copied.event.zone_id is None


def test_a_device_in_a_zone_that_is_unknown_here_is_in_the_zone_of_those_nobody_sorted() -> None:
    pair = met()
    pair.b << PeerTold((replace(told_of_device(name="cam2")(pair), zone="nowhere"),))
    view = device_view(pair.b.engine.state, "cam2", pair.b.now)
    assert view is not None
    assert view.zone == "unassigned"


def test_a_mark_of_the_peers_keeps_its_stamp() -> None:
    mark = Mark("log:x:raised", 5, "A", STAMP)
    pair = met()
    pair.b << PeerTold((Told(mark),))
    assert pair.b.made(SaveMark) == [SaveMark(mark)]
    assert pair.b.engine.state.clock.last >= STAMP
    assert not pair.b.outbox


def test_a_signed_device_whose_key_has_not_come_is_signed_all_the_same() -> None:
    pair = met()
    pair.b << PeerTold((told_of_device(name="cam2", signing=Signing.SIGNED)(pair),))
    pair.b << PeerTold((Told(replace(EVENT, boot_id="b001", boot_event=1), device="cam2"),))
    assert len(pair.b.made(CopyEvent)) == 1
