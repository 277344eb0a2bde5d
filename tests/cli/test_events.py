import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

from alarmd.cli import events as module
from alarmd.cli import exits
from alarmd.cli.client import open_client
from alarmd.web import events as web_events
from tests.cli.conftest import Alarmd
from tests.running_house import PATIENCE, RunningHouse, running_house


def kinds(alarmd: Alarmd, *words: str) -> list[str]:
    return [event["kind"] for event in alarmd.fine("events", "--json", *words).json["events"]]


@pytest.fixture
def busy(house: RunningHouse) -> RunningHouse:
    house.frame("cam1,HEARTBEAT,0,0,0,0,0,0")
    house.frame("cam1,LOG,hello,0,0,0,0,0")
    house.frame("cam2,LOG,there,0,0,0,0,0")
    return house


def test_events_are_listed_the_newest_last(alarmd: Alarmd, busy: RunningHouse) -> None:
    headings, *rows = alarmd.fine("events").out.splitlines()
    assert headings.split() == ["RECEIVED", "KIND", "DEVICE", "ZONE", "ALARM", "TEXT"]
    assert "server_started" in rows[0]
    assert rows[-1].endswith("there")


def test_events_are_filtered(alarmd: Alarmd, busy: RunningHouse) -> None:
    assert kinds(alarmd, "--device", "cam1") == ["device_new", "log"]
    assert kinds(alarmd, "--kind", "log") == ["log", "log"]
    assert kinds(alarmd, "--kind", "log", "--limit", "1", "--device", "cam2") == ["log"]
    assert kinds(alarmd, "--since", "1h", "--kind", "log") == ["log", "log"]
    assert kinds(alarmd, "--until", "1h") == []
    assert kinds(alarmd, "--since", "1970-01-01", "--until", "2 h ago") == []


def test_no_event_is_said_in_words(alarmd: Alarmd, busy: RunningHouse) -> None:
    assert alarmd("events", "--kind", "error").err == "No such events.\n"


def test_an_unknown_kind_is_refused_with_those_there_are(alarmd: Alarmd, house: RunningHouse) -> None:
    ended = alarmd("events", "--kind", "noise")
    assert ended.code == exits.WRONG_USAGE
    assert "contact_lost" in ended.err


def test_following_has_no_end(alarmd: Alarmd, house: RunningHouse) -> None:
    assert alarmd("events", "--follow", "--until", "now").code == exits.WRONG_USAGE


def test_nothing_is_followed_without_a_server(alarmd: Alarmd, stopped: Path) -> None:
    assert alarmd("events", "--follow").code == exits.NO_SERVER


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


# A shell that runs the tests in the background has them and their children ignore SIGINT.
HEEDING_CTRL_C = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from alarmd.cli.main import main
main()
"""


class Follower:
    """`alarmd events --follow` in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._lines: dict[str, Queue[str]] = {"out": Queue(), "err": Queue()}
        self._threads = []
        for name, stream in (("out", process.stdout), ("err", process.stderr)):
            assert stream is not None
            self._threads.append(Thread(target=self._read, args=(stream, self._lines[name])))
            self._threads[-1].start()

    @staticmethod
    def _read(stream: Iterator[str], lines: "Queue[str]") -> None:
        for line in stream:
            lines.put(line)

    def end(self) -> None:
        self.process.kill()
        for thread in self._threads:
            thread.join()

    def line(self, name: str = "out") -> str:
        return self._lines[name].get(timeout=PATIENCE)


