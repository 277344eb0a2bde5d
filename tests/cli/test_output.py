"""What people see on a terminal: run on one."""

import os
import re
import subprocess
import sys

import pytest

from alarmd.cli.output import LEAST, print_table
from tests.cli.conftest import Alarmd
from tests.running_house import PATIENCE, RunningHouse

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(
    *words: str, typed: str = "", after: str = "", columns: int = 200, **environment: str
) -> tuple[int, str]:
    """The exit code, and all that the terminal got. after: what a person waits to see before typing."""
    ours, theirs = os.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    settings = {**kept, "TERM": "xterm-256color", "COLUMNS": str(columns), **environment}
    command = [sys.executable, "-m", "alarmd", *words]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=settings, start_new_session=True
    ) as process:  # in a session of its own: it must not ask at our terminal
        os.close(theirs)
        seen = b""
        while True:
            if typed and after.encode() in seen:
                os.write(ours, typed.encode())
                typed = ""
            try:
                seen += os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
        code = process.wait(PATIENCE)
    os.close(ours)
    return code, seen.decode()


@pytest.fixture
def moved(house: RunningHouse) -> RunningHouse:
    house.frame("cam1,HEARTBEAT,0,0,0,0,0,0")
    house.frame("cam1,MOAL,[red]gate[/red]\u202e,0,0,0,0,0")
    return house


def test_a_table_on_a_terminal_is_in_colour(alarmd: Alarmd, moved: RunningHouse) -> None:
    code, seen = on_terminal("alarms")
    assert code == 0
    assert "\x1b[1;31mraised" in seen
    assert "Kind" in COLOUR.sub("", seen)


def test_colour_can_be_declined(alarmd: Alarmd, moved: RunningHouse) -> None:
    assert "\x1b[1;31m" not in on_terminal("alarms", NO_COLOR="1")[1]


def test_what_came_from_the_wire_steers_no_terminal_and_is_no_markup(alarmd: Alarmd, moved: RunningHouse) -> None:
    for command in ("alarms", "events"):
        seen = COLOUR.sub("", on_terminal(command)[1])
        assert "[red]gate[/red]\\u202e" in seen
        assert "\x1b" not in seen
        assert "\u202e" not in seen


def test_on_a_narrow_terminal_nothing_is_cut_off(alarmd: Alarmd, moved: RunningHouse) -> None:
    seen = COLOUR.sub("", on_terminal("devices", columns=40)[1])
    assert "\u2026" not in seen
    assert re.search(r"^name +cam1\r$", seen, re.MULTILINE)
    assert re.search(r"^last contact +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", seen, re.MULTILINE)


def test_a_terminal_too_narrow_for_columns_gets_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(columns: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        print_table(("name", "zone", "text"), (("cam1", "home", "\a"), ("cam2", "", "")), "Nothing.")
        return capsys.readouterr().out.splitlines()

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert shown(3 * LEAST - 1) == ["name  cam1", "zone  home", "text  \\x07", "", "name  cam2", ""]
    assert " cam1   home   \\x07 " in shown(3 * LEAST)


def test_json_on_a_terminal_is_json(alarmd: Alarmd, moved: RunningHouse) -> None:
    seen = on_terminal("alarms", "--json")[1]
    assert seen.lstrip().startswith("{")
    assert "\x1b" not in seen


@pytest.mark.parametrize(("typed", "left"), [("y\n", 0), ("n\n", 1)])
def test_before_a_device_is_forgotten_a_person_is_asked(
    alarmd: Alarmd, moved: RunningHouse, typed: str, left: int
) -> None:
    _, seen = on_terminal("device", "forget", "cam1", typed=typed)
    assert "Forget cam1?" in seen
    assert len(alarmd.fine("devices", "--json").json["devices"]) == left


def test_a_secret_is_asked_for_and_not_shown(alarmd: Alarmd, house: RunningHouse) -> None:
    alarmd.fine("device", "add", "cam1")
    code, seen = on_terminal("send", "cam1", "PRCC", "-", typed="very-secret\n", after="PRCC, parameter 1: ")
    assert code == 0
    assert "very-secret" not in seen
    assert "cam1 PRCC (command 1) queued" in seen


def test_nobody_is_asked_after_a_yes(alarmd: Alarmd, moved: RunningHouse) -> None:
    code, seen = on_terminal("device", "forget", "cam1", "--yes")
    assert (code, "Forget" in seen) == (0, False)
