import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from alarmd.cli import exits
from alarmd.cli import send as module
from lfcp import VERBS
from tests.cli.conftest import Alarmd
from tests.running_house import RunningHouse
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


def test_a_wait_tells_every_step(alarmd: Alarmd, cam1: RunningHouse) -> None:
    def play() -> None:
        wait_until(lambda: queued(cam1), "a command")
        cam1.frame(HEARTBEAT.format("cam1"))
        assert sent_is_told.wait(30)
        cam1.frame("cam1,ACK,0,0,0,0,0,0")

    sent_is_told = threading.Event()
    with pytest.MonkeyPatch.context() as patch, meanwhile(play):
        real = module._tell

        def told(asked: object, command: object) -> None:
            real(asked, command)  # type: ignore[arg-type]  # passed on as they came
            if getattr(command, "state", "") == "sent":
                sent_is_told.set()

        patch.setattr(module, "_tell", told)
        ended = alarmd("send", "cam1", "TLGS", "--wait")
    assert ended.code == exits.OK
    steps = [line.split("(command 1) ")[1].split(",")[0] for line in ended.out.splitlines()]
    assert steps == ["queued", "sent", "acked"]


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
    assert ended.code == exits.FAILED
    assert ended.json["commands"][0]["state"] == "expired"


def test_a_wait_that_is_over_has_a_code_of_its_own(alarmd: Alarmd, cam1: RunningHouse) -> None:
    assert alarmd("send", "cam1", "TLGS", "--wait", "0.1").code == exits.NOT_YET
    assert alarmd("send", "--wait=0", "cam1", "TLGS").code == exits.NOT_YET


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
    assert [command["state"] for command in ended.json["commands"]] == ["acked"] * 3


def test_a_secret_needs_consent_and_is_not_shown(alarmd: Alarmd, cam1: RunningHouse) -> None:
    words = ("send", "cam1", "TLGC", "123456:token", "-1001234")
    ended = alarmd(*words)
    assert ended.code == exits.FAILED
    assert "--in-clear" in ended.err
    ended = alarmd.fine(*words, "--in-clear", "--json")
    assert "token" not in ended.out
    assert cam1.frame(HEARTBEAT.format("cam1")) == [b"cam1,TLGC,123456:token,-1001234,0,0,0,0"]


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
