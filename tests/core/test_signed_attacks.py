"""Attacks on signed devices by who knows everything but the key, or has even that: what they gain, and what shows."""

from collections import Counter
from dataclasses import replace

import pytest

from alarmd.core.device_session import MISSES
from alarmd.core.effects import DURABLE, DropKey, SaveContacts, SendFrame
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import FrameReceived, TurnQuarantined
from alarmd.core.paths import Path
from alarmd.core.rebinding import PATIENCE
from alarmd.core.records import CommandState, Presence, Signing, Standing
from alarmd.core.requests import CommandRequested, DeviceChanged, DeviceForgotten
from alarmd.core.settings import UnknownDevices
from alarmd.core.signed_life import SYNC_GAP
from alarmd.core.signed_session import MAX_CHALLENGED, MAX_COUNTER, SignedSession
from alarmd.core.state import STRANGERS_SHARE
from lfcp import Message
from lfcp.constants import PUSH_RESENDS
from tests.playbook import Playbook, frame, heartbeat, path
from tests.signed_camera import SignedCamera

ELSEWHERE = path("198.51.100.9", 9999)
TLGS = CommandRequested("op", "cam1", "TLGS")


@pytest.fixture
def camera() -> SignedCamera:
    return SignedCamera()


@pytest.fixture
def fresh(camera: SignedCamera) -> Playbook:
    """The device has a key and was never heard."""
    return Playbook().give_key(camera.name, camera.key)


@pytest.fixture
def play(fresh: Playbook, camera: SignedCamera) -> Playbook:
    camera.meet(fresh)
    return fresh


def signed(play: Playbook, name: str = "cam1") -> SignedSession:
    found = play.engine.state.sessions[name].signed
    assert found is not None
    return found


def presence(play: Playbook, name: str = "cam1") -> Presence:
    return play.engine.state.sessions[name].presence


def where(play: Playbook) -> Path | None:
    return play.engine.state.sessions["cam1"].path


def copy(genuine: FrameReceived, at: Path = ELSEWHERE) -> FrameReceived:
    """The same bytes from another address."""
    return FrameReceived(genuine.payload, at)


def heard(play: Playbook, camera: SignedCamera) -> list[Message]:
    """What was sent to where the camera really is."""
    return [camera.read(effect.payload) for effect in play.made(SendFrame) if effect.path == camera.path]


def overtake(play: Playbook, camera: SignedCamera, genuine: FrameReceived) -> list[Message]:
    """Somebody's copy is faster; what the camera hears of its own."""
    play << copy(genuine)
    play << genuine
    return heard(play, camera)


def durable(play: Playbook) -> int:
    return sum(isinstance(effect, DURABLE) for effect in play.effects)


# Somebody on the way who copies what he sees


def test_a_copy_that_is_faster_breaks_nothing_at_the_first_contact(fresh: Playbook, camera: SignedCamera) -> None:
    for _ in range(3):
        overtake(fresh, camera, camera.heartbeat())
    assert presence(fresh) is Presence.ONLINE
    assert where(fresh) == camera.path


def test_a_command_reaches_the_device_although_every_heartbeat_is_overtaken(
    play: Playbook, camera: SignedCamera
) -> None:
    play << TLGS
    play.later(60)  # every push was lost
    (answer,) = overtake(play, camera, camera.heartbeat())
    assert answer.verb == "TLGS"
    play << camera.ack(answer)
    assert play.last_command.state is CommandState.ACKED
    assert where(play) == camera.path
    assert play.count(EventKind.ADDRESS_CONTESTED) == 1


def test_a_device_that_was_lost_is_asked_to_beat_again_although_it_is_overtaken(
    play: Playbook, camera: SignedCamera
) -> None:
    play.later(200)
    (answer,) = overtake(play, camera, camera.heartbeat())
    assert answer.params[1] == "1"
    overtake(play, camera, camera.heartbeat())
    assert presence(play) is Presence.ONLINE


