"""Keys that the operator gives: adopting, renewing with overlap, forgetting; and that nothing shows them."""

import pytest

from alarmd.core.effects import DropKey, SaveKey
from alarmd.core.event_kinds import EventKind
from alarmd.core.records import Signing, Standing
from alarmd.core.requests import AlarmCleared, DeviceForgotten, KeyGiven
from alarmd.core.signed_session import SignedSession
from tests.playbook import Playbook, frame, heartbeat
from tests.signed_camera import SignedCamera


@pytest.fixture
def camera() -> SignedCamera:
    return SignedCamera()


@pytest.fixture
def play(camera: SignedCamera) -> Playbook:
    made = Playbook().give_key(camera.name, camera.key)
    camera.meet(made)
    return made


def signed(play: Playbook) -> SignedSession:
    found = play.engine.state.sessions["cam1"].signed
    assert found is not None
    return found


def test_a_first_key_adopts_the_device_and_makes_it_sign(camera: SignedCamera) -> None:
    play = Playbook().give_key("cam1", camera.key)
    (device,) = play.answer
    assert (device.standing, device.signing) == (Standing.ADOPTED, Signing.SIGNED)
    (saved,) = play.made(SaveKey)
    assert (saved.key.device_id, saved.key.epoch, saved.key.secret) == (device.id, 1, camera.key)
    assert EventKind.KEY_GIVEN in play.kinds


def test_a_device_that_is_known_already_gets_its_key_where_it_is(camera: SignedCamera) -> None:
    play = Playbook() << heartbeat("cam1")
    play.give_key("cam1", camera.key, mixed=True)
    assert play.answer[0].signing is Signing.MIXED
    camera.meet(play)


def test_a_second_key_must_be_asked_for_as_a_renewal(play: Playbook, camera: SignedCamera) -> None:
    play.give_key("cam1", camera.key)
    assert play.refusal.reason == "has_key"
    assert "alarmd device rekey cam1" in play.refusal.message
    play.give_key("cam2", camera.key, renew=True)
    assert play.refusal.reason == "unknown_device"
    play << heartbeat("cam2")
    play.give_key("cam2", camera.key, renew=True)
    assert play.refusal.reason == "no_key"
    play.give_key("bad/name", camera.key)
    assert play.refusal.reason == "invalid"
    play << KeyGiven("op", "cam3", camera.key, "nowhere")
    assert play.refusal.reason == "unknown_zone"
    assert "cam3" not in play.engine.state.sessions


def test_the_old_key_is_good_until_the_new_one_is_used(play: Playbook, camera: SignedCamera) -> None:
    old, new = camera.key, SignedCamera().key
    play.give_key("cam1", new, renew=True)
    assert signed(play).epochs == (1, 2)
    assert camera.beat(play).verb == "ACK"
    camera.key = new
    assert camera.beat(play).verb == "ACK"
    assert play.made(DropKey) == [DropKey(play.engine.state.sessions["cam1"].device.id, 1)]
    assert EventKind.KEY_RETIRED in play.kinds
    camera.key = old
    play << camera.heartbeat()
    assert play.rejected == ["bad_tag"]
    camera.key = new
    assert camera.beat(play).verb == "ACK"


def test_a_new_key_that_was_never_used_gives_way_to_a_newer_one(play: Playbook, camera: SignedCamera) -> None:
    lost, newest = SignedCamera().key, SignedCamera().key
    play.give_key("cam1", lost, renew=True)
    play.give_key("cam1", newest, renew=True)
    assert signed(play).epochs == (1, 3)
    old, camera.key = camera.key, lost
    play << camera.heartbeat()
    assert play.rejected == ["bad_tag"]
    camera.key = old
    assert camera.beat(play).verb == "ACK"


def test_counters_begin_anew_with_a_key_and_then_count(play: Playbook, camera: SignedCamera) -> None:
    camera.key = SignedCamera().key
    play.give_key("cam1", camera.key, renew=True)
    camera.reboot("b002")
    camera.counter = 0
    first = camera.heartbeat()
    play << first
    assert camera.hear(play)[0].verb == "ACK"
    assert signed(play).epochs == (2,)
    play << first
    assert play.rejected == ["replayed"]


def test_keys_survive_a_restart_and_the_used_one_is_found_again(play: Playbook, camera: SignedCamera) -> None:
    new = SignedCamera().key
    play.give_key("cam1", new, renew=True)
    again = play.restart(after=5)
    assert signed(again).epochs == (1, 2)
    camera.meet(again)
    camera.key = new
    assert camera.beat(again).verb == "ACK"
    assert signed(again.restart()).epochs == (2,)


def test_a_forgotten_device_leaves_no_key(play: Playbook, camera: SignedCamera) -> None:
    play << DeviceForgotten("op", "cam1")
    assert len(play.made(DropKey)) == 1
    assert play.restart().engine.state.sessions == {}
    play.give_key("cam1", camera.key)
    assert signed(play).epochs == (1,)


def test_a_device_is_forgotten_before_it_was_ever_seen(camera: SignedCamera) -> None:
    play = Playbook().give_key("cam1", camera.key)
    play << DeviceForgotten("op", "cam1")
    assert len(play.made(DropKey)) == 1


def test_a_key_shows_nowhere(play: Playbook, camera: SignedCamera) -> None:
    shown = [repr(effect) for effect in play.history]
    shown += [repr(signed(play)), repr(signed(play).sub_keys(1)), repr(KeyGiven("op", "cam1", camera.key))]
    secrets = (camera.key, signed(play).sub_keys(1).seal_down)
    for text in shown:
        for secret in secrets:
            assert repr(secret)[2:-1] not in text
            assert secret.hex() not in text


def test_a_tamper_alarm_of_a_device_without_a_key_is_only_an_alarm(play: Playbook, camera: SignedCamera) -> None:
    clone = SignedCamera("cam1", camera.key, "c10e", camera.counter + 100)
    clone.beat(play)
    camera.counter = clone.counter + 100
    camera.beat(play)
    tamper = play.alarms[0]
    play << DeviceForgotten("op", "cam1")
    again = play.restart()
    again << AlarmCleared("op", tamper.id)
    assert again.alarms[0].id == tamper.id


def test_a_device_whose_key_was_dropped_still_signs(play: Playbook, camera: SignedCamera) -> None:
    play.store.commit([[DropKey(play.engine.state.sessions["cam1"].device.id, 1)]])
    again = play.restart()
    for unsigned in (heartbeat("cam1"), frame("cam1,MOAL,gate,0,0,0,0,0")):
        again << unsigned
        assert (again.sent, again.rejected) == ([], ["unsigned"])
    again << camera.heartbeat()
    assert (again.sent, again.rejected) == ([], ["no_key"])
    again.give_key("cam1", camera.key)
    camera.meet(again)


def test_unsigned_motion_of_a_mixed_device_whose_key_was_dropped_proves_no_life(camera: SignedCamera) -> None:
    play = Playbook().give_key("cam1", camera.key, mixed=True)
    play.store.commit([[DropKey(play.engine.state.sessions["cam1"].device.id, 1)]])
    again = play.restart()
    again << frame("cam1,MOAL,gate,0,0,0,0,0")
    assert again.told
    assert again.engine.state.sessions["cam1"].path is None
