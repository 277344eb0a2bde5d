import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alarmd.cli import exits
from alarmd.cli import send as module
from alarmd.cli.command_steps import Follower, Step, steps_between
from alarmd.core.inputs import FrameReceived
from alarmd.core.records import CommandState
from alarmd.web.history_schemas import Command
from lfcp import VERBS, Message
from lfcp.authenticator import key_from_text
from tests.cli.conftest import Alarmd
from tests.running_house import RunningHouse
from tests.serving import LOOPBACK, served
from tests.signed_camera import SignedCamera
from tests.waiting import wait_until

HEARTBEAT = "{},HEARTBEAT,0,0,0,0,0,0"


@pytest.fixture
def cam1(house: RunningHouse) -> RunningHouse:
    house.frame(HEARTBEAT.format("cam1"))
    return house


@contextmanager
def meanwhile(play: Callable[[], None]) -> Iterator[None]:
    """Something that happens while the command line waits."""
    failed: list[BaseException] = []

    def played() -> None:
        try:
            play()
        except BaseException as error:  # told by the test's own thread
            failed.append(error)

    thread = threading.Thread(target=played)
    thread.start()
    yield
    thread.join()
    assert not failed


def queued(house: RunningHouse) -> bool:
    with house.client() as client:
        return bool(client.get("/commands").json()["commands"])


def take_command(house: RunningHouse, name: str = "cam1", error: str = "") -> None:
    """The device comes, gets its command and acknowledges it."""
    wait_until(lambda: queued(house), "a command")
    (reply,) = house.frame(HEARTBEAT.format(name))
    assert b",ACK," not in reply
    house.frame(f"{name},ACK,0,0,0,0,0,0")
    if error:
        house.frame(f"{name},ERR,{error},0,0,0,0,0")


def test_a_command_is_queued(alarmd: Alarmd, cam1: RunningHouse) -> None:
    told = alarmd.fine("send", "cam1", "TLGS").out
    assert told.startswith("cam1 TLGS (command 1) queued, until 2")
    assert cam1.frame(HEARTBEAT.format("cam1")) == [b"cam1,TLGS,0,0,0,0,0,0"]


def test_help_names_every_command(alarmd: Alarmd) -> None:
    shown = alarmd.fine("send", "--help").out
    assert all(verb in shown for verb, entry in VERBS.items() if entry.command)


def test_small_letters_will_do(alarmd: Alarmd, cam1: RunningHouse) -> None:
    assert alarmd.fine("send", "cam1", "tlgs", "--json").json["commands"][0]["verb"] == "TLGS"


def test_a_zone_or_all_get_a_command(alarmd: Alarmd, house: RunningHouse) -> None:
    for name in ("cam1", "cam2"):
        alarmd.fine("device", "adopt", name)
    for target in ("@home", "*"):
        told = alarmd.fine("send", target, "WCAM").out.splitlines()
        assert [line.split()[0] for line in told] == ["cam1", "cam2"]


