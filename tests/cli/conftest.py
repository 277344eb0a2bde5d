"""The command line in this process, with an environment of its own, and a small real server for it to talk to."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alarmd.cli.main import run
from tests.running_house import RunningHouse, running_house


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error of a command with --json: its last line on stderr."""
        return json.loads(self.err.splitlines()[-1])


class Alarmd:
    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *words: str) -> Ended:
        self._capture.readouterr()
        code = run(words)
        return Ended(code, *self._capture.readouterr())

    def fine(self, *words: str) -> Ended:
        """It must end well and have nothing to complain of."""
        ended = self(*words)
        assert (ended.code, ended.err) == (0, ""), ended
        return ended


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state directory."""
    directory = tmp_path / "s"  # short: the path of a socket has little room
    directory.mkdir()
    return directory


@pytest.fixture
def alarmd(tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Alarmd:
    for name in os.environ:
        if name.startswith("ALARMD_") and not name.startswith("ALARMD_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ALARMD_SERVER_STATE_DIRECTORY", str(state))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "anna")
    monkeypatch.chdir(tmp_path)
    return Alarmd(capsys)


@pytest.fixture
def house(state: Path) -> Iterator[RunningHouse]:
    with running_house(state) as house:
        yield house


@pytest.fixture
def stopped(state: Path) -> Path:
    """The state directory of a server that had a device, an alarm and some events, and was stopped."""
    with running_house(state) as house:
        house.frame("cam1,HEARTBEAT,0,0,0,0,0,0")
        house.frame("cam1,MOAL,garden_gate,0,0,0,0,0")
    return state
