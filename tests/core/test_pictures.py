"""A picture that comes: stored once, joined to its alarm, and sent to whoever is to have it."""

import tracemalloc
from dataclasses import replace

import pytest

from alarmd.core.effects import Answer, FetchPicture, QueueDelivery, SavePicture
from alarmd.core.event_kinds import EventKind
from alarmd.core.galleries import MAX_TAKEN, MAX_UPLOADS, Gallery
from alarmd.core.inputs import BacklogDrained, BacklogFilled, FilmMade, ManifestSealed, PictureFound, TurnQuarantined
from alarmd.core.instant import SECOND
from alarmd.core.pictures import MAX_TOLD
from alarmd.core.records import Arming, Picture, Standing, Trigger
from alarmd.core.requests import (
    AlarmAcknowledged,
    AlarmCleared,
    ArmingRequested,
    DeviceChanged,
    DeviceForgotten,
    PictureRequested,
)
from alarmd.core.settings import PictureRoute
from alarmd.core.state import UNASSIGNED
from tests.contracts.records import PICTURE
from tests.core.pictures import ANN, BOB, ROUTES, arrives, moal, pulled, told
from tests.playbook import Playbook

ALL = ("log", "", "picture"), (*ANN, "picture")


@pytest.fixture
def play() -> Playbook:
    return Playbook(routes=ROUTES, incident_quiet=60.0).adopt("cam1", "cam2")


def saved(play: Playbook) -> list[Picture]:
    return [effect.picture for effect in play.made(SavePicture)]


def test_a_picture_is_stored_numbered_and_answered(play: Playbook) -> None:
    first = arrives(play, captured_at=play.now.wall - 5, repair="first byte restored", upload="b.1")
    play << first
    assert play.answer == tuple(saved(play))
    (picture,) = saved(play)
    assert (picture.id, picture.sequence, picture.key, picture.alarm_id) == (1, 1, first.key, None)
    assert (picture.captured_at, picture.received_at) == (play.now.wall - 5, play.now.wall)
    assert (picture.trigger, picture.repair, picture.upload) == (Trigger.DEVICE, "first byte restored", "b.1")
    assert (picture.digest, picture.size, picture.width, picture.height) == (first.digest, 50_000, 640, 480)
    assert play.told == []
    play << arrives(play, "cam2") << arrives(play)
    (third,) = saved(play)
    assert (third.id, third.sequence, third.captured_at) == (3, 2, third.received_at)


def test_a_picture_that_nobody_asked_for_counts_among_its_device_s_messages_once() -> None:
    play = Playbook(message_burst=1.0, message_rate=0.001).adopt("cam1", "cam2")
    play << arrives(play, upload="9f3c.1", was_announced=True)
    first = arrives(play)
    play << first << first
    assert play.made(Answer)
    play << arrives(play)
    assert (play.refusal.reason, play.effects) == ("device_rate", [play.refusal])
    assert "devices.message_rate" in play.refusal.message
    play << arrives(play, "cam2")
    assert len(saved(play)) == 1


def test_a_picture_that_the_server_asked_for_comes_however_many_its_device_sent() -> None:
    play = Playbook(message_burst=1.0, message_rate=0.001).adopt("cam1")
    play << pulled() << arrives(play) << PictureRequested("ann", "cam1", ANN)
    (fetch,) = play.made(FetchPicture)
    play << arrives(play, upload=fetch.upload)
    assert len(saved(play)) == 1


def test_pictures_are_numbered_on_after_a_restart(play: Playbook) -> None:
    play << arrives(play) << arrives(play)
    again = play.restart()
    again << arrives(again)
    assert [(one.id, one.sequence) for one in saved(again)] == [(3, 3)]


def test_a_picture_that_is_found_is_known_again_and_told_nobody(play: Playbook) -> None:
    play << moal("cam1")
    play << PictureFound(arrives(play, captured_at=5))
    (picture,) = saved(play)
    assert (picture.id, picture.sequence, picture.captured_at, picture.alarm_id) == (1, 1, 5, None)
    assert (play.told, play.events) == ([], [])
    play << arrives(play)
    assert [(one.id, one.sequence) for one in saved(play)] == [(2, 2)]


def test_the_device_of_a_found_picture_is_introduced_if_nobody_knows_it(play: Playbook) -> None:
    play << PictureFound(arrives(play, "cam9"))
    assert [one.device_id for one in saved(play)] == [3]
    assert play.kinds == [EventKind.DEVICE_NEW]
    assert play.engine.state.sessions["cam9"].device.standing is Standing.ADMITTED
    assert play.engine.state.zones[play.engine.state.sessions["cam9"].device.zone_id].name == UNASSIGNED


