"""Of two servers that hear a device one acts; and if it cannot, the other one does."""

from typing import Any

import pytest

from alarmd.core import standby
from alarmd.core.effects import CacheHeartbeat, FetchPicture, SaveCommand, SendFrame
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import LiveRequested, PeerGone, PeerHears, PeerLeft
from alarmd.core.instant import SECOND
from alarmd.core.records import CommandState
from alarmd.core.requests import CameraChanged, CommandRequested, PictureRequested
from tests.core.hearing import MET, server
from tests.core.pictures import pulled, reporting
from tests.core.test_failover import device
from tests.playbook import Playbook, frame, heartbeat
from tests.signed_camera import SignedCamera

HEARD = PeerHears(("cam1",))
CEASED = PeerHears(unheard=("cam1",))
TLGS = CommandRequested("op", "cam1", "TLGS")
ACK = frame("cam1,ACK,0,0,0,0,0,0")
BEGINS = [CEASED, PeerGone("cut"), PeerLeft()]  # what makes the standby server serve
MOAL = frame("cam1,MOAL,gate,0,0,0,0,0")


def waiting(**settings: Any) -> Playbook:
    """A server whose peer speaks, and hears cam1 too."""
    return server("A", preferred="B", **settings).adopt("cam1") << heartbeat() << MET << HEARD


def verbs(play: Playbook) -> list[str]:
    return [payload.split(b",")[1].decode() for payload in play.sent]


# alarms


@pytest.mark.parametrize(("preferred", "seconds"), [("A", 0), ("B", 5)])
def test_the_preferred_server_tells_an_alarm_at_once_and_the_other_after_the_delay(
    preferred: str, seconds: int
) -> None:
    play = server("A", preferred).adopt("cam1") << heartbeat() << MET << MOAL
    assert {told.due_at - told.created_at for told in play.told} == {seconds * SECOND}


@pytest.mark.parametrize("gone", [PeerGone("cut"), PeerLeft()])
def test_who_is_alone_tells_at_once(gone: Any) -> None:
    play = waiting() << gone << MOAL
    assert {told.due_at - told.created_at for told in play.told} == {0}


def test_what_only_this_server_has_to_tell_waits_for_nobody() -> None:
    play = waiting() << pulled() << PictureRequested("op", "cam1", ("chat", "1"))
    play.later(100)
    assert [told.due_at - told.created_at for told in play.told if told.subject == "snapshot"] == [0]


# ACKs


def test_the_ack_of_an_alarm_waits_for_the_peers_copy_and_no_other_does() -> None:
    play = waiting() << MOAL
    (sent,) = play.made(SendFrame)
    assert sent.doubled == sent.payload == b"cam1,ACK,0,0,0,0,0,0"
    play << frame("cam1,LOG,hello,0,0,0,0,0")
    assert [one.doubled for one in play.made(SendFrame)] == [None]
    play << heartbeat()
    assert [one.doubled for one in play.made(SendFrame)] == [None]
    play << PeerGone("cut") << MOAL
    assert [one.doubled for one in play.made(SendFrame)] == [None]


def test_a_signed_ack_says_how_many_copies_there_are() -> None:
    camera = SignedCamera()
    play = server().give_key("cam1", camera.key)
    camera.meet(play)
    play << MET
    moal = camera.moal()
    for happened in (moal, moal, camera.again("MOAL", "gate")):  # a new one, the network's copy, and one sent again
        play << happened
        (sent,) = play.made(SendFrame)
        assert sent.doubled is not None
        one, two = camera.read(sent.payload), camera.read(sent.doubled)
        assert (one.params[1], two.params[1]) == ("1", "2")
        assert one.signature is not None
        assert two.signature is not None
        assert one.signature.counter == two.signature.counter
        assert one.params[2] == two.params[2]
    play << camera.message("LOG", "hello")
    assert [one.doubled for one in play.made(SendFrame)] == [None]


# commands


@pytest.mark.parametrize("begins", BEGINS)
def test_a_command_waits_while_the_peer_serves_the_device_and_goes_out_when_it_does_not(begins: Any) -> None:
    play = waiting() << TLGS << heartbeat()
    assert verbs(play) == ["ACK"]
    assert play.made(CacheHeartbeat) == [], "it must be seen when the time comes"
    play << begins << heartbeat()
    assert verbs(play) == ["TLGS"]
    play << ACK
    assert play.last_command.state is CommandState.ACKED


@pytest.mark.parametrize("begins", BEGINS)
def test_a_command_to_a_signed_device_is_pushed_as_soon_as_this_server_serves_it(begins: Any) -> None:
    camera = SignedCamera()
    play = server("A", preferred="B").give_key("cam1", camera.key)
    camera.meet(play)
    play << MET << HEARD << TLGS
    assert play.later(1.0).sent == []
    assert camera.beat(play).verb == "ACK"
    play << begins
    (command,) = camera.hear(play.later(0.1))
    assert command.verb == "TLGS"
    play << MET << HEARD << camera.ack(command)
    assert play.last_command.state is CommandState.ACKED


def test_the_preferred_server_serves_what_it_hears_whoever_else_does() -> None:
    play = server("A", preferred="A").adopt("cam1") << heartbeat() << MET << HEARD << TLGS << heartbeat()
    assert verbs(play) == ["TLGS"]


def test_a_device_that_only_the_other_server_hears_is_that_ones() -> None:
    play = server("A", preferred="A").adopt("cam1", "cam2") << heartbeat() << MET << HEARD
    play.later(120)
    assert not standby.serves(play.engine.state, play.engine.state.sessions["cam1"])
    play << CEASED
    assert standby.serves(play.engine.state, play.engine.state.sessions["cam1"])
    play << PeerHears(("cam2",))
    assert not standby.serves(play.engine.state, play.engine.state.sessions["cam2"]), "it was never heard here"


