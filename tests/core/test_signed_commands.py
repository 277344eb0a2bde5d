"""Commands to a signed device: at once, again, until their id is acknowledged, with exactly one outcome."""

from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from alarmd.core.command_queue import MAX_QUEUED
from alarmd.core.effects import SaveCommand
from alarmd.core.engine import Engine
from alarmd.core.event_kinds import EventKind
from alarmd.core.records import CommandState, Dialect, Presence
from alarmd.core.requests import CommandRequested, DeviceChanged
from alarmd.core.signed_commands import FIRST_WAIT, SAID_FAILED, SPREAD
from lfcp import Message
from lfcp.constants import PUSH_RESENDS
from tests.playbook import Playbook, frame
from tests.signed_camera import SignedCamera

PUSHED = 2 * FIRST_WAIT * (1 << PUSH_RESENDS) * (1 + SPREAD)  # s after which no push is left, at the latest
TLGS = CommandRequested("op", "cam1", "TLGS")


@pytest.fixture
def camera() -> SignedCamera:
    return SignedCamera()


@pytest.fixture
def play(camera: SignedCamera) -> Playbook:
    made = Playbook().give_key(camera.name, camera.key)
    camera.meet(made)
    return made


def pushed(play: Playbook, camera: SignedCamera) -> Message:
    """What goes out at once."""
    play.later(0)
    (message,) = camera.hear(play)
    return message


def test_a_command_is_pushed_at_once_and_its_ack_settles_it(play: Playbook, camera: SignedCamera) -> None:
    play << TLGS
    command = pushed(play, camera)
    assert (command.verb, command.params[3]) == ("TLGS", "0")
    assert command.params[2] == play.last_command.identity
    assert play.last_command.state is CommandState.SENT
    play.later(0.2)
    play << camera.ack(command)
    assert play.last_command.state is CommandState.ACKED
    assert play.last_command.finished_at == play.now.wall
    assert play.later(60).sent == []


def test_a_push_without_an_ack_is_repeated_as_often_as_it_should_and_no_more(
    play: Playbook, camera: SignedCamera
) -> None:
    play << TLGS
    times = []
    for _ in range(int(PUSHED * 100)):
        play.later(0.01)
        times += [play.now.mono] * len(camera.hear(play))
    assert len(times) == 1 + PUSH_RESENDS
    waits = [after - before for before, after in pairwise(times)]
    for number, wait in enumerate(waits):
        assert FIRST_WAIT * (1 << number) - 0.02 <= wait <= FIRST_WAIT * (1 << number) * (1 + SPREAD) + 0.02


def test_every_repetition_has_the_same_id_and_another_counter(play: Playbook, camera: SignedCamera) -> None:
    play << TLGS
    copies = camera.hear(play.later(PUSHED))
    assert len({copy.params[2] for copy in copies}) == 1
    assert len({copy.signature for copy in copies}) == len(copies) == 1 + PUSH_RESENDS


def test_after_the_pushes_each_heartbeat_is_answered_with_the_command(play: Playbook, camera: SignedCamera) -> None:
    play << TLGS
    camera.hear(play.later(PUSHED))
    for _ in range(3):
        answer = camera.beat(play)
        assert (answer.verb, answer.params[3]) == ("TLGS", f"{camera.counter:x}")
        assert play.later(15).sent == []
    play << camera.ack(answer)
    assert play.last_command.state is CommandState.ACKED


def test_a_command_for_a_device_that_is_not_proved_waits_for_its_proof(camera: SignedCamera) -> None:
    play = Playbook().give_key("cam1", camera.key)
    play << TLGS
    assert play.later(5).sent == []
    assert camera.beat(play).verb == "ACK"
    assert camera.beat(play).verb == "TLGS"


def test_commands_go_in_order_one_at_a_time(play: Playbook, camera: SignedCamera) -> None:
    for verb in ("TLGS", "RST", "DSLP"):
        play << CommandRequested("op", "cam1", verb)
    for verb in ("TLGS", "RST", "DSLP"):
        command = pushed(play, camera)
        assert command.verb == verb
        play << camera.ack(command)
        assert play.last_command.verb == verb
        assert play.last_command.state is CommandState.ACKED
    assert play.engine.state.sessions["cam1"].presence is Presence.ASLEEP


def test_a_sleeper_and_a_lost_device_are_not_pushed_at(play: Playbook, camera: SignedCamera) -> None:
    play << camera.sleep(600)
    camera.hear(play)
    play << TLGS
    assert play.later(30).sent == []
    assert camera.beat(play).verb == "TLGS"


def test_an_ack_of_another_command_or_a_late_copy_settles_nothing(play: Playbook, camera: SignedCamera) -> None:
    play << TLGS
    first = pushed(play, camera)
    play << camera.frame("ACK", "1", "0", "0", "A.1")
    assert play.commands == []
    play << camera.ack(first)
    play << TLGS
    pushed(play, camera)
    play << camera.ack(first)
    assert play.commands == []
    assert play.last_command.state is CommandState.SENT