def test_many_faster_copies_do_not_keep_the_device_from_its_proof_after_a_restart(
    play: Playbook, camera: SignedCamera
) -> None:
    again = play.restart(after=5)
    for _ in range(2):
        genuine = camera.heartbeat()
        for port in range(2 * MAX_CHALLENGED):
            again << copy(genuine, path("198.51.100.9", 2000 + port))
        again << genuine
        (answer,) = heard(again, camera)
    assert answer.params[1] == "0"
    assert signed(again).proven
    assert where(again) == camera.path


def test_a_lost_challenge_is_sent_again_although_every_heartbeat_is_overtaken(
    play: Playbook, camera: SignedCamera
) -> None:
    again = play.restart(after=5)
    again << copy(genuine := camera.heartbeat())
    again << genuine  # its answer is lost
    for _ in range(2):
        answers = overtake(again, camera, camera.heartbeat())
    assert [answer.params[1] for answer in answers] == ["0"]
    assert where(again) == camera.path


def test_a_challenge_that_another_address_got_proves_nothing_even_if_it_is_the_newer_one(
    play: Playbook, camera: SignedCamera
) -> None:
    genuine = camera.heartbeat(counter=camera.counter + 1)
    play << copy(genuine)  # and the genuine one is lost
    camera.counter += 1
    play << camera.message("LOG", "x")  # its ACK goes to the device, and is newer than the challenge
    heard(play, camera)
    play << copy(camera.heartbeat())
    assert where(play) == camera.path
    play << TLGS
    assert all(effect.path == camera.path for effect in play.later(30).made(SendFrame))


def test_who_relays_everything_may_move_the_address_but_not_unseen(play: Playbook, camera: SignedCamera) -> None:
    camera.path = ELSEWHERE  # as the server sees it: a relay is what a NAT is
    camera.beat(play)
    camera.beat(play)
    play.later(PATIENCE)
    assert play.count(EventKind.DEVICE_ADDRESS) == 1
    play << CommandRequested("op", "cam1", "TLGS", time_to_live=60)
    play.later(61)  # the relay swallows it
    assert (play.last_command.state, play.last_command.outcome) == (CommandState.EXPIRED, "its time to live ran out")
    assert play.count(EventKind.COMMAND_FINISHED) == 1


@pytest.mark.parametrize("faster", [False, True])
def test_who_copies_from_the_address_that_a_device_left_does_not_keep_its_commands(
    play: Playbook, camera: SignedCamera, faster: bool
) -> None:
    left, camera.path = camera.path, ELSEWHERE
    play << TLGS
    answers = []
    for _ in range(4):
        genuine = camera.heartbeat()
        for made in sorted((genuine, copy(genuine, left)), key=lambda one: faster is (one is genuine)):
            play << made
            answers += heard(play, camera)
        play.later(20)
        answers += heard(play, camera)
    assert presence(play) is Presence.ONLINE, "nobody keeps it from living"
    assert play.count(EventKind.ADDRESS_CONTESTED) == 1
    assert where(play) == left
    assert [answer.verb for answer in answers].count("TLGS") >= 3, "at each heartbeat but the first"
    play << camera.ack(answers[-1])
    assert play.last_command.state is CommandState.ACKED


def test_an_alarm_that_somebody_copies_faster_is_told_once_and_acknowledged_to_its_device(
    play: Playbook, camera: SignedCamera
) -> None:
    genuine = camera.moal()
    play << copy(genuine)
    assert len(play.told) == 1
    play << genuine
    assert play.events == []
    assert [message.params[0] for message in heard(play, camera)] == [f"{camera.counter:x}"]


# Life: nothing kept, copied or played again stands for a device that is gone