@pytest.mark.parametrize(("ttl", "seconds"), [("10m", 600), ("90", 90)])
def test_its_time_to_live_is_set(alarmd: Alarmd, cam1: RunningHouse, ttl: str, seconds: int) -> None:
    (command,) = alarmd.fine("send", "cam1", "TLGS", "--ttl", ttl, "--json").json["commands"]
    with cam1.client() as client:
        stored = client.get(f"/commands/{command['id']}").json()
    assert stored["expires_at"] == command["expires_at"]
    assert alarmd.fine("events", "--kind", "command_queued", "--json").json["events"]
    created, expires = (int(command[each][14:16]) for each in ("created_at", "expires_at"))
    assert (expires - created) % 60 in {seconds // 60, seconds // 60 + 1}


def test_a_refusal_names_the_field(alarmd: Alarmd, cam1: RunningHouse) -> None:
    for words, field in ((("cam9", "TLGS"), "device"), (("cam1", "JUMP"), "verb"), (("cam1", "TLGS", "x"), "params")):
        ended = alarmd("send", *words, "--json")
        assert (ended.code, ended.error["field"]) == (exits.FAILED, field)


def states(out: str) -> list[str]:
    """Of steps told to a person."""
    return [line.split("(command 1) ")[1].split(",")[0].split(":")[0] for line in out.splitlines()]


def test_a_wait_tells_every_step_with_its_time_when_it_happens(alarmd: Alarmd, cam1: RunningHouse) -> None:
    def play() -> None:
        wait_until(lambda: queued(cam1), "a command")
        cam1.frame(HEARTBEAT.format("cam1"))
        assert sent_is_told.wait(30)
        cam1.frame("cam1,ACK,0,0,0,0,0,0")

    sent_is_told = threading.Event()
    with pytest.MonkeyPatch.context() as patch, meanwhile(play):
        real = Follower._tell

        def told(self: Follower, command: Command, step: Step) -> None:
            real(self, command, step)
            if step.state is CommandState.SENT:
                sent_is_told.set()

        patch.setattr(Follower, "_tell", told)
        ended = alarmd("send", "cam1", "TLGS", "--wait")
    assert (ended.code, ended.err) == (exits.OK, "")
    assert states(ended.out) == ["queued", "sent", "acked"]
    seconds = [float(line.split(" s ")[0]) for line in ended.out.splitlines()]
    assert seconds[0] == 0
    assert seconds == sorted(seconds)


def test_a_step_that_was_over_before_a_look_is_told_all_the_same(alarmd: Alarmd, cam1: RunningHouse) -> None:
    with cam1.client() as client:
        (command,) = client.post("/commands", json={"target": "cam1", "verb": "TLGS"}).json()["commands"]
        before = Command(**command)
        take_command(cam1, error="no camera")
        after = Command(**client.get("/commands/1").json())
    steps = list(steps_between(before, after))
    assert [(step.state, step.outcome) for step in steps] == [("sent", ""), ("failed", "no camera")]
    assert before.created_at <= steps[0].at <= steps[1].at


def test_what_is_sent_again_is_told_again(alarmd: Alarmd, cam1: RunningHouse) -> None:
    def play() -> None:
        for attempt in range(1, 3):
            wait_until(lambda: queued(cam1), "a command")
            assert cam1.frame(HEARTBEAT.format("cam1")) == [b"cam1,TLGS,0,0,0,0,0,0"]
            assert told[attempt - 1].wait(30)
        cam1.frame("cam1,ACK,0,0,0,0,0,0")

    told = [threading.Event(), threading.Event()]
    with pytest.MonkeyPatch.context() as patch, meanwhile(play):
        real = Follower._tell

        def noted(self: Follower, command: Command, step: Step) -> None:
            real(self, command, step)
            if step.attempt:
                told[step.attempt - 1].set()

        patch.setattr(Follower, "_tell", noted)
        ended = alarmd("send", "cam1", "TLGS", "--wait")
    assert states(ended.out) == ["queued", "sent", "sent", "acked"]
    assert "sent, attempt 2" in ended.out


def test_steps_for_programs_are_a_line_each(alarmd: Alarmd, cam1: RunningHouse) -> None:
    with meanwhile(lambda: take_command(cam1)):
        ended = alarmd("send", "cam1", "TLGS", "--wait", "--json")
    steps = [json.loads(line) for line in ended.out.splitlines()]
    assert [step["state"] for step in steps] == ["queued", "sent", "acked"]
    assert {(step["command"], step["device"], step["verb"]) for step in steps} == {(1, "cam1", "TLGS")}
    assert [step["attempt"] for step in steps] == [0, 1, 0]
    assert steps[0]["seconds"] == 0 <= steps[1]["seconds"] <= steps[2]["seconds"]


def test_a_device_with_a_key_may_say_that_it_failed(alarmd: Alarmd, house: RunningHouse) -> None:
    key = key_from_text(alarmd.fine("device", "add", "cam1", "--json").json["key"])
    camera = SignedCamera("cam1", key)

    def heard(frame: FrameReceived) -> list[Message]:
        return [camera.read(answer) for answer in house.frame(frame.payload.decode())]

    def play() -> None:
        wait_until(lambda: queued(house), "a command")
        (command,) = heard(camera.heartbeat())
        heard(camera.ack(command, "1"))

    heard(camera.heartbeat())
    with meanwhile(play):
        ended = alarmd("send", "cam1", "TLGS", "--wait")
    assert ended.code == exits.NOT_DONE
    assert "failed: the device says that it failed" in ended.out.splitlines()[-1]


def test_a_command_goes_out_at_once_on_a_proven_path_and_each_step_is_told(tmp_path: Path) -> None:
    with served(tmp_path) as server, server.device() as device:
        device.connect((LOOPBACK, server.lfcp_port))
        camera = SignedCamera("cam1", key_from_text(server.told("device", "add", "cam1")["key"]))
        for _ in range(2):
            device.send(camera.heartbeat().payload)
            camera.read(device.recv(1000))
        wait_until(lambda: server.told("device", "show", "cam1")["live"]["path_proven"], "the proof")

        def obey() -> None:
            device.send(camera.ack(camera.read(device.recv(1000))).payload)

        with meanwhile(obey):
            ended = server.try_command("send", "cam1", "TLGS", "--wait", "--json")
    steps = [json.loads(line) for line in ended.stdout.splitlines()]
    assert (ended.returncode, ended.stderr) == (exits.OK, "")
    assert [step["state"] for step in steps] == ["queued", "sent", "acked"]


def test_a_wait_may_stand_before_the_target(alarmd: Alarmd, cam1: RunningHouse) -> None:
    with meanwhile(lambda: take_command(cam1)):
        assert alarmd("send", "--wait", "cam1", "TLGS").code == exits.OK


def test_what_expires_has_failed(alarmd: Alarmd, cam1: RunningHouse) -> None:
    def looked_at_and_expired() -> bool:
        cam1.tick()
        with cam1.client() as client:
            return [command["state"] for command in client.get("/commands").json()["commands"]] == ["expired"]

    with meanwhile(lambda: wait_until(looked_at_and_expired, "the command to expire")):
        ended = alarmd("send", "cam1", "TLGS", "--ttl", "1", "--wait", "--json")
    assert ended.code == exits.EXPIRED
    assert json.loads(ended.out.splitlines()[-1])["state"] == "expired"


def test_a_wait_that_is_over_has_a_code_of_its_own(alarmd: Alarmd, cam1: RunningHouse) -> None:
    for words in (("--wait", "0.1", "cam1", "TLGS"), ("cam1", "TLGS", "--wait=0")):
        ended = alarmd("send", *words)
        assert ended.code == exits.NOT_YET
        assert "what has no outcome yet goes on" in ended.err


def test_ctrl_c_ends_the_wait_and_takes_nothing_back(
    alarmd: Alarmd, cam1: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_what: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Follower, "_look", interrupted)
    ended = alarmd("send", "cam1", "TLGS", "--wait")
    assert ended.code == exits.INTERRUPTED
    assert "what has no outcome yet goes on" in ended.err
    assert cam1.frame(HEARTBEAT.format("cam1")) == [b"cam1,TLGS,0,0,0,0,0,0"]


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["acked", "acked"], exits.OK),
        (["acked", "expired"], exits.EXPIRED),
        (["expired", "failed", "sent"], exits.NOT_DONE),
        (["acked", "sent"], exits.NOT_YET),
        (["queued"], exits.NOT_YET),
    ],
)
def test_the_exit_code_tells_the_worst(states: list[str], code: int) -> None:
    commands = [Command.model_construct(state=CommandState(state)) for state in states]
    assert module._code(commands) == code


