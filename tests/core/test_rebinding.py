"""Where a device with a key is believed to be, when its NAT or its network changes, and when somebody passes on what he
hears: the path moves only to where the device went, and commands reach it meanwhile."""

import pytest

from alarmd.core.effects import SendFrame
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import ConnectionClosed, FrameReceived
from alarmd.core.paths import Path
from alarmd.core.rebinding import PATIENCE
from alarmd.core.records import CommandState, Presence
from alarmd.core.requests import CommandRequested, DeviceForgotten
from alarmd.core.signed_session import LONGEST_ROUND_TRIP, SMOOTHING, SignedSession
from lfcp import Message
from lfcp.constants import PROB_AGAIN_MS, Verb
from tests.playbook import Playbook, heartbeat, path
from tests.signed_camera import SignedCamera

TLGS = CommandRequested("op", "cam1", "TLGS")
HOME = path()
AWAY = path("198.51.100.9", 9999)
FARTHER = path("203.0.113.7", 7000)
TCP = path(port=5000, transport="tcp")
PROB_AGAIN = PROB_AGAIN_MS / 1000


@pytest.fixture
def camera() -> SignedCamera:
    made = SignedCamera()
    made.report = made.report._replace(probing=True)
    return made


@pytest.fixture
def play(camera: SignedCamera) -> Playbook:
    made = Playbook().give_key(camera.name, camera.key)
    camera.meet(made)
    camera.beat(made)
    return made


def signed(play: Playbook) -> SignedSession:
    found = play.engine.state.sessions["cam1"].signed
    assert found is not None
    return found


def where(play: Playbook) -> Path | None:
    return play.engine.state.sessions["cam1"].path


def sent_to(play: Playbook, camera: SignedCamera, at: Path) -> list[Message]:
    """What the last input made the server send to an address; the camera hears it."""
    return [camera.read(effect.payload) for effect in play.made(SendFrame) if effect.path == at]


def verbs(messages: list[Message]) -> list[str]:
    return [message.verb for message in messages]


def come(play: Playbook, camera: SignedCamera, at: Path) -> list[Message]:
    """The device goes there, is asked, and answers; what it hears there then."""
    camera.path = at
    play << camera.heartbeat()
    (challenge,) = sent_to(play, camera, at)
    assert challenge.params[1] == "1"
    play << camera.heartbeat()
    return sent_to(play, camera, at)


def copy(genuine: FrameReceived, at: Path) -> FrameReceived:
    return FrameReceived(genuine.payload, at)


# A device that moves


def test_a_device_that_moved_is_at_both_addresses_until_the_old_one_was_silent_for_a_while(
    play: Playbook, camera: SignedCamera
) -> None:
    (answer,) = come(play, camera, AWAY)
    assert answer.params[1] == "0"
    asked = [effect for effect in play.made(SendFrame) if effect.path == HOME]
    assert [camera.read(effect.payload).verb for effect in asked] == ["PROB"]
    assert where(play) == HOME
    play.later(PATIENCE - 0.1)
    assert verbs([camera.read(effect.payload) for effect in play.made(SendFrame)]) == ["PROB"], "once again"
    assert where(play) == HOME
    play.later(0.1)
    assert where(play) == AWAY
    assert play.count(EventKind.DEVICE_ADDRESS) == 1
    assert play.count(EventKind.ADDRESS_CONTESTED) == 0


def test_prob_is_sent_again_after_its_time(play: Playbook, camera: SignedCamera) -> None:
    come(play, camera, AWAY)
    assert play.later(PROB_AGAIN - 0.01).sent == []
    assert len(play.later(0.02).sent) == 1


def test_what_an_earlier_doubt_waited_for_is_nothing_to_a_later_one(play: Playbook, camera: SignedCamera) -> None:
    come(play, camera, AWAY)
    play.later(0.5)
    camera.beat(play, HOME)
    play.later(0.2)
    come(play, camera, FARTHER)
    assert play.later(PROB_AGAIN - 0.01).sent == []
    assert len(play.later(PATIENCE - PROB_AGAIN).sent) == 1
    assert where(play) == HOME
    play.later(0.1)
    assert where(play) == FARTHER


