"""Messages of a signed device: stored once however often they come, and never acknowledged unless stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.core.boots import MAX_BOOTS, Boots, BootSign
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import BacklogDrained, BacklogFilled
from alarmd.core.instant import SECOND
from alarmd.core.messages import AGE_TOLD
from alarmd.core.requests import DeviceAdopted
from lfcp import EventId
from lfcp.constants import WINDOW
from tests.playbook import Playbook, path
from tests.signed_camera import SignedCamera


@pytest.fixture
def camera() -> SignedCamera:
    return SignedCamera()


@pytest.fixture
def play(camera: SignedCamera) -> Playbook:
    made = Playbook().give_key(camera.name, camera.key)
    camera.meet(made)
    return made


def test_an_alarm_is_told_and_its_ack_names_the_counter_the_copies_and_the_address(
    play: Playbook, camera: SignedCamera
) -> None:
    play << camera.moal("garden gate")
    (ack,) = camera.hear(play)
    assert ack.params[:4] == (f"{camera.counter:x}", "1", "192.0.2.1:4000", "0")
    assert [delivery.text for delivery in play.told] == ["cam1: motion: garden gate"]
    motion = next(event for event in play.events if event.kind == EventKind.MOTION)
    assert (motion.boot_id, motion.boot_event) == ("b001", 1)


def test_the_ack_of_a_message_promises_that_it_is_stored(play: Playbook, camera: SignedCamera) -> None:
    play << camera.moal()
    assert [effect.promises for effect in play.effects if hasattr(effect, "promises")] == [True]


@pytest.mark.parametrize("verb", ["MOAL", "LOG", "ERR"])
def test_a_lost_ack_doubles_nothing(play: Playbook, camera: SignedCamera, verb: str) -> None:
    play << camera.message(verb, "x")
    play.later(70)
    for at in (path(), path("198.51.100.9")):
        play << camera.again(verb, "x", at=at)
        assert play.events == []
        (ack,) = camera.hear(play)
        assert ack.params[:3] == (f"{camera.counter:x}", "1", at.endpoint)


def test_a_copy_that_the_network_made_is_acknowledged_again_and_stored_once(
    play: Playbook, camera: SignedCamera
) -> None:
    sent = camera.moal()
    play << sent
    play << sent
    assert play.events == []
    assert camera.hear(play)[0].verb == "ACK"


def test_a_restart_of_the_server_doubles_nothing(play: Playbook, camera: SignedCamera) -> None:
    recorded = camera.moal()
    play << recorded
    again = play.restart(after=3)
    again << camera.again("MOAL", "gate")
    assert again.events == []
    assert camera.hear(again)[0].verb == "ACK"
    again << recorded
    assert again.events == []
    assert camera.hear(again)[0].verb == "ACK"


def test_a_message_recorded_by_somebody_and_never_delivered_is_told_once(play: Playbook, camera: SignedCamera) -> None:
    held_back = camera.moal()
    play << camera.message("LOG", "x")
    play << held_back
    assert play.told
    play << held_back
    assert play.told == []


def test_the_age_tells_when_it_happened(play: Playbook, camera: SignedCamera) -> None:
    play << camera.moal(age=300)
    motion = next(event for event in play.events if event.kind == EventKind.MOTION)
    assert motion.happened_at == play.now.wall - 300 * SECOND
    assert motion.received_at == play.now.wall
    assert play.told[0].text == "cam1: motion: gate (300 s ago)"


def test_a_young_message_is_told_without_its_age(play: Playbook, camera: SignedCamera) -> None:
    play << camera.moal(age=AGE_TOLD - 1)
    assert play.told[0].text == "cam1: motion: gate"


def test_a_message_without_text_has_none(play: Playbook, camera: SignedCamera) -> None:
    play << camera.moal("0")
    assert play.told[0].text == "cam1: motion"


def test_messages_that_overtake_each_other_are_all_stored(play: Playbook, camera: SignedCamera) -> None:
    sent = [camera.message("LOG", str(number)) for number in range(10)]
    for one in reversed(sent):
        play << one
        assert [event.kind for event in play.events] == [EventKind.LOG]
    for one in sent:
        play << one
        assert play.events == []


def test_a_refused_message_is_not_acknowledged_and_is_stored_when_it_comes_again(
    play: Playbook, camera: SignedCamera
) -> None:
    play << BacklogFilled()
    play << camera.moal()
    assert play.sent == []
    assert play.rejected == ["no_room"]
    play << BacklogDrained()
    play << camera.again("MOAL", "gate")
    assert play.told
    assert len(play.sent) == 1


def test_messages_are_limited_by_device(camera: SignedCamera) -> None:
    play = Playbook(message_burst=3.0, message_rate=0.001).give_key("cam1", camera.key)
    for _ in range(3):
        play << camera.message("LOG", "x")
        assert len(play.sent) == 1
    play << camera.message("LOG", "x")
    assert play.rejected == ["device_rate"]
    play << camera.moal()
    assert play.told, "what begins an incident is never refused for that"


def test_a_message_proves_no_life(play: Playbook, camera: SignedCamera) -> None:
    for _ in range(5):
        play.later(25)
        play << camera.message("LOG", "x")
    assert play.count(EventKind.CONTACT_LOST) == 1


def test_a_message_that_was_overtaken_by_a_reboot_is_stored(play: Playbook, camera: SignedCamera) -> None:
    early = camera.message("LOG", "before")
    camera.reboot("b002")
    camera.beat(play)
    play << early
    assert [event.text for event in play.events] == ["before"]
    assert play.events[0].boot_id == "b001"


def test_a_message_of_a_boot_that_nobody_remembers_is_stored(play: Playbook, camera: SignedCamera) -> None:
    early = camera.message("LOG", "before")
    camera.counter += 1
    unknown = SignedCamera("cam1", camera.key, "ffff", camera.counter - 1).message("LOG", "unknown")
    camera.beat(play)
    play << unknown
    assert [event.text for event in play.events] == ["unknown"]
    play << early
    assert [event.text for event in play.events] == ["before"]


def test_the_counter_that_a_device_used_survives_a_restart_with_every_message(
    play: Playbook, camera: SignedCamera
) -> None:
    play << camera.message("LOG", "x")
    camera.hear(play)
    before = play.engine.state.sessions["cam1"].signed
    after = play.restart().engine.state.sessions["cam1"].signed
    assert before is not None
    assert after is not None
    assert after.up.highest == before.up.highest == camera.counter
    assert after.down > before.down


def test_down_counters_are_never_used_twice_even_if_the_clock_goes_back(play: Playbook, camera: SignedCamera) -> None:
    used: set[int] = set()
    for step in range(6):
        for _ in range(20):
            play << camera.message("LOG", "x")
            for message in camera.hear(play):
                assert message.signature is not None
                assert message.signature.counter not in used
                used.add(message.signature.counter)
        play.set_wall(-100.0 * (step % 2))
        play = play.restart()


def test_an_adopted_device_keeps_its_key(play: Playbook, camera: SignedCamera) -> None:
    play << DeviceAdopted("op", "cam1", None)
    play << camera.message("LOG", "x")
    assert len(camera.hear(play)) == 1


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 200)), max_size=200))
def test_what_is_remembered_as_stored_was_stored_and_survives_text(events: list[tuple[str, int]]) -> None:
    boots, stored = Boots(), set()
    for boot, number in events:
        boots.enter(boot)
        boots.store(EventId(boot, number))
        stored.add((boot, number))
        assert boots.stored(EventId(boot, number)) or number <= max(n for b, n in stored if b == boot) - WINDOW
    again = Boots(str(boots))
    for boot in "abcdef":
        for number in range(1, 201):
            known = boots.stored(EventId(boot, number))
            assert known is again.stored(EventId(boot, number))
            assert not known or (boot, number) in stored


def test_the_last_few_boots_are_remembered() -> None:
    boots = Boots()
    assert boots.current is None
    assert boots.enter("0") is BootSign.SAME
    for boot in range(1, MAX_BOOTS):
        assert boots.enter(str(boot)) is BootSign.NEW
    assert boots.enter(str(MAX_BOOTS)) is BootSign.NEW
    assert boots.enter("1") is BootSign.RETURNED
    assert boots.enter("0") is BootSign.NEW, "it was forgotten"