def test_banked_heartbeats_keep_a_device_alive_for_three_intervals_at_most(
    play: Playbook, camera: SignedCamera
) -> None:
    banked = [camera.heartbeat() for _ in range(100)]
    gone = play.now.mono
    for held_back in banked:
        play.later(5)
        play << held_back
        if presence(play) is Presence.LOST:
            break
    session = play.engine.state.sessions["cam1"]
    assert play.now.mono - gone <= MISSES * session.interval + session.device.report_within


@pytest.mark.parametrize("at", [path(), ELSEWHERE, path("198.51.100.10")])
def test_a_copy_of_the_newest_heartbeat_prolongs_no_life(play: Playbook, camera: SignedCamera, at: Path) -> None:
    newest = camera.heartbeat()
    play << newest
    seen = play.engine.state.sessions["cam1"].seen
    play.later(40)
    play << copy(newest, at)
    assert play.engine.state.sessions["cam1"].seen == seen
    play.later(51)
    assert presence(play) is Presence.LOST


def test_a_heartbeat_held_back_for_long_proves_nothing_where_its_challenge_went(
    play: Playbook, camera: SignedCamera
) -> None:
    again = play.restart(after=5)
    again << camera.heartbeat()
    heard(again, camera)
    held_back = camera.heartbeat()  # the answer to the challenge
    again.later(3600)
    assert presence(again) is Presence.LOST
    for at in (ELSEWHERE, camera.path, ELSEWHERE, camera.path):
        again << copy(held_back, at)
    assert presence(again) is Presence.LOST
    assert not signed(again).proven


def test_many_hours_played_again_after_restarts_has_no_effect(camera: SignedCamera) -> None:
    play = Playbook().give_key("cam1", camera.key)
    recorded: list[FrameReceived] = []
    for hour in range(8):
        for make in (camera.heartbeat, camera.heartbeat, camera.moal):
            recorded.append(made := make())
            play << made
            camera.hear(play)
        play << replace(TLGS, time_to_live=600)
        for command in camera.hear(play.later(0)):
            recorded.append(acknowledged := camera.ack(command))
            play << acknowledged
        play.later(3600)
        if hour == 4:
            camera.reboot("b002")
    assert presence(play) is Presence.LOST
    for _ in range(3):
        play = play.restart(after=1)
        play << TLGS
        alarms, motions = len(play.engine.state.alarms), play.count(EventKind.MOTION)
        before = play.last_command
        for old in recorded:
            play << old
            assert play.told == []
            play << copy(old)
        assert presence(play) is Presence.LOST
        assert (len(play.engine.state.alarms), play.count(EventKind.MOTION)) == (alarms, motions)
        assert play.last_command == before
        assert play.count(EventKind.CLONED) == 0


def test_nothing_said_to_one_server_counts_at_another(camera: SignedCamera) -> None:
    at_a = Playbook(label="A").give_key("cam1", camera.key)
    at_b = Playbook(label="B").give_key("cam1", camera.key)
    camera.meet(at_a)
    for made in (camera.heartbeat(), camera.moal(), camera.sleep(60), camera.frame("ACK", "1", "0", "0", "B.1")):
        at_b << made
        assert (at_b.sent, at_b.rejected) == ([], ["bad_tag"])
        at_a << made
        for sent in at_a.sent:
            at_b << frame(sent)
            assert (at_b.sent, at_b.rejected) == ([], ["bad_tag"])


@pytest.mark.parametrize(("verb", "params"), [("TLGS", ()), ("TLGC", ("123:secret", "1")), ("ENAL", ())])
def test_nothing_that_the_server_said_counts_when_it_comes_back(
    play: Playbook, camera: SignedCamera, verb: str, params: tuple[str, ...]
) -> None:
    play << CommandRequested("op", "cam1", verb, params)
    said = [*play.later(0).sent]
    play << camera.moal()
    said += play.sent
    for sent in said:
        play << FrameReceived(sent, ELSEWHERE)
        assert (play.sent, play.rejected) == ([], ["bad_tag"])
        assert len(play.effects) == 1


# Counters and clocks