def test_a_device_that_does_not_know_prob_is_not_sent_it_and_moves_alike(camera: SignedCamera) -> None:
    camera.report = camera.report._replace(probing=False)
    play = Playbook().give_key("cam1", camera.key)
    camera.meet(play)
    come(play, camera, AWAY)
    assert all(effect.path == AWAY for effect in play.made(SendFrame))
    assert play.later(PATIENCE).sent == []
    assert where(play) == AWAY


def test_after_a_restart_nothing_is_proven_and_the_first_proof_moves_at_once(
    play: Playbook, camera: SignedCamera
) -> None:
    again = play.restart()
    camera.path = AWAY
    camera.meet(again)
    assert where(again) == AWAY


@pytest.mark.parametrize("at", [AWAY, path(port=4001)])
def test_a_command_that_was_pushed_at_a_dead_mapping_comes_with_the_next_heartbeat_and_is_done_once(
    play: Playbook, camera: SignedCamera, at: Path
) -> None:
    play << TLGS
    play.later(30)
    (command,) = come(play, camera, at)
    assert (command.verb, command.params[3]) == ("TLGS", f"{camera.counter:x}")
    copies = [camera.read(effect.payload) for effect in play.made(SendFrame) if effect.path == HOME]
    assert [one.params[2:4] for one in copies if one.verb == "TLGS"] == [(command.params[2], "0")]
    play << camera.ack(command)
    assert play.last_command.state is CommandState.ACKED
    play.later(PATIENCE)
    assert camera.beat(play).verb == "ACK"
    assert play.last_command.state is CommandState.ACKED


def test_what_is_asked_of_a_device_in_doubt_is_pushed_to_both_addresses(play: Playbook, camera: SignedCamera) -> None:
    come(play, camera, AWAY)
    play << TLGS
    play.later(0)
    assert [effect.path for effect in play.made(SendFrame)] == [HOME, AWAY]
    play.later(1)
    assert [effect.path for effect in play.made(SendFrame)].count(AWAY) == 1
    play.later(PATIENCE)
    assert {effect.path for effect in play.later(20).made(SendFrame)} <= {AWAY}


def test_after_the_device_moved_nothing_more_is_sent_to_where_it_was(play: Playbook, camera: SignedCamera) -> None:
    come(play, camera, AWAY)
    play.later(PATIENCE)
    play << TLGS
    assert {effect.path for effect in play.later(30).made(SendFrame)} == {AWAY}


def test_a_device_that_moves_on_while_it_is_in_doubt_is_where_it_was_proven_last(
    play: Playbook, camera: SignedCamera
) -> None:
    come(play, camera, AWAY)
    play.later(1)
    (answer,) = come(play, camera, FARTHER)
    assert answer.params[1] == "0"
    assert camera.beat(play).params[1] == "0"
    play.later(PATIENCE - 1)
    assert where(play) == FARTHER


def test_a_device_that_comes_back_while_it_is_in_doubt_stays(play: Playbook, camera: SignedCamera) -> None:
    come(play, camera, AWAY)
    camera.path = HOME
    assert camera.beat(play).params[1] == "0"
    assert signed(play).doubt is None
    play.later(60)
    assert where(play) == HOME
    assert play.count(EventKind.ADDRESS_CONTESTED) == 1


def test_a_device_that_gets_a_key_is_proven_where_it_was() -> None:
    play = Playbook() << heartbeat()
    camera = SignedCamera()
    play.give_key("cam1", camera.key)
    camera.meet(play)
    assert signed(play).proven
    assert where(play) == HOME


def test_a_device_in_doubt_that_is_forgotten_is_nobody(play: Playbook, camera: SignedCamera) -> None:
    come(play, camera, AWAY)
    play << DeviceForgotten("op", "cam1")
    assert play.later(60).effects == []