def test_an_ack_replayed_or_forged_settles_nothing(play: Playbook, camera: SignedCamera) -> None:
    play << TLGS
    command = pushed(play, camera)
    play << frame("cam1,ACK,0,0,0,0,0,0")
    assert play.rejected == ["unsigned"]
    stranger = SignedCamera("cam1", counter=5000)
    play << stranger.frame("ACK", "1", "0", "0", command.params[2])
    assert play.rejected == ["bad_tag"]
    assert play.last_command.state is CommandState.SENT
    genuine = camera.ack(command)
    play << genuine
    play << genuine
    assert play.rejected == ["replayed"]


def test_a_command_that_failed_has_one_outcome_and_its_reason(play: Playbook, camera: SignedCamera) -> None:
    play << TLGS
    command = pushed(play, camera)
    play << camera.ack(command, "1")
    assert (play.last_command.state, play.last_command.outcome) == (CommandState.FAILED, SAID_FAILED)
    play << camera.message("ERR", "no camera", command=command.params[2])
    assert (play.last_command.state, play.last_command.outcome) == (CommandState.FAILED, "no camera")
    assert play.count(EventKind.COMMAND_FINISHED) == 1
    play << camera.message("ERR", "another reason", command=command.params[2])
    assert play.last_command.outcome == "no camera"


def test_an_error_that_comes_before_the_ack_is_the_outcome(play: Playbook, camera: SignedCamera) -> None:
    play << TLGS
    command = pushed(play, camera)
    play << camera.message("ERR", "no camera", command=command.params[2])
    assert (play.last_command.state, play.last_command.outcome) == (CommandState.FAILED, "no camera")
    play << camera.ack(command, "1")
    assert play.commands == []


def test_an_error_about_nothing_is_an_event_only(play: Playbook, camera: SignedCamera) -> None:
    play << camera.message("ERR", "hot")
    play << camera.message("ERR", "hot", command="A.1")
    play << TLGS
    play << camera.message("ERR", "hot", command="A.1")
    assert play.commands == []
    assert play.count(EventKind.ERROR) == 3


def test_a_command_expires_without_an_ack(play: Playbook, camera: SignedCamera) -> None:
    play << CommandRequested("op", "cam1", "TLGS", time_to_live=60)
    camera.hear(play.later(70))
    assert play.last_command.state is CommandState.EXPIRED
    for _ in range(2):
        answer = camera.beat(play)
    assert answer.verb == "ACK"


def test_a_restart_goes_on_with_the_same_command(play: Playbook, camera: SignedCamera) -> None:
    play << TLGS
    before = pushed(play, camera)
    again = play.restart(after=2)
    camera.beat(again)
    after = camera.beat(again)
    assert (after.verb, after.params[2]) == ("TLGS", before.params[2])
    again << camera.ack(after)
    assert again.last_command.state is CommandState.ACKED


def test_ids_are_not_used_again_after_a_backup_was_restored(play: Playbook, camera: SignedCamera) -> None:
    backup = play.store.load()
    play << TLGS
    used = play.last_command
    play.engine = Engine(play.settings, backup, ZoneInfo, play.later(1).now)
    restored = play.engine.handle(TLGS, play.now)
    (again,) = (effect.command for effect in restored if isinstance(effect, SaveCommand))
    assert again.id == used.id
    assert again.identity != used.identity


@pytest.mark.parametrize(("verb", "params"), [("TLGC", ("123:secret", "-42")), ("PRCC", ("token",))])
def test_a_secret_is_sealed_and_needs_no_consent(
    play: Playbook, camera: SignedCamera, verb: str, params: tuple[str, ...]
) -> None:
    play << CommandRequested("op", "cam1", verb, params)
    command = pushed(play, camera)
    for at, secret in enumerate(params, 1):
        assert secret not in command.params
        assert camera.open(command, at) == secret
    first = command
    play.later(1)
    (second,) = camera.hear(play)
    assert second.params[0] != first.params[0], "a nonce is never used twice"
    play << camera.ack(second)
    assert play.last_command.params == ()


def test_the_queue_of_a_signed_device_is_bounded_too(camera: SignedCamera) -> None:
    play = Playbook().give_key("cam1", camera.key)
    for _ in range(MAX_QUEUED):
        play << TLGS
    play << TLGS
    assert play.refusal.reason == "queue_full"


def test_commands_of_a_seed_dialect_make_no_difference_to_a_signed_device(play: Playbook, camera: SignedCamera) -> None:
    play << DeviceChanged("op", "cam1", dialect=Dialect.AUTO, report_within=60)
    play << TLGS
    assert pushed(play, camera).verb == "TLGS"
