"""What who has a device's key can do, on purpose or by mistake: nobody else suffers, and a new key ends it."""

import os
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alarmd.core.effects import DURABLE, SaveDevice
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import FrameReceived
from alarmd.core.paths import Path
from alarmd.core.rebinding import PATIENCE
from alarmd.core.records import AlarmKind, CommandState, Presence
from alarmd.core.requests import CommandRequested
from alarmd.core.signed_commands import FIRST_WAIT
from alarmd.core.signed_session import MAX_CHALLENGED, MAX_COUNTER, SignedSession
from alarmd.core.wanted_state import MAX_VERSION
from lfcp.authenticator import Purpose, Way, derive, tag_of
from lfcp.constants import KEY, SIGNED_MAX_FRAME, VERBS
from tests.playbook import Playbook, heartbeat, path
from tests.signed_camera import SignedCamera

EXAMPLES = 5000 if os.environ.get("ALARMD_PROVE") else 200
FLOOD = 5000  # frames
BURST = 50.0


@pytest.fixture
def camera() -> SignedCamera:
    return SignedCamera()


@pytest.fixture
def fresh(camera: SignedCamera) -> Playbook:
    return Playbook(message_burst=BURST, message_rate=0.001).give_key(camera.name, camera.key)


@pytest.fixture
def play(fresh: Playbook, camera: SignedCamera) -> Playbook:
    camera.meet(fresh)
    return fresh


def signed(play: Playbook) -> SignedSession:
    found = play.engine.state.sessions["cam1"].signed
    assert found is not None
    return found


def presence(play: Playbook, name: str = "cam1") -> Presence:
    return play.engine.state.sessions[name].presence


def written(play: Playbook) -> int:
    return sum(isinstance(effect, DURABLE) for effect in play.effects)


def appointments(play: Playbook) -> int:
    return len(play.engine.state.agenda._heap)


# What must break nobody


def test_a_first_contact_that_declares_sleep_breaks_nothing(fresh: Playbook, camera: SignedCamera) -> None:
    camera.beat(fresh)
    for result in ("0", "0"):
        fresh << camera.sleep(30)
        assert [message.params[1] for message in camera.hear(fresh)] == [result]
    assert presence(fresh) is Presence.ASLEEP
    fresh.later(20)
    camera.path = path(port=4001)  # it woke with another port
    assert camera.beat(fresh).params[1] == "1"
    fresh.later(200)
    assert presence(fresh) is Presence.LOST


def test_a_device_that_says_nothing_but_that_it_sleeps_is_met_by_that(fresh: Playbook, camera: SignedCamera) -> None:
    for result in ("1", "0"):
        fresh << camera.sleep(60)
        assert [message.params[1] for message in camera.hear(fresh)] == [result]
    assert presence(fresh) is Presence.ASLEEP
    fresh.later(300)
    assert presence(fresh) is Presence.LOST


def test_a_device_that_is_heard_elsewhere_before_its_first_proof_breaks_nothing(
    fresh: Playbook, camera: SignedCamera
) -> None:
    camera.beat(fresh)
    for port in range(4001, 4004):
        assert camera.beat(fresh, path(port=port)).params[1] == "1"
    assert presence(fresh) is Presence.NEW
    fresh.later(300)
    assert camera.beat(fresh, path(port=4003)).params[1] == "1"
    assert camera.beat(fresh, path(port=4003)).params[1] == "0"
    assert presence(fresh) is Presence.ONLINE


def test_a_lost_device_that_comes_back_to_sleep_is_found_first(play: Playbook, camera: SignedCamera) -> None:
    play.later(200)
    assert presence(play) is Presence.LOST
    for _ in range(2):
        play << camera.sleep(60)
        camera.hear(play)
    assert presence(play) is Presence.ASLEEP
    assert play.count(EventKind.CONTACT_FOUND) == 1
    assert play.engine.state.losses == {}
    assert play.engine.state.alarms == {}


def test_an_acknowledgement_of_sleep_that_was_held_back_ends_no_loss(play: Playbook, camera: SignedCamera) -> None:
    play << CommandRequested("op", "cam1", "DSLP")
    (command,) = camera.hear(play.later(0))
    held_back = camera.ack(command)
    play.later(300)
    assert presence(play) is Presence.LOST
    play << held_back
    assert play.last_command.state is CommandState.ACKED
    assert presence(play) is Presence.LOST
    camera.beat(play)
    camera.beat(play)
    assert play.count(EventKind.CONTACT_FOUND) == 1


@pytest.mark.parametrize("version", [9_999_999_999, MAX_VERSION, MAX_VERSION + 1])
def test_no_version_that_a_device_reports_keeps_newer_wishes_from_it_or_losses_of_others_untold(
    play: Playbook, camera: SignedCamera, version: int
) -> None:
    play.adopt("cam2") << heartbeat("cam2")
    for number in (version - 1, version):
        camera.report = camera.report._replace(wanted_version=number)
        camera.beat(play)
    for verb in ("ENAL", "DSAL", "WCAM"):
        play << CommandRequested("op", "cam1", verb)
        (command,) = camera.hear(play.later(0))
        assert command.verb == verb
        play << camera.ack(command)
    play.later(100)
    assert presence(play, "cam2") is Presence.LOST
    assert any(event.kind == EventKind.CONTACT_LOST for event in play.events)