def test_beyond_the_limit_no_device_is_introduced_by_what_is_found() -> None:
    play = Playbook(max_devices=1).adopt("cam1")
    play << PictureFound(arrives(play, "cam9"))
    assert play.refusal.reason == "table_full"
    assert saved(play) == []


def test_a_picture_of_a_device_that_nobody_knows_is_refused(play: Playbook) -> None:
    play << arrives(play, "cam9")
    assert (play.refusal.reason, play.refusal.field) == ("unknown_device", "device")
    assert "`alarmd device add`" in play.refusal.message


def test_a_picture_is_refused_while_too_much_waits_for_the_database(play: Playbook) -> None:
    picture = arrives(play)
    play << BacklogFilled() << picture
    assert (play.refusal.reason, saved(play)) == ("busy", [])
    play << BacklogDrained() << picture
    assert len(saved(play)) == 1


@pytest.mark.parametrize("restarted", [False, True])
def test_what_comes_again_is_stored_already_and_changes_nothing(play: Playbook, restarted: bool) -> None:
    play << moal()
    named, unnamed = arrives(play, upload="b.1"), arrives(play, "cam2")
    play << named << unnamed
    if restarted:
        play = play.restart(after=50)
    for again in (named, unnamed):
        other = replace(again, key="cam1/other.jpg", received_at=play.now.wall)
        play << other
        assert play.answer == ()
        assert len(play.effects) == 1
        play << BacklogFilled() << other
        assert play.answer == (), "it is stored, so it can be said"
        play << BacklogDrained()


def test_the_same_bytes_are_another_picture_after_a_minute_or_with_another_id(play: Playbook) -> None:
    first = arrives(play)
    play << first
    late = replace(first, key="late.jpg", received_at=first.received_at + 60 * SECOND + 1)
    play << replace(late, received_at=late.received_at - 1)
    assert saved(play) == []
    play << late
    assert len(saved(play)) == 1
    play << replace(late, key="asked.jpg", upload="b.2")
    assert len(saved(play)) == 1


def test_another_picture_with_an_id_that_was_used_is_stored_too(play: Playbook) -> None:
    first, second = arrives(play, upload="garden"), arrives(play, upload="garden")
    play << first
    play << second
    assert [picture.key for picture in play.answer] == [second.key]
    play << replace(second, key="again.jpg")
    assert (play.answer, saved(play)) == ((), [])
    play << replace(first, key="back.jpg")
    assert len(saved(play)) == 1, "the id is that of the later one now"


def test_the_same_bytes_long_before_the_newest_are_another_picture(play: Playbook) -> None:
    first = arrives(play)
    play << first << replace(first, key="back.jpg", received_at=first.received_at - 60 * SECOND - 1)
    assert len(saved(play)) == 1, "the clock was set back"


@pytest.mark.parametrize("upload", ["", "b.1"])
def test_a_picture_that_the_database_refused_is_stored_when_it_comes_again(play: Playbook, upload: str) -> None:
    first = arrives(play, upload=upload)
    play << first
    (refused,) = saved(play)
    play << TurnQuarantined("a constraint failed", pictures=(refused,))
    play << replace(first, key="again.jpg")
    (stored,) = saved(play)
    assert (stored.key, stored.sequence) == ("again.jpg", refused.sequence + 1)
    play << TurnQuarantined("and again", pictures=(refused,)) << replace(first, key="third.jpg")
    assert saved(play) == [], "what was stored since stays known"
    play << DeviceForgotten("op", "cam1") << TurnQuarantined("too late", pictures=(stored,))
    assert saved(play) == [], "nobody asks for it any more"


def test_ids_of_uploads_are_remembered_but_not_for_ever(play: Playbook) -> None:
    first = arrives(play, upload="b.0")
    play << first
    for number in range(1, MAX_UPLOADS):
        play << arrives(play, upload=f"b.{number}")
        assert len(saved(play)) == 1
        play << replace(first, key="again.jpg")
        assert saved(play) == []
    play << arrives(play, upload="b.last") << replace(first, key="again.jpg")
    assert len(saved(play)) == 1, f"only {MAX_UPLOADS} are known"


def test_an_older_upload_that_comes_again_after_a_restart_is_stored_once_more(play: Playbook) -> None:
    first = arrives(play, upload="b.0")
    play << first << arrives(play, upload="b.1")
    again = play.restart()
    again << replace(first, key="again.jpg")
    assert [picture.key for picture in saved(again)] == ["again.jpg"]


