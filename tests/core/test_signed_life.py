"""What a signed heartbeat proves, and what a copied, banked, forged or reflected one does not."""

import pytest

from alarmd.core.boots import MAX_BOOTS
from alarmd.core.effects import EvictHeartbeat
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import ConnectionClosed
from alarmd.core.paths import Path
from alarmd.core.rebinding import PATIENCE
from alarmd.core.records import AlarmKind, Presence, Signing
from alarmd.core.requests import AlarmCleared, CommandRequested, DeviceChanged, DeviceForgotten
from alarmd.core.signed_life import SYNC_GAP
from alarmd.core.signed_session import MAX_CHALLENGED
from alarmd.core.turn import SOMETIMES
from lfcp.authenticator import Purpose, Way, derive
from lfcp.writing import encode_signed
from tests.playbook import Playbook, frame, heartbeat, path
from tests.signed_camera import SignedCamera

ELSEWHERE = path("198.51.100.9", 9999)


@pytest.fixture
def camera() -> SignedCamera:
    return SignedCamera()


@pytest.fixture
def play(camera: SignedCamera) -> Playbook:
    return Playbook().give_key(camera.name, camera.key)


@pytest.fixture
def met(play: Playbook, camera: SignedCamera) -> Playbook:
    camera.meet(play)
    return play


def presence(play: Playbook) -> Presence:
    return play.engine.state.sessions["cam1"].presence


def where(play: Playbook) -> Path | None:
    return play.engine.state.sessions["cam1"].path


def test_the_first_heartbeat_is_challenged_and_the_second_proves_life_and_address(
    play: Playbook, camera: SignedCamera
) -> None:
    challenge = camera.beat(play)
    assert challenge.verb == "ACK"
    assert challenge.params[:4] == ("1", "1", "192.0.2.1:4000", "26")
    assert presence(play) is Presence.NEW
    answer = camera.beat(play)
    assert answer.params[:4] == ("2", "0", "192.0.2.1:4000", "26")
    assert presence(play) is Presence.ONLINE
    assert where(play) == path()


def test_heartbeats_at_the_proven_path_need_one_exchange_each(met: Playbook, camera: SignedCamera) -> None:
    for _ in range(10):
        met.later(26)
        assert camera.beat(met).params[1] == "0"
    assert presence(met) is Presence.ONLINE


def test_a_signed_device_is_lost_like_any_other_and_found_by_a_proof(met: Playbook, camera: SignedCamera) -> None:
    met.later(100)
    assert presence(met) is Presence.LOST
    assert camera.beat(met).params[1] == "1", "what it echoes is too old by now"
    assert presence(met) is Presence.LOST
    camera.beat(met)
    assert presence(met) is Presence.ONLINE


def test_banked_heartbeats_prove_no_life(met: Playbook, camera: SignedCamera) -> None:
    banked = [camera.heartbeat() for _ in range(20)]
    for held_back in banked:
        met.later(26)
        met << held_back
    assert presence(met) is Presence.LOST
    assert met.count(EventKind.CONTACT_LOST) == 1


def test_a_replayed_heartbeat_proves_nothing_and_is_not_answered(met: Playbook, camera: SignedCamera) -> None:
    recorded = camera.heartbeat()
    met << recorded
    for _ in range(5):
        met.later(20)
        met << recorded
        assert met.sent == []
        assert met.rejected == ["replayed"]
    assert presence(met) is Presence.LOST


def test_nothing_recorded_before_a_restart_proves_anything_after_it(met: Playbook, camera: SignedCamera) -> None:
    recorded = [camera.heartbeat() for _ in range(3)]
    again = met.restart(after=5)
    for old in recorded:
        again << old
        assert [camera.read(payload).params[1] for payload in again.sent] in (["1"], [])
    assert not again.engine.state.sessions["cam1"].signed.proven  # type: ignore[union-attr]
    again.later(120)
    assert presence(again) is Presence.LOST


def test_after_a_restart_two_heartbeats_prove_life_again(met: Playbook, camera: SignedCamera) -> None:
    again = met.restart(after=30)
    camera.meet(again)
    assert presence(again) is Presence.ONLINE
    again.later(20)
    assert again.count(EventKind.CONTACT_LOST) == 0


