"""Asking for pictures: for an alarm, by schedule, for a person; and what is said when none comes."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from alarmd.core.asked import GIVEN_UP, MAX_ASKED
from alarmd.core.capture import PATIENCE, SNAP_TIME_TO_LIVE
from alarmd.core.effects import FetchPicture, QueueDelivery, SavePicture
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import Input, PictureFailed
from alarmd.core.instant import SECOND
from alarmd.core.records import Arming, Command, Presence, Trigger
from alarmd.core.requests import (
    AlarmAcknowledged,
    AlarmCleared,
    ArmingRequested,
    CameraChanged,
    CommandRequested,
    DeviceChanged,
    DeviceForgotten,
    PictureRequested,
)
from alarmd.core.settings import Route
from alarmd.storage.interface import DeliveryFilter
from alarmd.storage.memory_reader import MemoryReader
from tests.core.pictures import ANN, PULL, arrives, moal, pulled, reporting
from tests.playbook import Playbook, frame
from tests.signed_camera import SignedCamera

ASKED = PictureRequested("ann", "cam1", ANN)
NO_PICTURE = "alarm 1: no picture within 10 s"


@pytest.fixture
def play() -> Playbook:
    return Playbook(routes=(Route("log"),)).adopt("cam1", "cam2")


@pytest.fixture
def snapping(play: Playbook) -> Playbook:
    return play << reporting()


@pytest.fixture
def pulling(play: Playbook) -> Playbook:
    return play << pulled()


def fetched(play: Playbook) -> list[FetchPicture]:
    return play.made(FetchPicture)


def snaps(play: Playbook) -> list[Command]:
    return [command for command in play.commands if command.verb == "SNAP" and command.attempts == 0]


def upload(play: Playbook) -> str:
    """The id of what was asked for last."""
    found = [effect for effect in play.history if isinstance(effect, FetchPicture)]
    return found[-1].upload if found else play.last_command.identity


def missing(play: Playbook) -> list[str]:
    return [one.text for one in play.told if one.subject == "changed"]


def snapshots(play: Playbook) -> list[tuple[str, str]]:
    """What whoever asked was told in the whole play, and what came with it."""
    found = [effect.delivery for effect in play.history if isinstance(effect, QueueDelivery)]
    assert all((one.destination, one.recipient) == ANN for one in found if one.subject == "snapshot")
    return [(one.text, one.attachment) for one in found if one.subject == "snapshot"]


def quiet(play: Playbook, seconds: float) -> None:
    """Nobody's silence counts meanwhile, and the one who reports goes on."""
    for _ in range(int(seconds // 20)):
        play.later(20)
        play << reporting()
    play.later(seconds % 20)


# for an alarm


def test_a_device_that_knows_snap_is_asked_for_a_picture_of_its_alarm(snapping: Playbook) -> None:
    snapping << moal()
    (command,) = snaps(snapping)
    assert (command.requested_by, command.params) == ("alarmd", ())
    assert command.expires_at == snapping.now.wall + SNAP_TIME_TO_LIVE * SECOND
    assert snapping.alarms[-1].picture_by == snapping.now.wall + PATIENCE * SECOND
    assert fetched(snapping) == []
    snapping << moal()
    assert snaps(snapping) == [], "once an incident"


def test_a_camera_that_the_server_reaches_is_asked_itself(pulling: Playbook) -> None:
    pulling << reporting() << moal()
    (wanted,) = fetched(pulling)
    assert (wanted.device, wanted.url, wanted.trigger) == ("cam1", PULL, Trigger.ALARM)
    assert "password" not in repr(wanted)
    assert snaps(pulling) == []
    pulling << arrives(pulling, upload=wanted.upload)
    (saved,) = pulling.made(SavePicture)
    assert (saved.picture.trigger, saved.picture.alarm_id) == (Trigger.ALARM, 1)


@pytest.mark.parametrize(
    "setting",
    [
        CameraChanged("op", "cam1", on_alarm=False),
        ArmingRequested("op", "home", Arming.DISARMED),
        DeviceChanged("op", "cam1", muted=600),
    ],
    ids=["not wanted", "disarmed", "muted"],
)
@pytest.mark.parametrize("by_pull", [False, True])
def test_nothing_is_asked_for_and_none_missed_where_no_picture_is_wanted(
    snapping: Playbook, setting: Input, by_pull: bool
) -> None:
    if by_pull:
        snapping << pulled()
    snapping << setting << moal()
    assert (fetched(snapping), snaps(snapping), snapping.alarms[-1].picture_by) == ([], [], None)
    snapping.later(PATIENCE)
    assert missing(snapping) == []


def test_a_device_that_knows_no_snap_and_sends_nothing_is_not_waited_for(play: Playbook) -> None:
    play << reporting(knows="") << arrives(play) << moal()
    assert (play.commands, play.alarms[-1].picture_by) == ([], None)


def test_a_device_that_nobody_adopted_is_not_asked() -> None:
    play = Playbook() << reporting() << moal()
    assert (play.commands, play.alarms[-1].picture_by) == ([], None)
    play << PictureRequested("op", "cam1")
    assert play.refusal.reason == "no_camera"


def test_of_a_camera_that_sent_one_the_last_time_one_is_awaited(play: Playbook) -> None:
    play << arrives(play, trigger=Trigger.ALARM) << moal()
    assert (play.commands, fetched(play)) == ([], [])
    play.later(PATIENCE)
    assert missing(play) == [NO_PICTURE]


@pytest.mark.parametrize("restarted", [False, True])
def test_an_alarm_without_a_picture_says_so_once(pulling: Playbook, restarted: bool) -> None:
    pulling << moal()
    pulling.later(4)
    play = pulling.restart(after=3) if restarted else pulling
    play.later(2.9 if restarted else 5.9)
    assert missing(play) == []
    play.later(0.1)
    assert missing(play) == [NO_PICTURE]
    assert [(one.alarm_id, one.attachment) for one in play.told] == [(1, "")]
    play.later(600)
    assert missing(play) == []


def test_what_was_due_while_the_server_was_down_is_said_at_its_start(pulling: Playbook) -> None:
    play = (pulling << moal()).restart(after=60)
    play.later(0.1)
    assert missing(play) == [NO_PICTURE]
    again = play.restart(after=10)
    again.later(0.1)
    kept = MemoryReader(again.store).deliveries(DeliveryFilter())
    assert [one.delivery.subject for one in kept] == ["changed", "raised"], "the outbox knows that it was said"
    late = again.restart(after=120)
    late.later(60)
    assert missing(late) == []


def test_a_clock_that_was_set_back_delays_it_by_no_more_than_ever(pulling: Playbook) -> None:
    play = (pulling << moal()).restart(after=-86_400)
    play.later(PATIENCE)
    assert missing(play) == [NO_PICTURE]


def test_an_alarm_with_its_picture_says_nothing_of_it(pulling: Playbook) -> None:
    pulling << moal() << arrives(pulling)
    pulling.later(4)
    play = pulling.restart()
    play.later(60)
    assert missing(play) == []


def test_an_alarm_that_was_cleared_says_nothing(pulling: Playbook) -> None:
    pulling << moal() << AlarmCleared("op", 1)
    pulling.later(PATIENCE)
    assert missing(pulling) == []


def test_an_alarm_that_somebody_knows_of_says_so_all_the_same(pulling: Playbook) -> None:
    pulling << moal() << AlarmAcknowledged("op", 1)
    pulling.later(PATIENCE)
    assert missing(pulling) == [NO_PICTURE]


# by schedule


def scheduled(play: Playbook, every: int = 30) -> Playbook:
    return play << pulled(every=every)


def test_a_camera_with_a_schedule_is_asked_every_so_often(play: Playbook) -> None:
    scheduled(play)
    play.later(29.9)
    assert fetched(play) == []
    for _ in range(3):
        play.later(0.1)
        (wanted,) = fetched(play)
        assert (wanted.device, wanted.trigger) == ("cam1", Trigger.SCHEDULE)
        play << arrives(play, upload=wanted.upload)
        (saved,) = play.made(SavePicture)
        assert (saved.picture.trigger, saved.picture.upload) == (Trigger.SCHEDULE, wanted.upload)
        play.later(29.9)
        assert fetched(play) == []


def test_one_that_has_not_answered_yet_is_not_asked_again_until_it_is_given_up(play: Playbook) -> None:
    scheduled(play)
    play.later(30)
    first = upload(play)
    play.later(89.9)
    assert fetched(play) == []
    play.later(30.1)
    (again,) = fetched(play)
    assert again.upload != first
    assert play.count(EventKind.PICTURE_FAILED) == 1


def test_a_changed_schedule_voids_the_appointment_that_was_there(play: Playbook) -> None:
    scheduled(play)
    play.later(20)
    scheduled(play, 20)
    play.later(19.9)
    assert fetched(play) == []
    play.later(0.1)
    assert len(fetched(play)) == 1
    play << CameraChanged("op", "cam1", every=0)
    play.later(3600)
    assert (fetched(play), play.engine.state.captures) == ([], {})


def test_another_setting_leaves_the_schedule_as_it_is(play: Playbook) -> None:
    scheduled(play)
    play.later(20)
    play << CameraChanged("op", "cam1", on_alarm=False)
    play.later(10)
    assert len(fetched(play)) == 1


def test_the_appointments_of_a_forgotten_device_do_nothing(play: Playbook) -> None:
    scheduled(play) << moal()
    play.later(5)
    play << DeviceForgotten("op", "cam1")
    play.later(200)
    assert (fetched(play), missing(play)) == ([], [NO_PICTURE])
    assert (play.engine.state.captures, play.engine.state.galleries, play.engine.state.cameras) == ({}, {}, {})
    play.adopt("cam1")
    play.later(60)
    assert fetched(play) == [], "another device of that name"


def test_after_a_restart_schedules_begin_at_moments_of_their_own_within_one_interval(play: Playbook) -> None:
    names = [f"cam{number}" for number in range(1, 6)]
    play.adopt(*names)
    for name in names:
        play << pulled(name, every=97)
    again = play.restart()
    again.later(1)
    for name in names:
        assert fetched(again) == []
        again.later(1)
        assert [one.device for one in fetched(again)] == [name]
        again.later(0)


def test_a_lost_device_is_not_asked_by_schedule(snapping: Playbook) -> None:
    snapping << CameraChanged("op", "cam1", every=30)
    snapping.later(200)
    assert snapping.engine.state.sessions["cam1"].presence is Presence.LOST
    snapping.later(300)
    assert snaps(snapping) == []
    snapping << reporting()
    snapping.later(30)
    assert len(snaps(snapping)) == 1


def test_a_device_that_can_no_longer_be_asked_keeps_its_schedule(snapping: Playbook) -> None:
    snapping << CameraChanged("op", "cam1", every=30) << reporting(knows="")
    snapping.later(30)
    assert snaps(snapping) == []
    snapping << reporting()
    quiet(snapping, 30)
    assert snapping.last_command.verb == "SNAP"


def test_a_schedule_waits_for_nobody_who_has_too_much_to_do(snapping: Playbook) -> None:
    snapping << CameraChanged("op", "cam1", every=30)
    for _ in range(MAX_ASKED):
        snapping << CommandRequested("op", "cam1", "TLGS")
    snapping.later(30)
    assert snaps(snapping) == []


# for a person


def test_a_person_gets_the_picture_that_he_asked_for_once(pulling: Playbook) -> None:
    pulling << ASKED
    assert pulling.answer == ()
    picture = arrives(pulling, upload=upload(pulling))
    pulling << picture
    (saved,) = pulling.made(SavePicture)
    assert saved.picture.trigger is Trigger.COMMAND
    assert snapshots(pulling) == [("cam1: picture 1", picture.key)]
    pulling << replace(picture, key="again.jpg") << PictureFailed("cam1", picture.upload, "no answer")
    pulling.later(GIVEN_UP)
    assert len(snapshots(pulling)) == 1


def test_who_asked_on_nobodys_behalf_gets_no_message(pulling: Playbook) -> None:
    pulling << PictureRequested("op", "cam1")
    pulling << arrives(pulling, upload=upload(pulling))
    assert pulling.told == []
    pulling << PictureRequested("op", "cam1")
    pulling.later(GIVEN_UP)
    assert snapshots(pulling) == []


def test_a_picture_that_nobody_asked_for_is_no_answer(pulling: Playbook) -> None:
    pulling << ASKED << arrives(pulling, upload="b.1") << arrives(pulling)
    assert snapshots(pulling) == []


def test_a_snap_is_queued_for_whom_the_server_cannot_reach(snapping: Playbook) -> None:
    snapping << ASKED
    (command,) = snaps(snapping)
    assert (command.requested_by, fetched(snapping)) == ("ann", [])
    snapping << reporting()
    assert snapping.sent == [f"cam1,SNAP,{command.identity},0,0,0,0,0".encode()]
    picture = arrives(snapping, upload=command.identity)
    snapping << picture << frame("cam1,ACK,0,0,0,0,0,0")
    assert snapshots(snapping) == [("cam1: picture 1", picture.key)], "it may come before the acknowledgement"


def expires(play: Playbook) -> None:
    play.later(SNAP_TIME_TO_LIVE)


def does_not_acknowledge(play: Playbook) -> None:
    for _ in range(6):
        play << reporting()


def fails(play: Playbook) -> None:
    play << reporting() << frame("cam1,ACK,0,0,0,0,0,0") << frame("cam1,ERR,no camera,0,0,0,0,0")


def is_another_program_now(play: Playbook) -> None:
    play << reporting(knows="")


def is_forgotten(play: Playbook) -> None:
    play << DeviceForgotten("op", "cam1")


def sends_nothing(play: Playbook) -> None:
    play << reporting() << frame("cam1,ACK,0,0,0,0,0,0")
    quiet(play, GIVEN_UP + 1)


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (expires, "its time to live ran out"),
        (does_not_acknowledge, "no acknowledgement after"),
        (fails, "no camera"),
        (is_another_program_now, "does not report that it knows SNAP"),
        (is_forgotten, "the device was forgotten"),
        (sends_nothing, "none came within 90 s"),
    ],
)
def test_who_asked_hears_once_why_no_picture_comes(
    snapping: Playbook, happens: Callable[[Playbook], None], why: str
) -> None:
    snapping << ASKED
    happens(snapping)
    ((text, attachment),) = snapshots(snapping)
    assert text.startswith("cam1: no picture: ")
    assert (why in text, attachment) == (True, "")
    snapping.later(2 * GIVEN_UP)
    assert len(snapshots(snapping)) == 1