def test_an_earlier_upload_that_the_database_refused_late_is_stored_when_it_comes_again(play: Playbook) -> None:
    first = arrives(play, upload="b.0", trigger=Trigger.COMMAND)
    play << first
    (refused,) = saved(play)
    play << arrives(play, upload="b.1")
    (second,) = saved(play)
    play << TurnQuarantined("a constraint failed", pictures=(refused,))
    assert play.engine.state.galleries[1].taken == ()
    play << replace(first, key="again.jpg")
    assert [picture.key for picture in saved(play)] == ["again.jpg"]
    play << TurnQuarantined("of another one", pictures=(replace(second, digest="other"),))
    play << arrives(play, upload="b.1", digest=second.digest)
    assert saved(play) == []


def test_pictures_that_persons_asked_for_are_remembered_but_not_for_ever(play: Playbook) -> None:
    for number in range(MAX_TAKEN + 1):
        play << arrives(play, upload=f"b.{number}", trigger=Trigger.COMMAND) << arrives(play)
    taken = play.engine.state.galleries[1].taken
    assert [picture.upload for picture in taken] == [f"b.{number}" for number in range(1, MAX_TAKEN + 1)]


def test_a_camera_that_sent_many_takes_less_than_a_kilobyte() -> None:
    cameras = [Gallery() for _ in range(100)]
    tracemalloc.start()
    try:
        for number, gallery in enumerate(cameras):
            for upload in range(20):
                gallery.add(_sent(number, upload))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 1000 * len(cameras)


def _sent(camera: int, upload: int) -> Picture:
    """With nothing that another one shares."""
    digest, wall = f"{camera:032x}{upload:032x}", 1_790_000_000_000_000 + 60_000_000 * upload + camera
    return replace(
        PICTURE,
        id=100_000 + wall % 10**9,
        sequence=1000 + upload,
        key=f"camera-{camera:06}/2026/11/05/120000{upload:06}-{digest[:16]}.jpg",
        captured_at=wall - 1,
        received_at=wall,
        upload=f"{camera:08x}.{upload}",
        digest=digest,
        hlc=wall << 16,
    )


def test_a_picture_during_an_incident_joins_the_alarm_and_is_told_to_who_knows_of_it(play: Playbook) -> None:
    play << moal()
    picture = arrives(play)
    play << picture
    assert saved(play)[0].alarm_id == 1
    assert [(one.picture, one.pictures) for one in play.alarms] == [(picture.key, 1)]
    assert told(play.told) == [*ALL]
    assert {(one.alarm_id, one.attachment, one.urgent) for one in play.told} == {(1, picture.key, False)}
    assert play.told[0].text == "cam1: picture 1"
    second = arrives(play, trigger=Trigger.SCHEDULE)
    play << second
    assert [(one.picture, one.pictures) for one in play.alarms] == [(picture.key, 2)]
    assert [one.attachment for one in play.told] == [second.key] * 2
    deliveries = [effect.delivery.identity for effect in play.history if isinstance(effect, QueueDelivery)]
    assert len(deliveries) == len(set(deliveries)) == 6


def test_who_hears_of_an_alarm_late_gets_its_first_picture_and_those_that_follow() -> None:
    play = Playbook(routes=ROUTES, incident_quiet=400.0).adopt("cam1") << moal()
    first = arrives(play)
    play << first << arrives(play)
    play.later(300)
    assert told(play.told) == [(*BOB, "raised"), (*BOB, "picture")]
    assert [one.attachment for one in play.told] == ["", first.key]
    play << arrives(play)
    assert told(play.told) == [*ALL, (*BOB, "picture")]


def test_a_picture_told_late_has_the_identity_that_it_would_have_had(play: Playbook) -> None:
    play << moal() << arrives(play)
    early = next(one.identity for one in play.told if one.recipient == "ann")
    play.later(300)
    assert play.told[1].identity == early.replace("ann", "bob")


def test_no_more_than_so_many_pictures_of_an_alarm_are_told(play: Playbook) -> None:
    play << moal()
    for number in range(MAX_TOLD + 2):
        play << arrives(play)
        assert bool(play.told) is (number < MAX_TOLD)
    assert play.alarms[-1].pictures == MAX_TOLD + 2


def test_motion_that_is_not_written_yet_is_counted_when_a_picture_joins(play: Playbook) -> None:
    play << moal() << moal() << arrives(play) << AlarmAcknowledged("op", 1)
    assert (play.alarms[-1].event_count, play.alarms[-1].pictures) == (2, 1)


@pytest.mark.parametrize(
    "setting", [ArmingRequested("op", "home", Arming.DISARMED), DeviceChanged("op", "cam1", muted=600)]
)
def test_pictures_of_an_alarm_that_is_told_nobody_are_kept_with_it_and_told_nobody(
    play: Playbook, setting: ArmingRequested | DeviceChanged
) -> None:
    play << setting << moal() << arrives(play)
    assert (saved(play)[0].alarm_id, play.alarms[-1].pictures, play.told) == (1, 1, [])