@pytest.mark.parametrize("bit", range(8 * 60, 8 * 80, 7))
def test_a_flipped_bit_is_refused(met: Playbook, camera: SignedCamera, bit: int) -> None:
    payload = bytearray(camera.heartbeat().payload)
    payload[bit // 8 % len(payload)] ^= 1 << bit % 8
    met << frame(bytes(payload))
    assert met.sent == []
    assert len(met.rejected) == 1


def test_a_frame_for_another_server_is_refused(met: Playbook, camera: SignedCamera) -> None:
    met << camera.frame("MOAL", "gate", "0", "b001.1", label="B")
    assert met.rejected == ["bad_tag"]


def test_a_frame_of_the_server_sent_back_is_refused(met: Playbook, camera: SignedCamera) -> None:
    met << camera.heartbeat()
    met << frame(met.sent[0])
    assert met.rejected == ["bad_tag"]


def test_a_frame_truncated_anywhere_is_refused(met: Playbook, camera: SignedCamera) -> None:
    payload = camera.moal().payload
    for length in range(len("cam1,"), len(payload)):
        met << frame(payload[:length])
        assert met.sent == []


def test_a_key_of_somebody_else_is_none(met: Playbook) -> None:
    met << SignedCamera("cam1", counter=1000).heartbeat()
    assert met.rejected == ["bad_tag"]


def test_a_signed_frame_of_a_device_without_a_key_is_refused_and_introduces_nobody() -> None:
    play = Playbook() << SignedCamera("nobody").heartbeat()
    assert play.rejected == ["no_key"]
    assert "nobody" not in play.engine.state.sessions
    play << heartbeat("cam1")
    play << SignedCamera("cam1").heartbeat()
    assert play.rejected == ["no_key"]


def test_unsigned_frames_of_a_signed_device_count_for_nothing_and_are_told_sometimes(met: Playbook) -> None:
    for text in ("HEARTBEAT", "MOAL,gate", "LOG,CAMERA_MOTION_DETECTED", "ACK", "SLEP,3600", "", "UNKNOWN"):
        met << frame(f"cam1,{text}")
        assert met.sent == []
        assert met.rejected == ["unsigned"]
    met << frame("cam1")
    assert met.count(EventKind.UNSIGNED_FRAMES) == 1
    assert met.count(EventKind.MOTION) == 0
    met.later(SOMETIMES)
    assert presence(met) is Presence.LOST
    met << frame("cam1,HEARTBEAT")
    assert met.count(EventKind.UNSIGNED_FRAMES) == 2
    assert presence(met) is Presence.LOST


def test_while_it_migrates_unsigned_motion_raises_an_alarm_and_nothing_else_unsigned_counts(
    camera: SignedCamera,
) -> None:
    play = Playbook().give_key("cam1", camera.key, mixed=True)
    for text in ("HEARTBEAT", "LOG,hello", "ERR,x", "SLEP,60"):
        play << frame(f"cam1,{text}")
        assert play.rejected == ["unsigned"]
    play << frame("cam1,MOAL,gate,0,0,0,0,0")
    assert play.sent == [b"cam1,ACK,0,0,0,0,0,0"]
    assert play.alarms[0].kind is AlarmKind.MOTION
    assert presence(play) is Presence.NEW
    play << frame("cam1,LOG,CAMERA_MOTION_DETECTED,0,0,0,0,0")
    assert EventKind.MOTION in play.kinds
    play << DeviceChanged("op", "cam1", signing=Signing.SIGNED)
    play << frame("cam1,MOAL,gate,0,0,0,0,0")
    assert play.rejected == ["unsigned"]


def test_a_policy_that_does_not_fit_the_keys_is_refused(met: Playbook) -> None:
    met << DeviceChanged("op", "cam1", signing=Signing.OPEN)
    assert met.refusal.field == "signing"
    met << heartbeat("cam2")
    met << DeviceChanged("op", "cam2", signing=Signing.SIGNED)
    assert "alarmd device add cam2" in met.refusal.message
    met << DeviceChanged("op", "cam2", signing=Signing.OPEN)
    assert met.answer


def test_a_heartbeat_from_elsewhere_moves_nothing_until_its_challenge_comes_back(
    met: Playbook, camera: SignedCamera
) -> None:
    camera.path = ELSEWHERE
    assert camera.beat(met).params[1:3] == ("1", "198.51.100.9:9999")
    assert where(met) == path()
    assert presence(met) is Presence.ONLINE, "it lives, wherever it is"
    assert camera.beat(met).params[1] == "0"
    met.later(PATIENCE)
    assert where(met) == ELSEWHERE
    assert met.count(EventKind.DEVICE_ADDRESS) == 1


def test_who_copies_a_heartbeat_and_is_faster_moves_nothing_and_is_told_of(met: Playbook, camera: SignedCamera) -> None:
    genuine = camera.heartbeat()
    met << genuine.__class__(genuine.payload, ELSEWHERE)
    assert where(met) == path()
    met << genuine
    (answer,) = camera.hear(met)
    assert answer.params[1] == "0"
    assert met.count(EventKind.ADDRESS_CONTESTED) == 1
    copy = camera.heartbeat()
    met << copy.__class__(copy.payload, ELSEWHERE)
    assert where(met) == path()


def test_a_newer_heartbeat_from_the_proven_path_ends_the_challenge_elsewhere(
    met: Playbook, camera: SignedCamera
) -> None:
    met << camera.heartbeat(ELSEWHERE)
    (challenge,) = camera.hear(met)
    assert challenge.params[1] == "1"
    camera.beat(met)
    assert met.count(EventKind.ADDRESS_CONTESTED) == 1
    met << camera.heartbeat(ELSEWHERE)
    assert where(met) == path(), "the old challenge is worth nothing any more"


def test_who_copies_every_heartbeat_and_is_faster_keeps_nobody_from_a_first_proof(
    play: Playbook, camera: SignedCamera
) -> None:
    for result in ("1", "0"):
        genuine = camera.heartbeat()
        play << genuine.__class__(genuine.payload, ELSEWHERE)
        play << genuine
        (answer,) = camera.hear(play)
        assert answer.params[1] == result
        play << genuine
        assert play.rejected == ["replayed"]
    assert where(play) == path()
    assert presence(play) is Presence.ONLINE


def test_challenges_are_few_and_the_oldest_gives_way(met: Playbook, camera: SignedCamera) -> None:
    for port in range(2000, 2000 + 2 * MAX_CHALLENGED):
        met << camera.heartbeat(path("198.51.100.9", port))
    assert len(met.engine.state.sessions["cam1"].signed.challenged) == MAX_CHALLENGED  # type: ignore[union-attr]
    camera.hear(met)
    camera.path = path("198.51.100.9", 2000 + 2 * MAX_CHALLENGED - 1)
    assert camera.beat(met).params[1] == "0"


def test_copies_of_one_heartbeat_are_answered_a_few_times_only(met: Playbook, camera: SignedCamera) -> None:
    copied = camera.heartbeat()
    met << copied
    answered = 0
    for port in range(2000, 2100):
        met << copied.__class__(copied.payload, path("198.51.100.9", port))
        answered += len(met.sent)
        met << copied.__class__(copied.payload, path("198.51.100.9", port))
        assert met.rejected == ["replayed"]
    assert answered == MAX_CHALLENGED


def test_a_heartbeat_that_was_overtaken_is_answered_and_proves_nothing(met: Playbook, camera: SignedCamera) -> None:
    early = camera.heartbeat()
    met << camera.heartbeat()
    met.later(20)
    seen = met.engine.state.sessions["cam1"].seen
    met << early
    (answer,) = camera.hear(met)
    assert answer.params[1] == "0"
    assert met.engine.state.sessions["cam1"].seen == seen


def test_a_heartbeat_that_was_overtaken_on_another_path_proves_nothing_there(
    met: Playbook, camera: SignedCamera
) -> None:
    early = camera.heartbeat(ELSEWHERE)
    met << camera.heartbeat()
    met << early
    (answer,) = camera.hear(met)
    assert answer.params[1] == "0"
    assert where(met) == path()
    assert camera.beat(met, ELSEWHERE).params[1] == "1"


def test_an_echo_of_the_future_lifts_the_servers_counter(met: Playbook, camera: SignedCamera) -> None:
    ahead = camera.echo + (5000 << 20)
    camera.echo = ahead
    challenge = camera.beat(met)
    assert challenge.signature is not None
    assert challenge.signature.counter == ahead + 1
    assert challenge.params[1] == "1"
    assert camera.beat(met).params[1] == "0"


def test_an_absurd_echo_lifts_nothing(met: Playbook, camera: SignedCamera) -> None:
    camera.echo = 2**64 - 1
    met << camera.heartbeat()
    camera.echo = 0
    (answer,) = camera.hear(met)
    assert answer.signature is not None
    assert answer.signature.counter < 2**52


def test_a_heartbeat_without_a_boot_id_and_other_ill_formed_frames_are_refused(
    met: Playbook, camera: SignedCamera
) -> None:
    forms = [
        ("HEARTBEAT",),
        ("HEARTBEAT", "2", "26", "0", "a.-.0"),
        ("SLEP", "60", "0", "0"),
        ("SLEP", "0", "0", "b001.0"),
        ("SLEP", "x", "0", "b001.0"),
        ("MOAL", "gate", "0", "0"),
        ("MOAL", "gate", "x", "b001.1"),
        ("MOAL", "gate", "0", f"b001.{2**63:x}"),
        ("ERR", "x", "0", "b001.1", "nothing"),
        ("ACK", "1", "2", "0", "A.1"),
        ("ACK", "1", "0", "0", "0"),
    ]
    for form in forms:
        met << camera.frame(*form)
        assert met.sent == []
        assert met.rejected == ["bad_fields"], form
    met << camera.frame("MOAL", "gate", "0", "b001.1", counter=2**63)
    assert met.rejected == ["bad_fields"]
    for form in (("SLEP", "60", "0", "0"), ("MOAL", "gate", "0", "0"), ("ACK", "1", "0", "0", "A.1")):
        met << camera.frame(*form, counter=1)
        assert met.rejected in (["bad_fields"], ["replayed"])


def test_a_command_from_a_device_is_the_wrong_way(met: Playbook, camera: SignedCamera) -> None:
    met << camera.frame("TLGS")
    assert met.rejected == ["wrong_direction"]


def test_a_device_that_lost_its_memory_is_told_the_counter_and_its_next_alarm_is_told(
    met: Playbook, camera: SignedCamera
) -> None:
    highest = camera.counter
    camera.reboot("b002")
    camera.counter = 0
    met << camera.moal("gate")
    (sync,) = camera.hear(met)
    assert (sync.verb, sync.params[:2]) == ("SYNC", (f"{highest:x}", "b002"))
    assert met.count(EventKind.COUNTER_STALE) == 1
    camera.counter = int(sync.params[0], 16)
    met << camera.again("MOAL", "gate")
    assert [alarm.kind for alarm in met.alarms] == [AlarmKind.MOTION]
    assert met.told
    camera.beat(met)
    assert camera.beat(met).params[1] == "0"


def test_a_sync_is_sent_once_in_a_while_and_only_for_another_boot(met: Playbook, camera: SignedCamera) -> None:
    camera.reboot("b002")
    met << camera.heartbeat(counter=1)
    assert len(met.sent) == 1
    met << camera.heartbeat(counter=1)
    assert met.rejected == ["replayed"]
    met.later(SYNC_GAP)
    met << camera.heartbeat(counter=1)
    assert len(met.sent) == 1
    assert met.count(EventKind.COUNTER_STALE) == 1


def test_a_cloned_device_is_a_tamper_alarm(met: Playbook, camera: SignedCamera) -> None:
    clone = SignedCamera("cam1", camera.key, boot="c10e", counter=camera.counter + 1000)
    clone.beat(met)
    assert met.count(EventKind.DEVICE_REBOOTED) == 1
    assert met.count(EventKind.CLONED) == 0
    camera.counter = clone.counter + 1000
    camera.beat(met)
    assert [alarm.kind for alarm in met.alarms] == [AlarmKind.TAMPER]
    assert met.told
    tamper = met.alarms[0]
    clone.counter = camera.counter + 1000
    clone.beat(met)
    assert met.alarms == [], "one alarm while it is open"
    again = met.restart()
    camera.counter = clone.counter + 1000
    camera.beat(again)
    assert again.alarms == [], "a restart knows it"
    again << AlarmCleared("op", tamper.id)
    clone.counter = camera.counter + 1000
    clone.beat(again)
    assert [alarm.kind for alarm in again.alarms] == [AlarmKind.TAMPER]


def test_a_device_that_reboots_often_is_no_clone(met: Playbook, camera: SignedCamera) -> None:
    for boot in range(3 * MAX_BOOTS):
        camera.reboot(f"{boot + 1:x}")
        camera.beat(met)
        camera.beat(met)
    assert met.count(EventKind.CLONED) == 0
    assert met.count(EventKind.DEVICE_REBOOTED) == 3 * MAX_BOOTS


def test_reboots_over_the_limit_of_messages_are_followed_without_an_event(camera: SignedCamera) -> None:
    play = Playbook(message_burst=1.0, message_rate=0.001).give_key("cam1", camera.key)
    camera.meet(play)
    for boot in ("b002", "b003"):
        camera.reboot(boot)
        camera.beat(play)
    assert play.count(EventKind.DEVICE_REBOOTED) == 1
    assert play.engine.state.sessions["cam1"].boot_id == "b003"


def test_declared_sleep_is_no_loss_and_ends_with_a_heartbeat(met: Playbook, camera: SignedCamera) -> None:
    met << camera.sleep(600)
    (answer,) = camera.hear(met)
    assert (answer.verb, answer.params[1]) == ("ACK", "0")
    assert presence(met) is Presence.ASLEEP
    met.later(590)
    assert presence(met) is Presence.ASLEEP
    camera.beat(met)
    camera.beat(met)
    assert presence(met) is Presence.ONLINE
    assert met.count(EventKind.CONTACT_LOST) == 0


def test_a_sleep_that_somebody_held_back_hides_no_loss(met: Playbook, camera: SignedCamera) -> None:
    held_back = camera.sleep(3600)
    met.later(85)
    met << held_back
    assert [camera.read(payload).params[1] for payload in met.sent] == ["1"]
    met.later(10)
    assert presence(met) is Presence.LOST


def test_a_sleep_over_the_limit_of_messages_is_not_acknowledged(camera: SignedCamera) -> None:
    play = Playbook(message_burst=2.0, message_rate=0.001).give_key("cam1", camera.key)
    camera.meet(play)
    for _ in range(2):
        play << camera.message("LOG", "x")
        camera.hear(play)
    play << camera.sleep(60)
    assert play.sent == []
    assert play.rejected == ["device_rate"]


def test_a_path_over_tcp_ends_with_its_connection(met: Playbook, camera: SignedCamera) -> None:
    camera.path = path(port=5000, transport="tcp")
    camera.beat(met)
    camera.beat(met)
    met.later(PATIENCE)
    assert where(met) == camera.path
    met << ConnectionClosed(camera.path)
    met << CommandRequested("op", "cam1", "TLGS")
    met.later(5)
    assert met.sent == []
    met << ConnectionClosed(camera.path)
    camera.path = path(port=5001, transport="tcp")
    camera.beat(met)
    met << camera.heartbeat()
    (command,) = camera.hear(met)
    assert command.verb == "TLGS"


def test_a_quarantined_device_is_answered_and_gets_nothing(met: Playbook, camera: SignedCamera) -> None:
    met << DeviceChanged("op", "cam1", quarantined=True)
    assert camera.beat(met).verb == "ACK"
    met << CommandRequested("op", "cam1", "TLGS")
    assert met.refusal.reason == "quarantined"
    met << camera.moal()
    assert camera.hear(met)[0].verb == "ACK"
    assert met.told == []


def test_what_waits_for_a_device_put_into_quarantine_is_not_sent(met: Playbook, camera: SignedCamera) -> None:
    met << CommandRequested("op", "cam1", "TLGS")
    met << DeviceChanged("op", "cam1", quarantined=True)
    met.later(1)
    assert met.sent == []
    assert camera.beat(met).verb == "ACK"


def test_heartbeats_of_a_device_that_gets_a_key_leave_the_cache(camera: SignedCamera) -> None:
    play = Playbook().adopt("cam1")
    for _ in range(2):
        play << heartbeat("cam1")
    play.give_key("cam1", camera.key)
    assert play.made(EvictHeartbeat)
    play << heartbeat("cam1")
    assert play.rejected == ["unsigned"]


def test_a_forgotten_device_is_nobody(met: Playbook, camera: SignedCamera) -> None:
    met << CommandRequested("op", "cam1", "TLGS")
    met << DeviceForgotten("op", "cam1")
    met << camera.heartbeat()
    assert met.rejected == ["no_key"]
    assert met.later(2).sent == []


def test_the_longest_frames_stay_within_three_times_what_came_from_an_unproven_address(camera: SignedCamera) -> None:
    play = Playbook().give_key("cam1", camera.key)
    far = path("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 65535)
    camera.report = camera.report._replace(interval=None, detector=None, camera=None, wanted_version=None)
    for sent in (camera.heartbeat(far), camera.heartbeat(far), camera.moal("g", at=far)):
        play << sent
        assert len(play.sent) == 1
        assert len(play.sent[0]) <= 3 * len(sent.payload)


def test_the_tag_is_compared_before_anything_else_is_done(met: Playbook, camera: SignedCamera) -> None:
    state = met.engine.state.sessions["cam1"].signed
    assert state is not None
    before = (state.up.highest, state.down, state.boots.current, dict(state.challenged), state.active)
    wrong = derive(bytes(32), Purpose.TAG, Way.UP, "A")
    for verb, params in (("HEARTBEAT", ("2", "26", "ffff.1", "a.-.0")), ("MOAL", ("x", "0", "ffff.1")), ("ACK", ())):
        met << frame(encode_signed(wrong, 2**40, "cam1", verb, *params))
        assert met.effects[0].__class__.__name__ == "RejectFrame"
        assert len(met.effects) == 1
    assert (state.up.highest, state.down, state.boots.current, dict(state.challenged), state.active) == before