NUMBERS = ["0", "1", "2", "26", "86400", "9999999", "9999999999", "7fffffffffffffff", "ffffffffffffffff", "-1", "00"]
BOOTS = ["b001.0", "b001.{echo}", "b002.{echo}", "b002.7fffffffffffffff", f"{'f' * 16}.{'f' * 16}", ".", "b001.1.1"]
STATES = ["0", "a.-.0", "-.-.9999999999", "acfs.ffffffffffffffff.4294967296", "a.00000000.4294967297", "A.-.0"]
OTHERS = ["gate", "x" * 128, "{command}", "{command}", "Z.ffffffffffffffff", "A.0", "%s%n", "';--", "$(x)"]
FIELDS = st.sampled_from([*NUMBERS, *BOOTS, *STATES, *OTHERS])
SAYINGS = st.tuples(st.sampled_from([*VERBS]), FIELDS, FIELDS, FIELDS, FIELDS)
SLEEPS = st.tuples(st.just("SLEP"), st.sampled_from(NUMBERS), st.just("0"), st.sampled_from(BOOTS), st.just("0"))
BEATS = st.tuples(
    st.just("HEARTBEAT"),
    st.just("2"),
    st.just("26"),
    st.sampled_from(["b001.{echo}", "b001.{echo}", "b001.0", "b002.{echo}"]),
    st.sampled_from(STATES),
)
AHEAD = st.sampled_from([*[1] * 20, 0, -1, -70, 64, 2**40, MAX_COUNTER, 2**64])
ADDRESSES = st.sampled_from([path(), path(port=4001), path("2001:db8::1", transport="tcp")])
STEPS = st.tuples(st.one_of(SAYINGS, SLEEPS, BEATS, BEATS, BEATS), AHEAD, ADDRESSES, st.sampled_from([0.0, 1.0, 100.0]))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_no_authentic_frame_fails_the_rules_whatever_it_says(
    steps: list[tuple[tuple[str, ...], int, Path, float]],
) -> None:
    camera = SignedCamera(key=bytes(range(KEY)))
    play = Playbook().give_key("cam1", camera.key).adopt("cam2") << heartbeat("cam2")
    wishes = cycle(("TLGC,token,1", "CONF,quality,12", "ENAL", "DSLP", "SCAM"))
    for fields, ahead, at, seconds in steps:
        verb, *params = next(wishes).split(",")
        play << CommandRequested("op", "cam1", verb, tuple(params))
        play << said(play, camera, fields, ahead, at)
        assert not (play.rejected and play.sent)
        assert all(len(payload) <= SIGNED_MAX_FRAME for payload in play.sent)
        play.later(seconds)
    again = play.restart(after=100)
    again.later(100)
    assert presence(again, "cam2") is Presence.LOST


def said(play: Playbook, camera: SignedCamera, fields: tuple[str, ...], ahead: int, at: Path) -> FrameReceived:
    """Signed by the device, however ill-formed. ahead: of the highest counter."""
    counter = min(max(signed(play).up.highest + ahead, 1), 2**64 - 1)
    known = {"echo": f"{signed(play).down:x}", "command": play.last_command.identity}
    head = ",".join(("cam1", *(field.format(**known) for field in fields), f"{counter:x}", "")).encode()
    return FrameReceived(head + tag_of(derive(camera.key, Purpose.TAG, Way.UP, "A"), head), at)


# What must cost the others nothing


def test_endless_boots_are_written_no_faster_than_messages(play: Playbook, camera: SignedCamera) -> None:
    rows = 0
    for boot in range(FLOOD):
        camera.reboot(f"{boot + 1:x}")
        play << camera.heartbeat()
        rows += written(play)
    assert rows <= 2 * BURST
    assert len(str(signed(play).boots)) < 256
    assert play.count(EventKind.DEVICE_REBOOTED) <= BURST