def test_a_device_with_a_key_says_why_it_sends_none() -> None:
    camera = SignedCamera()
    camera.report = camera.report._replace(pictures=True)
    play = Playbook().give_key(camera.name, camera.key)
    camera.meet(play)
    play << ASKED
    play.later(0)
    (snap,) = camera.hear(play)
    play << camera.ack(snap, "1")
    ((text, _),) = snapshots(play)
    assert text.startswith("cam1: no picture: ")


@pytest.mark.parametrize("happens", ["fails", "sends nothing", "is forgotten"])
def test_who_asked_a_camera_that_the_server_reaches_hears_why_no_picture_comes(pulling: Playbook, happens: str) -> None:
    pulling << ASKED
    if happens == "fails":
        pulling << PictureFailed("cam1", upload(pulling), "it answered 503")
        assert [event.text for event in pulling.events] == ["it answered 503"]
    elif happens == "is forgotten":
        is_forgotten(pulling)
    pulling.later(GIVEN_UP)
    why = {
        "fails": "it answered 503",
        "sends nothing": "none came within 90 s",
        "is forgotten": "the device was forgotten",
    }
    assert snapshots(pulling) == [(f"cam1: no picture: {why[happens]}", "")]


def test_the_answer_and_the_excuse_are_one_message(pulling: Playbook) -> None:
    """So that whoever asked is not told both, whatever crash lies between them."""
    identities = set()
    for happens in (arrives(pulling, upload=""), PictureFailed("cam1", "", "no answer")):
        play = Playbook().adopt("cam1") << pulled() << ASKED
        play << replace(happens, upload=upload(play))
        identities |= {one.identity for one in play.told if one.subject == "snapshot"}
    assert len(identities) == 1