def test_a_heartbeat_of_a_device_in_doubt_is_not_answered_by_the_short_cut(
    play: Playbook, camera: SignedCamera
) -> None:
    come(play, camera, AWAY)
    assert signed(play).usual is None
    assert camera.beat(play).params[1] == "0"
    assert signed(play).usual is None
    play.later(PATIENCE)
    camera.beat(play)
    assert signed(play).usual is not None


# Who passes on what he hears


def test_who_passes_on_a_challenge_moves_nothing_while_the_device_answers_prob(
    play: Playbook, camera: SignedCamera
) -> None:
    play << copy(camera.heartbeat(), AWAY)  # and the genuine one is lost
    sent_to(play, camera, AWAY)  # he passes the challenge on
    play << copy(camera.heartbeat(), AWAY)  # again he is faster, and the genuine one is lost
    (prob,) = [one for one in sent_to(play, camera, HOME) if one.verb == Verb.PROB]
    assert prob.signature is not None
    acknowledged = camera.frame("ACK", f"{prob.signature.counter:x}", "0", "0", "0")
    play << copy(acknowledged, AWAY)
    assert signed(play).doubt is not None, "that one says nothing about where it is"
    play << acknowledged
    assert play.rejected == ["replayed"]
    assert signed(play).doubt is None, "but it came from there, too"
    play.later(60)
    assert where(play) == HOME
    assert play.count(EventKind.ADDRESS_CONTESTED) == 1


@pytest.mark.parametrize("knows", [False, True])
@pytest.mark.parametrize("faster", [False, True])
def test_who_passes_everything_on_moves_nothing_and_the_device_gets_its_commands(
    camera: SignedCamera, knows: bool, faster: bool
) -> None:
    camera.report = camera.report._replace(probing=knows)
    play = Playbook().give_key("cam1", camera.key)
    camera.meet(play)
    for _ in range(20):
        play << TLGS
        play.later(10)  # every push is lost
        genuine = camera.heartbeat()
        for made in sorted((genuine, copy(genuine, AWAY)), key=lambda one: faster is (one is genuine)):
            play << made
            commands = [one for one in sent_to(play, camera, HOME) if one.verb == Verb.TLGS]
            if commands:
                play << camera.ack(commands[0])
            sent_to(play, camera, AWAY)  # he passes it on
        play.later(10)
        assert where(play) == HOME
        assert play.last_command.state is CommandState.ACKED
    assert play.count(EventKind.ADDRESS_CONTESTED) == (2 if faster else 0), "sometimes; slow copies were of no use"
    assert play.engine.state.sessions["cam1"].presence is Presence.ONLINE


def test_a_message_from_the_old_address_tells_too_that_the_device_is_there(
    play: Playbook, camera: SignedCamera
) -> None:
    play << copy(camera.heartbeat(), AWAY)
    sent_to(play, camera, AWAY)
    late = camera.message("LOG", "said before")
    play << copy(camera.heartbeat(), AWAY)
    assert signed(play).doubt is not None
    play << late
    assert signed(play).doubt is not None, "the device may have gone since"
    play << camera.message("LOG", "said after")
    assert signed(play).doubt is None


def test_a_challenge_is_worth_nothing_when_its_echo_is_too_old_to_prove_life(
    play: Playbook, camera: SignedCamera
) -> None:
    play << camera.heartbeat(AWAY)
    assert AWAY in signed(play).challenged
    for _ in range(6):
        camera.beat(play)
        play.later(20)
    assert not signed(play).challenged
    assert play.count(EventKind.ADDRESS_CONTESTED) == 1


def test_a_sleep_over_its_limit_from_elsewhere_leaves_no_challenge_behind(camera: SignedCamera) -> None:
    play = Playbook(message_burst=1.0, message_rate=0.0001).give_key("cam1", camera.key)
    camera.meet(play)
    camera.hear(play << camera.message("LOG", "x"))
    camera.path = AWAY
    play << camera.sleep(60)
    assert play.sent == []
    camera.path = HOME
    camera.beat(play)
    assert not signed(play).challenged