def test_a_server_whose_clock_went_back_over_a_restart_takes_no_heartbeat_of_before_for_life(
    camera: SignedCamera,
) -> None:
    play = Playbook(report_within=86_400.0).give_key("cam1", camera.key)  # its contact is seldom written
    camera.meet(play)
    banked = []
    for _ in range(8):
        play.later(3600)
        camera.beat(play)
        banked.append(camera.heartbeat())
    play.set_wall(-8 * 3600)
    again = play.restart(after=10)
    assert signed(again).down > camera.echo
    seen = again.engine.state.sessions["cam1"].seen
    for held_back in banked:
        again << held_back
        again.later(3600)
    assert again.engine.state.sessions["cam1"].seen == seen
    assert not signed(again).proven


@pytest.mark.parametrize("report_within", [90.0, 86_400.0, 7 * 86_400.0])
def test_no_counter_is_used_twice_whenever_the_server_dies_and_whatever_its_clock_says_then(
    camera: SignedCamera, report_within: float
) -> None:
    play = Playbook(report_within=report_within).give_key("cam1", camera.key)
    camera.meet(play)
    for wait in (1, 299, 301, 3000):
        play.later(wait)
        play << camera.heartbeat()  # unproved ones advance the counter too
        highest = max(message.signature.counter for message in camera.hear(play) if message.signature)
        play.set_wall(-2 * wait)
        play = play.restart()
        assert signed(play).down > highest


def test_the_counter_that_seals_a_secret_is_stored_before_the_secret_leaves(
    play: Playbook, camera: SignedCamera
) -> None:
    play << CommandRequested("op", "cam1", "TLGC", ("123:secret", "-42"))
    for _ in range(1 + PUSH_RESENDS):
        while not play.later(0.1).sent:
            pass
        (sent,) = play.made(SendFrame)
        assert sent.promises, "it waits for the commit"
        (sealed,) = camera.hear(play)
        assert sealed.signature is not None
        (saved,) = play.made(SaveContacts)
        assert saved.contacts[0].counter_down >= sealed.signature.counter


def test_an_echo_near_the_end_of_all_counters_leaves_room_for_those_of_the_server(
    play: Playbook, camera: SignedCamera
) -> None:
    for echo in (MAX_COUNTER, MAX_COUNTER - 1, 1 << 62, (1 << 62) + 1):
        camera.echo = echo
        play << camera.heartbeat()
        camera.echo = 0
        assert all(message.signature.counter < 1 << 63 for message in camera.hear(play) if message.signature)
    again = play.restart(after=1)
    camera.meet(again)
    assert presence(again) is Presence.ONLINE
    assert signed(again).down < 1 << 63


def test_a_renewal_under_attack_loses_nothing_and_lets_nothing_of_the_old_key_in(
    play: Playbook, camera: SignedCamera
) -> None:
    recorded = [camera.heartbeat(), camera.moal()]
    camera.key = SignedCamera().key
    play.give_key("cam1", camera.key, renew=True)
    play << recorded[0]
    assert len(play.sent) == 1, "the old key is good until the new one is used"
    for made in reversed([camera.moal(), camera.heartbeat(), camera.message("LOG", "x")]):  # and somebody reorders them
        play << made
        assert len(heard(play, camera)) == 1
        assert EventKind.KEY_RETIRED not in play.kinds or made.payload.startswith(b"cam1,LOG")
    for made in recorded:
        play << made
        assert (play.sent, play.rejected) == ([], ["bad_tag"])
    assert play.count(EventKind.MOTION) == play.count(EventKind.LOG) == 1


def test_frames_recorded_before_a_device_was_forgotten_count_for_nothing_under_its_next_key(
    play: Playbook, camera: SignedCamera
) -> None:
    recorded = [camera.heartbeat(), camera.heartbeat(), camera.moal(), camera.sleep(60)]
    for made in recorded:
        play << made
        camera.hear(play)
    play << DeviceForgotten("op", "cam1")
    for made in recorded:
        play << made
        assert (play.sent, play.rejected) == ([], ["no_key"])
    camera.key = SignedCamera().key
    play.give_key("cam1", camera.key)
    for made in recorded:
        play << made
        assert (play.sent, play.rejected) == ([], ["bad_tag"])
    camera.meet(play)