def test_who_sent_a_command_goes_on_with_it_and_its_heartbeats_are_cached_again_after() -> None:
    play = server("A", preferred="B").adopt("cam1") << heartbeat() << TLGS << heartbeat() << MET << HEARD << heartbeat()
    assert verbs(play) == ["TLGS"], "its ACK was lost"
    play << ACK << heartbeat()
    assert verbs(play) == ["ACK"]
    play << heartbeat()
    assert play.made(CacheHeartbeat)


def test_pictures_come_from_the_device_to_the_server_that_asked() -> None:
    play = waiting() << TLGS << reporting() << PictureRequested("op", "cam1", None) << reporting()
    assert verbs(play) == ["SNAP"], "behind a command that the peer sends"
    play << ACK << reporting() << reporting()
    assert verbs(play) == ["ACK"]


def test_another_servers_request_for_a_picture_is_not_sent_from_here() -> None:
    play = server("B", preferred="B").adopt("cam1") << MET << reporting() << PictureRequested("op", "cam1", None)
    play.settings = server("A", preferred="A").settings
    play = play.restart() << MET << reporting()
    assert verbs(play) == ["ACK"]


def test_live_pictures_are_asked_for_by_the_server_whose_viewer_it_is() -> None:
    play = waiting() << reporting(knows="l") << LiveRequested("cam1") << reporting(knows="l")
    assert "LIVE" in verbs(play)


# pictures


def test_only_the_server_that_serves_a_device_has_a_picture_taken_of_an_alarm() -> None:
    play = waiting() << reporting() << MOAL
    assert [command.verb for command in play.commands] == []
    play.later(20)
    assert play.told == [], "nor does it miss one"
    play = waiting() << reporting() << CEASED << MOAL
    assert [command.verb for command in play.commands] == ["SNAP"]


def test_only_the_server_that_serves_a_device_asks_for_pictures_by_schedule() -> None:
    play = waiting() << CameraChanged("op", "cam1", pull_url="http://192.0.2.9/jpg", every=10)
    assert play.later(15).made(FetchPicture) == []
    play << CEASED
    assert len(play.later(10).made(FetchPicture)) == 1


# what is wanted


def off(version: int = 0) -> Any:
    return frame(f"cam1,HEARTBEAT,2,20,9f.0,-.-.{version},0,0")


def test_both_know_what_is_wanted_and_one_of_them_says_so() -> None:
    for preferred, sent in (("A", ["ENAL"]), ("B", [])):
        play = server("A", preferred).adopt("cam1", "cam2") << heartbeat() << heartbeat("cam2", "192.0.2.2")
        play << MET << HEARD
        for _ in range(6):
            play << heartbeat()
            play.later(20)
        assert device(play, "cam1").wanted_detector is True
        assert queued(play, "cam1") == sent
        assert queued(play, "cam2") == sent, "nobody hears it: the preferred one has something for it"


def queued(play: Playbook, name: str) -> list[str]:
    saved = [effect.command for effect in play.history if isinstance(effect, SaveCommand)]
    mine = device(play, name).id
    return [one.verb for one in saved if one.state is CommandState.QUEUED and one.device_id == mine]


def test_a_device_that_reports_otherwise_is_corrected_by_the_server_that_serves_it() -> None:
    play = waiting() << CommandRequested("op", "cam1", "ENAL") << CEASED << heartbeat() << ACK << heartbeat()
    play.later(301)
    play << HEARD << off()
    assert EventKind.WANTED_REASSERTED not in play.kinds
    play << CEASED << off()
    assert EventKind.WANTED_REASSERTED in play.kinds


def test_who_is_alone_does_not_correct_a_device_that_may_obey_the_peer() -> None:
    play = waiting() << CommandRequested("op", "cam1", "ENAL") << PeerGone("cut") << off() << ACK << off()
    play.later(301)
    play << off()
    assert EventKind.WANTED_REASSERTED not in play.kinds
    play << frame("cam1,HEARTBEAT,2,20,aa.0,-.-.0,0,0")
    assert EventKind.WANTED_REASSERTED in play.kinds, "a reboot is another matter"


@pytest.mark.parametrize("met", [False, True])
def test_a_device_that_knows_a_newer_wish_is_believed(met: bool) -> None:
    camera = SignedCamera()
    play = server("A", preferred="A").give_key("cam1", camera.key)
    camera.meet(play)
    for verb in ("ENAL", "WCAM"):
        play << CommandRequested("op", "cam1", verb)
        for command in camera.hear(play.later(0)):
            play << camera.ack(command)
    if met:
        play << MET
    camera.report = camera.report._replace(detector=False, camera=False, wanted_version=9)
    play.later(400)
    camera.beat(play)
    camera.beat(play)
    after = device(play, "cam1")
    assert (after.wanted_version, after.wanted_detector, after.camera_wish) == (9, False, False)
    assert play.count(EventKind.WANTED_REASSERTED) == 0
    camera.report = camera.report._replace(detector=None, camera=None, wanted_version=12)
    camera.beat(play)
    after = device(play, "cam1")
    assert (after.wanted_version, after.wanted_detector, after.camera_wish) == (12, False, False)


def test_a_flood_of_newer_wishes_is_not_stored() -> None:
    camera = SignedCamera()
    play = server("A", preferred="A", message_burst=1.0, message_rate=0.001).give_key("cam1", camera.key)
    camera.meet(play)
    versions = []
    for version in (5, 6, 7):
        camera.report = camera.report._replace(wanted_version=version)
        camera.beat(play)
        versions.append(device(play, "cam1").wanted_version)
    assert versions[-1] < 7
    assert play.count(EventKind.WANTED_REASSERTED) == 0