@contextmanager
def following(*words: str) -> Iterator[Follower]:
    command = [sys.executable, "-u", "-c", HEEDING_CTRL_C, "events", "--follow", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        follower = Follower(process)
        try:
            yield follower
        finally:
            follower.end()


def test_what_happens_is_followed_until_ctrl_c(alarmd: Alarmd, busy: RunningHouse) -> None:
    with following("--kind", "log") as follower:
        assert follower.line().endswith("hello\n")
        assert follower.line().endswith("there\n")
        busy.frame("cam1,LOG,again,0,0,0,0,0")
        assert follower.line().split()[2:] == ["log", "cam1", "again"]
        follower.process.send_signal(signal.SIGINT)
        assert follower.process.wait(PATIENCE) == exits.INTERRUPTED


def test_what_is_followed_as_json_is_one_event_a_line(alarmd: Alarmd, busy: RunningHouse) -> None:
    with following("--json", "--device", "cam1", "--limit", "1") as follower:
        assert json.loads(follower.line())["text"] == "hello"
        busy.frame("cam1,MOAL,gate\u202e,0,0,0,0,0")
        line = follower.line()
        assert line.isascii()
        assert json.loads(line)["kind"] == "alarm_raised"


def test_following_goes_on_over_a_restart_and_misses_nothing(alarmd: Alarmd, state: Path, stack: ExitStack) -> None:
    with running_house(state) as house:
        follower = stack.enter_context(following("--kind", "log"))
        house.frame("cam1,LOG,one,0,0,0,0,0")
        assert "one" in follower.line()
        house.frame("cam1,LOG,two,0,0,0,0,0")
    assert "waiting for it" in follower.line("err")
    with running_house(state) as house:
        house.frame("cam1,LOG,three,0,0,0,0,0")
        assert [follower.line().split()[-1] for _ in range(2)] == ["two", "three"]


def test_an_event_of_a_zone_or_nothing_has_a_line_too(
    alarmd: Alarmd, house: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream is played in this process here, and ended as Ctrl-C does."""
    alarmd.fine("disarm", "home")
    house.frame("cam1,HEARTBEAT,0,0,0,0,0,0")
    house.frame("cam1,MOAL,gate,0,0,0,0,0")
    real = module._print

    def told(asked: object, event: object) -> None:
        real(asked, event)  # type: ignore[arg-type]  # passed on as they came
        if getattr(event, "text", "") == "the last":
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "_print", told)
    monkeypatch.setattr(module, "open_client", busy_meanwhile(house, open_client))
    ended = alarmd("events", "--follow")
    assert ended.code == exits.INTERRUPTED
    lines = ended.out.splitlines()
    assert lines[0].split()[2:4] == ["server_started", "-"]
    assert lines[1].split()[2:4] == ["zone_changed", "home"]
    assert any(line.endswith("gate  (alarm 1)") for line in lines)
    assert lines[-1].endswith("the last")


def busy_meanwhile(house: RunningHouse, really: object) -> object:
    """Something happens between the listing and the stream."""

    def opened(path: Path) -> object:
        house.frame("cam1,LOG,the last,0,0,0,0,0")
        return really(path)  # type: ignore[operator]  # it is

    return opened


def test_too_many_followers_are_refused_in_words(
    alarmd: Alarmd, house: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alarmd.web.wakeups.MAX_SEATS", 0)
    ended = alarmd("events", "--follow")
    assert ended.code == exits.FAILED
    assert "wait already" in ended.err


def test_a_long_past_is_followed_in_pages(alarmd: Alarmd, busy: RunningHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_events, "FOLLOW_PAGE", 1)
    with following("--kind", "log", "--limit", "1") as follower:
        assert "there" in follower.line()
        for text in ("one", "two", "three"):
            busy.frame(f"cam1,LOG,{text},0,0,0,0,0")
        assert [follower.line().split()[-1] for _ in range(3)] == ["one", "two", "three"]


def test_a_reader_that_went_away_ends_it_quietly(alarmd: Alarmd, busy: RunningHouse) -> None:
    """As `alarmd events | head -1` does."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        ended = subprocess.run(
            [sys.executable, "-m", "alarmd", "events"], stdout=pipe, stderr=subprocess.PIPE, check=False
        )
    assert (ended.returncode, ended.stderr) == (1, b"")