def test_a_device_that_lost_its_memory_is_told_its_counter_whatever_old_frames_somebody_plays(
    camera: SignedCamera,
) -> None:
    play = Playbook().give_key("cam1", camera.key)
    recorded = []
    for boot in range(8):
        camera.reboot(f"{boot + 1:x}")
        recorded.append(camera.heartbeat())
        play << recorded[-1]
    camera.reboot("fff")
    camera.counter = 0
    for old in recorded:  # provokes SYNCs for other boots, and elsewhere
        play << copy(old)
        play << old
    genuine = camera.moal()
    play << copy(genuine)  # and one for this boot, elsewhere
    play << genuine
    (sync,) = heard(play, camera)
    assert (sync.verb, sync.params[1]) == ("SYNC", "fff")
    camera.counter = int(sync.params[0], 16)
    play << camera.again("MOAL", "gate")
    assert play.told
    assert play.count(EventKind.COUNTER_STALE) == 1


def test_an_answer_to_what_an_earlier_life_said_never_fits_what_a_device_says_after_a_sync(
    play: Playbook, camera: SignedCamera
) -> None:
    for boot in ("9f3c5aa2b4c1d0e7", "1111222233334444", "fedcba9876543210"):
        kept = {camera.counter + ahead for ahead in range(1, 1000)}  # of frames that somebody delivers later
        camera.reboot(boot)
        play << camera.heartbeat(counter=1)
        (sync,) = heard(play, camera)
        camera.counter = int(sync.params[0], 16)
        assert not kept & {camera.counter + ahead for ahead in range(1, 1000)}
        play << camera.moal()
        assert len(heard(play, camera)) == 1


def test_a_frame_with_the_counter_of_the_newest_is_no_copy_of_it_if_another_boot_sent_it(
    play: Playbook, camera: SignedCamera
) -> None:
    camera.reboot("b002")
    camera.beat(play)
    camera.boot = "b001"
    for at in (camera.path, ELSEWHERE):
        play << camera.heartbeat(at, counter=camera.counter)
        assert [sent.split(b",")[1] for sent in play.sent] == [b"SYNC"]
    assert signed(play).boots.current == "b002"
    assert play.count(EventKind.CLONED) == 0


def test_a_sync_is_not_repeated_to_who_plays_one_frame_again_and_again(play: Playbook, camera: SignedCamera) -> None:
    stale = SignedCamera("cam1", camera.key, "aaa", 0).heartbeat()
    sent = 0
    for _ in range(100):
        play << stale
        sent += len(play.sent)
        play.later(SYNC_GAP / 50)
    assert sent <= 100 / 50 + 1


@pytest.mark.parametrize("verb", ["MOAL", "LOG"])
def test_a_message_that_the_database_refused_is_not_acknowledged_when_it_comes_again_unless_it_is_stored_then(
    play: Playbook, camera: SignedCamera, verb: str
) -> None:
    play << camera.message(verb, "x")
    refused = TurnQuarantined("a constraint failed", tuple(play.events))
    play << refused  # its ACK never left
    play << refused
    play << camera.again(verb, "x")
    assert {EventKind.LOG, EventKind.MOTION} & set(play.kinds)
    assert len(play.told) == (verb == "MOAL")
    assert len(heard(play, camera)) == 1
    play << camera.again(verb, "x")
    assert play.events == []
    play << DeviceForgotten("op", "cam1")
    play << TurnQuarantined("and again", tuple(play.events))
    assert play.kinds == [EventKind.TURN_QUARANTINED]


# Forged, flipped, unsigned