def test_a_late_picture_of_an_alarm_still_joins_it_when_the_incident_is_over(play: Playbook) -> None:
    play << pulled() << moal() << moal("cam2")
    play.later(129)
    play << arrives(play, "cam2", trigger=Trigger.ALARM)
    assert saved(play)[0].alarm_id is None, "cam2 was not asked"
    play << arrives(play, trigger=Trigger.DEVICE)
    assert saved(play)[0].alarm_id is None, "nothing says that it is of the alarm"
    play << arrives(play, trigger=Trigger.ALARM)
    assert saved(play)[0].alarm_id == 1
    assert told(play.told) == [*ALL]
    play.later(2)
    play << arrives(play, trigger=Trigger.ALARM)
    assert saved(play)[0].alarm_id is None, "too late to be of that alarm"


def test_a_picture_of_an_alarm_that_was_cleared_is_kept_alone(play: Playbook) -> None:
    play << pulled() << moal() << AlarmCleared("op", 1) << arrives(play, trigger=Trigger.ALARM)
    assert (saved(play)[0].alarm_id, play.told) == (None, [])


def test_an_acknowledged_alarm_still_gets_pictures(play: Playbook) -> None:
    play << moal() << AlarmAcknowledged("op", 1) << arrives(play)
    assert told(play.told) == [*ALL]


def routed(*routes: PictureRoute) -> Playbook:
    return Playbook(picture_routes=routes).adopt("cam1", "cam2")


def test_every_picture_goes_where_every_picture_goes() -> None:
    play = routed(PictureRoute("s3"), PictureRoute("film", each=True))
    picture = arrives(play)
    play << picture
    assert told(play.told) == [("s3", "", "picture"), ("film", "cam1", "picture")]
    assert [one.identity for one in play.told] == [f"s3:{picture.key}:picture", f"film/cam1:{picture.key}:picture"]
    assert {(one.attachment, one.alarm_id, one.urgent) for one in play.told} == {(picture.key, None, False)}


def test_a_route_takes_the_pictures_of_its_devices_only() -> None:
    play = routed(PictureRoute("prusa", frozenset({"cam2"})))
    play << arrives(play)
    assert play.told == []
    play << arrives(play, "cam2")
    assert told(play.told) == [("prusa", "", "picture")]


def test_a_destination_that_takes_one_now_and_then_is_spared_the_others() -> None:
    play = routed(PictureRoute("prusa", apart=10.0))
    for name, wanted in (("cam1", True), ("cam1", False), ("cam2", True)):
        play << arrives(play, name)
        assert bool(play.told) is wanted
    play.later(9.5)
    play << arrives(play)
    assert play.told == []
    play.later(0.5)
    play << arrives(play)
    assert len(play.told) == 1


def test_a_film_is_sent_to_its_recipients() -> None:
    play = Playbook().adopt("cam1")
    play << FilmMade("cam1", "cam1/films/2026-11-21.mp4", "cam1: Saturday", (ANN, ("log", "")))
    assert play.answer == ()
    assert told(play.told) == [(*ANN, "film"), ("log", "", "film")]
    assert {(one.attachment, one.text) for one in play.told} == {("cam1/films/2026-11-21.mp4", "cam1: Saturday")}
    assert play.kinds == [EventKind.FILM_MADE]
    assert play.events[0].device_id == 1
    play << DeviceForgotten("op", "cam1") << FilmMade("cam1", "cam1/films/x.mp4", "cam1: Sunday", ())
    assert play.events[0].device_id is None


def test_who_asks_for_a_film_again_gets_it_again() -> None:
    play = Playbook().adopt("cam1")
    film = FilmMade("cam1", "cam1/films/2026-11-21.mp4", "cam1: Saturday", (ANN,))
    identities = set()
    for one in (film, replace(film, asked_by="ann"), replace(film, asked_by="ann")):
        play << one
        identities |= {told.identity for told in play.told}
        assert play.events[0].text == ("cam1: Saturday, asked for by ann" if one.asked_by else "cam1: Saturday")
    assert len(identities) == 3


def test_a_manifest_is_sent_to_those_that_keep_copies() -> None:
    play = Playbook().adopt("cam1")
    play << ManifestSealed("cam1/manifests/00000001-2026-11-21.json", (("copy", ""),))
    assert play.answer == ()
    assert told(play.told) == [("copy", "", "manifest")]
    assert play.told[0].attachment == "cam1/manifests/00000001-2026-11-21.json"
    assert play.kinds == []