def test_help_names_every_exit_code_that_a_wait_may_have(alarmd: Alarmd) -> None:
    shown = alarmd.fine("send", "--help").out
    codes = (exits.OK, exits.NOT_YET, exits.NOT_DONE, exits.EXPIRED, exits.INTERRUPTED)
    assert len(set(codes)) == 5
    for code in codes:
        assert re.search(rf"^ +{code} +{re.escape(exits.MEANINGS[code])}$", shown, re.MULTILINE)


def test_a_wait_for_several_ends_when_all_have_their_outcome(alarmd: Alarmd, house: RunningHouse) -> None:
    names = ("cam1", "cam2", "cam3")
    for name in names:
        alarmd.fine("device", "adopt", name)

    def play() -> None:
        for name in reversed(names):
            take_command(house, name)

    with meanwhile(play):
        ended = alarmd("send", "*", "WCAM", "--wait", "--json")
    assert ended.code == exits.OK
    steps = [json.loads(line) for line in ended.out.splitlines()]
    assert sorted(step["device"] for step in steps if step["state"] == "acked") == list(names)


def test_a_secret_needs_consent_and_is_not_shown(alarmd: Alarmd, cam1: RunningHouse) -> None:
    words = ("send", "cam1", "TLGC", "123456:token", "-1001234")
    ended = alarmd(*words)
    assert ended.code == exits.FAILED
    assert "--in-clear" in ended.err
    ended = alarmd.fine(*words, "--in-clear", "--json")
    assert "token" not in ended.out
    assert cam1.frame(HEARTBEAT.format("cam1")) == [b"cam1,TLGC,123456:token,-1001234,0,0,0,0"]


def test_a_secret_for_a_device_with_a_key_needs_no_consent(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("device", "add", "cam1")
    assert "queued" in alarmd.fine("send", "cam1", "PRCC", "very-secret").out


def test_a_setting_may_be_negative(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("device", "add", "cam1")
    alarmd.fine("send", "cam1", "CONF", "quality", "12")
    alarmd.fine("send", "cam1", "CONF", "brightness", "-2")
    assert alarmd.fine("device", "show", "cam1", "--json").json["settings"] == ["quality=12", "brightness=-2"]


def test_a_setting_beyond_its_limits_is_refused_with_them(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("device", "add", "cam1")
    ended = alarmd("send", "cam1", "CONF", "quality", "2")
    assert (ended.code, ended.err) == (exits.FAILED, "alarmd: quality is 4 to 63\n")


def test_a_secret_is_read_from_stdin(alarmd: Alarmd, cam1: RunningHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("123456:token\nmore\n"))
    alarmd.fine("send", "cam1", "TLGC", "-", "-1001234", "--in-clear")
    assert cam1.frame(HEARTBEAT.format("cam1")) == [b"cam1,TLGC,123456:token,-1001234,0,0,0,0"]


def test_a_misspelt_option_is_no_parameter(alarmd: Alarmd, cam1: RunningHouse) -> None:
    ended = alarmd("send", "cam1", "TLGS", "--wiat")
    assert ended.code == exits.WRONG_USAGE
    assert "--wiat" in ended.err
    assert not queued(cam1)


def test_a_wrong_duration_is_wrong_usage(alarmd: Alarmd, cam1: RunningHouse) -> None:
    ended = alarmd("send", "cam1", "TLGS", "--ttl", "ever")
    assert ended.code == exits.WRONG_USAGE
    assert "write 90, 90s, 15m, 2h or 3d" in ended.err


def test_a_stopped_server_queues_nothing(alarmd: Alarmd) -> None:
    ended = alarmd("send", "cam1", "TLGS")
    assert ended.code == exits.NO_SERVER
    assert "`alarmd serve`" in ended.err