# Over TCP


@pytest.mark.parametrize(("old", "new"), [(HOME, TCP), (TCP, HOME), (TCP, path(port=5001, transport="tcp"))])
def test_a_connection_replaces_a_path_and_is_replaced_like_any_other(
    camera: SignedCamera, old: Path, new: Path
) -> None:
    play = Playbook().give_key("cam1", camera.key)
    camera.path = old
    camera.meet(play)
    come(play, camera, new)
    assert where(play) == old
    play.later(PATIENCE)
    assert where(play) == new
    assert {*play.engine.state.connections} == {one for one in (new,) if one.transport == "tcp"}


def test_when_the_old_connection_is_closed_the_path_moves_at_once(camera: SignedCamera) -> None:
    play = Playbook().give_key("cam1", camera.key)
    camera.path = TCP
    camera.meet(play)
    come(play, camera, AWAY)
    play << ConnectionClosed(TCP)
    assert where(play) == AWAY
    assert signed(play).proven
    assert signed(play).doubt is None


def test_when_the_new_connection_is_closed_the_path_stays(play: Playbook, camera: SignedCamera) -> None:
    come(play, camera, TCP)
    play << ConnectionClosed(TCP)
    assert signed(play).doubt is None
    play.later(60)
    assert where(play) == HOME
    assert signed(play).proven
    assert play.engine.state.connections == {}


def test_a_connection_that_lost_against_the_path_is_nothing_to_it_when_it_is_closed(
    play: Playbook, camera: SignedCamera
) -> None:
    come(play, camera, TCP)
    camera.beat(play, HOME)
    assert play.engine.state.connections == {}
    play << ConnectionClosed(TCP)
    assert signed(play).proven


def test_a_connection_that_another_address_followed_is_nothing_to_the_doubt_when_it_is_closed(
    play: Playbook, camera: SignedCamera
) -> None:
    come(play, camera, TCP)
    play.engine.state.connections[FARTHER] = play.engine.state.sessions["cam1"]  # an adapter that tells it twice
    play << ConnectionClosed(FARTHER)
    assert signed(play).doubt is not None


# Round trips


def test_a_round_trip_is_known_from_the_challenge_that_comes_back(camera: SignedCamera) -> None:
    play = Playbook().give_key("cam1", camera.key)
    camera.beat(play)
    play.later(0.12)
    camera.beat(play)
    assert signed(play).round_trip == pytest.approx(0.12, abs=1e-4)


def test_a_round_trip_follows_commands_quickly_down_and_slowly_up(play: Playbook, camera: SignedCamera) -> None:
    signed(play).round_trip = None
    trips = []
    for wait in (0.4, 0.2, 1.0, LONGEST_ROUND_TRIP + 1):
        play << TLGS
        command = camera.hear(play.later(0))[-1]
        play.later(wait)
        play << camera.ack(command)
        trips.append(signed(play).round_trip)
    slowly = 0.2 + (1.0 - 0.2) / SMOOTHING
    assert trips == pytest.approx([0.4, 0.2, slowly, slowly], abs=1e-4), "the last one waited at the device"


def test_a_device_that_moved_has_another_round_trip(play: Playbook, camera: SignedCamera) -> None:
    come(play, camera, AWAY)
    play.later(PATIENCE)
    assert signed(play).round_trip is None


def test_an_acknowledgement_that_names_nothing_of_ours_is_refused(play: Playbook, camera: SignedCamera) -> None:
    for params in (("1", "0", "0", "0"), ("0", "0", "0", "0"), (f"{camera.echo:x}", "0", "0", "x")):
        play << camera.frame("ACK", *params)
        assert play.rejected == ["bad_fields"]
    play << camera.frame("ACK", f"{camera.echo:x}", "0", "0", "0")
    assert play.rejected == []