def test_a_picture_that_comes_too_late_is_kept_as_any_other(pulling: Playbook) -> None:
    pulling << ASKED
    pulling.later(GIVEN_UP)
    pulling << arrives(pulling, upload=upload(pulling))
    assert (len(pulling.made(SavePicture)), pulling.told) == (1, [])


def test_a_camera_that_is_switched_off_is_one_event_however_often_it_is_asked(pulling: Playbook) -> None:
    for _ in range(3):
        pulling << PictureRequested("op", "cam1") << PictureFailed("cam1", upload(pulling), "no route")
    assert pulling.count(EventKind.PICTURE_FAILED) == 1
    pulling << arrives(pulling) << PictureFailed("cam1", "", "no route")
    assert pulling.count(EventKind.PICTURE_FAILED) == 2


def test_the_failure_of_a_forgotten_device_is_nothing(pulling: Playbook) -> None:
    pulling << ASKED << DeviceForgotten("op", "cam1") << PictureFailed("cam1", upload(pulling), "no answer")
    assert pulling.effects == []


def test_a_device_that_cannot_be_asked_is_refused_with_what_to_do(play: Playbook) -> None:
    play << ASKED
    assert (play.refusal.reason, play.refusal.field) == ("no_camera", "device")
    assert "SNAP" in play.refusal.message
    assert "`alarmd camera set cam1 --pull URL`" in play.refusal.message
    play << PictureRequested("op", "cam9")
    assert play.refusal.reason == "unknown_device"


@pytest.mark.parametrize("by_pull", [False, True])
def test_no_more_than_so_many_are_asked_for_at_a_time(snapping: Playbook, by_pull: bool) -> None:
    if by_pull:
        snapping << pulled()
    for _ in range(MAX_ASKED):
        snapping << ASKED
        assert snapping.answer == ()
    snapping << ASKED
    assert (snapping.refusal.reason, snapping.refusal.field) == ("queue_full", "device")
    assert str(MAX_ASKED) in snapping.refusal.message
    snapping << moal()
    assert (snaps(snapping), fetched(snapping)) == ([], [])
    assert snapping.alarms[-1].picture_by is not None, "pictures are on their way"
    snapping.later(GIVEN_UP)
    assert len(snapshots(snapping)) == MAX_ASKED