def test_two_devices_that_alternate_endlessly_are_one_tamper_alarm(play: Playbook, camera: SignedCamera) -> None:
    for _ in range(FLOOD // 10):
        for boot in ("aaa", "bbb"):
            camera.boot = boot
            play << camera.heartbeat()
    assert [alarm.kind for alarm in play.engine.state.alarms.values()] == [AlarmKind.TAMPER]
    assert play.count(EventKind.CLONED) == 1


def test_endless_versions_are_written_no_faster_than_messages(play: Playbook, camera: SignedCamera) -> None:
    rows = 0
    for version in range(1, FLOOD):
        camera.report = camera.report._replace(wanted_version=version)
        play << camera.heartbeat()
        rows += sum(isinstance(effect, SaveDevice) for effect in play.effects)
    assert rows <= BURST


def test_heartbeats_without_pause_are_no_reason_to_send_a_command_without_pause(
    play: Playbook, camera: SignedCamera
) -> None:
    play << CommandRequested("op", "cam1", "TLGS")
    rows, before = 0, appointments(play)
    seconds = 20
    for _ in range(100 * seconds):
        play << camera.heartbeat()
        camera.hear(play)
        rows += written(play)
        play.later(0.01)
        rows += written(play)
    assert rows <= 2 * seconds / FIRST_WAIT
    assert appointments(play) <= before + 2


def test_a_device_that_jumps_between_addresses_is_bounded_in_everything(play: Playbook, camera: SignedCamera) -> None:
    rows = 0
    for number in range(FLOOD):
        at = Path("tcp" if number % 2 else "udp", f"2001:db8::{number % 50:x}", 1000 + number // 2, number)
        play << camera.heartbeat(at)
        camera.hear(play)
        rows += written(play)
    assert rows <= BURST + 2
    assert len(signed(play).challenged) <= MAX_CHALLENGED
    assert len(signed(play).copies) <= MAX_CHALLENGED + 2
    assert len(play.engine.state.connections) <= 1
    assert len(signed(play).told) <= len(EventKind)


def test_messages_over_the_limit_are_refused_and_those_of_others_are_not(play: Playbook, camera: SignedCamera) -> None:
    other = SignedCamera("cam2")
    play.give_key("cam2", other.key)
    stored = 0
    for number in range(FLOOD):
        play << camera.message(("LOG", "ERR", "MOAL")[number % 3], "x")
        stored += len(play.sent)
    assert stored <= BURST + 1
    play << other.message("LOG", "x")
    assert len(other.hear(play)) == 1


def test_whatever_numbers_a_device_gives_its_events_another_boot_of_it_is_not_disturbed(
    play: Playbook, camera: SignedCamera
) -> None:
    camera.number = MAX_COUNTER - 1
    play << camera.moal()
    camera.reboot("b002")
    play << camera.message("LOG", "x")
    assert EventKind.LOG in play.kinds
    play << camera.again("LOG", "x")
    assert play.events == []


# A stolen key


def test_who_used_up_the_counters_with_a_stolen_key_is_shut_out_by_a_new_one(
    play: Playbook, camera: SignedCamera
) -> None:
    thief = SignedCamera("cam1", camera.key, "bad", MAX_COUNTER - 2)
    thief.echo = MAX_COUNTER
    play << thief.heartbeat()
    play << thief.moal("nothing")
    camera.reboot("b002")
    play << camera.heartbeat()
    assert play.sent == [], "no SYNC: beyond it are no counters, for the next key neither"
    camera.key = SignedCamera().key
    play.give_key("cam1", camera.key, renew=True)
    camera.meet(play)
    assert presence(play) is Presence.ONLINE
    play << thief.heartbeat(counter=MAX_COUNTER)
    assert play.rejected == ["bad_tag"]
    again = play.restart(after=5)
    camera.meet(again)
    again << camera.message("LOG", "x")
    assert len(camera.hear(again)) == 1


def test_a_clone_is_a_tamper_alarm_even_after_a_restart_and_a_flood_of_boots(
    play: Playbook, camera: SignedCamera
) -> None:
    clone = SignedCamera("cam1", camera.key, "c10e", camera.counter + 10**6)
    play << clone.heartbeat()
    again = play.restart(after=1)
    camera.counter = clone.counter
    again << camera.heartbeat()
    assert [alarm.kind for alarm in again.alarms] == [AlarmKind.TAMPER]
    assert again.told


def test_a_clone_that_sends_messages_only_is_found_by_the_next_heartbeat_of_the_device(
    play: Playbook, camera: SignedCamera
) -> None:
    for _ in range(3):
        play.later(20)
        camera.beat(play)
    clone = SignedCamera("cam1", camera.key, "c10e", camera.counter + 1000)
    clone.path = path("198.51.100.9")
    play << clone.message("LOG", "nothing")
    camera.counter = clone.counter
    camera.beat(play)
    assert [alarm.kind for alarm in play.alarms] == [AlarmKind.TAMPER]


def test_a_clone_gets_no_command_that_was_meant_for_the_device_without_leaving_a_trace(
    play: Playbook, camera: SignedCamera
) -> None:
    clone = SignedCamera("cam1", camera.key, "c10e", camera.counter + 1000)
    clone.path = path("198.51.100.9")
    clone.beat(play)
    clone.beat(play)
    play << CommandRequested("op", "cam1", "TLGS")
    (command,) = {command.verb: command for command in clone.hear(play.later(0))}.values()
    play << clone.ack(command)
    play.later(PATIENCE)
    for kind in (EventKind.DEVICE_REBOOTED, EventKind.DEVICE_ADDRESS):
        assert play.count(kind) == 1
    play << FrameReceived(camera.heartbeat().payload, camera.path)
    (sync,) = camera.hear(play)
    assert sync.verb == "SYNC"
    camera.counter = int(sync.params[0], 16)
    camera.beat(play)
    assert [alarm.kind for alarm in play.alarms] == [AlarmKind.TAMPER]