@pytest.mark.parametrize("verb", ["HEARTBEAT", "SLEP", "MOAL", "LOG", "ERR", "ACK"])
def test_no_bit_can_be_flipped_and_nothing_cut_off(play: Playbook, camera: SignedCamera, verb: str) -> None:
    play << TLGS
    (command,) = camera.hear(play.later(0))
    made = {
        "HEARTBEAT": camera.heartbeat(),
        "SLEP": camera.sleep(600),
        "ACK": camera.ack(command),
        **{word: camera.message(word, "gate") for word in ("MOAL", "LOG", "ERR")},
    }[verb].payload
    forged = [bytes([*made[:at], made[at] ^ 1 << bit, *made[at + 1 :]]) for at in range(len(made)) for bit in range(8)]
    forged += [made[:length] for length in range(len(made))]
    for payload in forged:
        play << frame(payload)
        assert play.sent == []
        assert len(play.rejected) == 1
        assert play.kinds in ([], [EventKind.UNSIGNED_FRAMES])
        assert (play.alarms, play.commands) == ([], [])
    play << frame(made)
    assert play.rejected == [], "it was good before"


def test_tags_are_compared_in_constant_time(
    play: Playbook, camera: SignedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return True

    play.give_key("cam1", SignedCamera().key, renew=True)
    genuine = camera.heartbeat().payload
    forged = genuine[:-1] + (b"A" if genuine[-1:] == b"B" else b"B")
    play << frame(forged)
    assert play.rejected == ["bad_tag"]
    monkeypatch.setattr("lfcp.authenticator.compare_digest", compare)
    play << frame(forged)
    assert play.rejected == []
    assert compared == [(16, 16)], "nothing but this comparison kept the frame out"


def test_no_frame_changes_what_a_device_must_sign(play: Playbook, camera: SignedCamera) -> None:
    for made in (
        heartbeat("cam1"),
        frame("cam1,HEARTBEAT,2,26,b001.0,a.-.0,0,0"),
        frame("cam1"),
        frame("cam1,,ACK,,0,,0"),
        frame("cam1,SLEP,3600,0,0,0,0,0"),
        frame("cam1,MOAL,gate,0,b001.1,0,1,"),
        frame("cam1,MOAL,gate,0,b001.1,0,1,AAAAAAAAAAAAAAA"),
        frame("cam1,MOAL,gate,0,b001.1,0,01,AAAAAAAAAAAAAAAA"),
        frame("cam1,MOAL,gate,0,b001.1,0,1,AAAAAAAAAAAAAAAA,0"),
    ):
        for _ in range(4):
            play << made
            assert play.sent == []
            assert play.rejected == ["unsigned"]
    device = play.engine.state.sessions["cam1"].device
    assert (device.signing, device.standing) == (Signing.SIGNED, Standing.ADOPTED)
    assert device == play.restart().engine.state.sessions["cam1"].device


@pytest.mark.parametrize("policy", UnknownDevices)
def test_no_number_of_new_names_costs_a_device_its_key(camera: SignedCamera, policy: UnknownDevices) -> None:
    play = Playbook(unknown_devices=policy, max_devices=5 * STRANGERS_SHARE).give_key("cam1", camera.key)
    play << DeviceChanged("op", "cam1", quarantined=True)
    for _ in range(2):
        for number in range(20):
            play << heartbeat(f"stranger{number}", host=f"198.51.100.{number}")
        play << heartbeat("cam1")
        assert play.rejected == ["unsigned"]
        play << DeviceChanged("op", "cam1", quarantined=False)
    camera.meet(play)


def test_unsigned_motion_of_a_device_that_migrates_takes_nothing_from_what_it_signs(camera: SignedCamera) -> None:
    play = Playbook(message_burst=3.0, message_rate=0.001).give_key("cam1", camera.key, mixed=True)
    camera.meet(play)
    for _ in range(100):
        play << frame("cam1,MOAL,x,0,0,0,0,0", host="198.51.100.1")
    assert play.rejected == ["device_rate"]
    for made in (camera.message("LOG", "x"), camera.moal(), camera.sleep(60)):
        play << made
        assert len(camera.hear(play)) == 1


def test_a_quarantined_device_under_attack_is_answered_and_nothing_acts_on_it(
    play: Playbook, camera: SignedCamera
) -> None:
    play << TLGS
    play << DeviceChanged("op", "cam1", quarantined=True)
    for _ in range(5):
        assert [message.verb for message in overtake(play, camera, camera.heartbeat())] == ["ACK"]
        overtake(play, camera, camera.moal())
        assert play.later(20).told == []
        assert play.sent == []
    clone = SignedCamera("cam1", camera.key, "c10e", camera.counter + 1000)
    clone.beat(play)
    camera.counter += 2000
    camera.beat(play)
    assert [alarm.told for alarm in play.alarms] == [False]


# What strangers get out of it


def test_a_flood_from_forged_addresses_gets_no_address_more_than_three_times_its_bytes(camera: SignedCamera) -> None:
    play = Playbook().give_key("cam1", camera.key)
    camera.reboot("1")
    recorded = [camera.heartbeat(), camera.message("LOG", "1"), camera.sleep(9)]
    for made in recorded:
        play << made
    camera.reboot("2")
    camera.meet(play)
    recorded += [camera.moal("g"), camera.message("ERR", "1"), camera.heartbeat()]
    for made in recorded[-3:]:
        play << made
    play << TLGS
    recorded += [camera.frame("ACK", "1", "0", "0", "A.1"), camera.sleep(9), camera.heartbeat(), camera.heartbeat()]
    into, out, datagrams = Counter[str](), Counter[str](), Counter[str]()
    for number in range(3000):
        made = recorded[number % len(recorded)]
        victim = path(f"203.0.113.{number % 200}", 1000 + number % 7)
        into[victim.host] += len(made.payload)
        datagrams[victim.host] += 1
        play << copy(made, victim)
        play.later(0.01)
        for sent in (effect for effect in play.history if isinstance(effect, SendFrame)):
            if sent.path.host in into:
                out[sent.path.host] += len(sent.payload)
                datagrams[sent.path.host] -= 1
        play.history.clear()
    assert out, "some of it is answered"
    assert all(out[host] <= 3 * into[host] for host in into)
    assert all(datagrams[host] >= 0 for host in into)


def test_nobody_without_the_key_is_answered_at_all(play: Playbook) -> None:
    thief = SignedCamera("cam1", counter=10**6)
    for made in (thief.heartbeat(), thief.moal(), thief.sleep(5), thief.frame("ACK", "1", "0", "0", "A.1")):
        for host in range(50):
            play << copy(made, path(f"203.0.113.{host}"))
            assert (play.sent, play.rejected, durable(play)) == ([], ["bad_tag"], 0)


def test_a_secret_is_in_nothing_that_leaves_and_waits_no_longer_than_it_can_be_sealed(
    play: Playbook, camera: SignedCamera
) -> None:
    token = "123456:abcdefghijklmnopqrstuvwxyz"
    play << CommandRequested("op", "cam1", "TLGC", (token, "-42"))
    play.later(1)
    for sent in play.sent:
        play << frame(sent)
    left = [effect for effect in play.history if not isinstance(effect, DURABLE)]
    assert token not in repr([effect for effect in left if isinstance(effect, SendFrame) or "sample" in repr(effect)])
    play.store.commit([[DropKey(play.engine.state.sessions["cam1"].device.id, 1)]])
    again = play.restart()
    again << DeviceChanged("op", "cam1", signing=Signing.OPEN)
    assert (again.last_command.state, again.last_command.params) == (CommandState.EXPIRED, ())
    again << heartbeat("cam1")
    assert [sent.split(b",")[1] for sent in again.sent] == [b"ACK"]
