import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import alarmd as package
from alarmd.adapters import exit_codes
from alarmd.cli import exits, main
from tests.cli.conftest import Alarmd
from tests.running_house import RunningHouse


def commands(group: click.Group = main.cli, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command there is, with the words it is called by."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


EVERY = dict(commands())
OURS = {path: command for path, command in EVERY.items() if path[0] not in main.SECTIONS["The server"]}


def example_lines(command: click.Command) -> list[list[str]]:
    """The words of each example, without what a shell or a reader does with it."""
    lines = [line for line in (command.epilog or "").splitlines() if line.startswith("  alarmd ")]
    spoken = (re.split(r"\s{2,}| [|<>&]|>/dev", line.strip())[0] for line in lines)
    return [shlex.split(line)[1:] for line in spoken]


EXAMPLES = [words for command in (main.cli, *OURS.values()) for words in example_lines(command)]


def test_help_teaches_with_examples_and_exit_codes(alarmd: Alarmd) -> None:
    shown = alarmd.fine("--help").out
    assert "alarmd alarms ack 7" in shown
    for code, meaning in exits.MEANINGS.items():
        assert re.search(rf"^ +{code} +{re.escape(meaning)}$", shown, re.MULTILINE)


def test_the_exit_codes_are_those_of_the_server_too() -> None:
    those = {value for value in vars(exit_codes).values() if isinstance(value, int)}
    assert those <= set(exits.MEANINGS)


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_has_help(alarmd: Alarmd, path: tuple[str, ...]) -> None:
    ended = alarmd.fine(*path, "--help")
    assert ended.out.startswith(f"Usage: alarmd {' '.join(path)}")
    assert EVERY[path].get_short_help_str()


@pytest.mark.parametrize("path", [path for path, command in OURS.items() if not isinstance(command, click.Group)])
def test_every_command_has_an_example(path: tuple[str, ...]) -> None:
    assert example_lines(OURS[path])


@pytest.mark.parametrize("words", EXAMPLES, ids=" ".join)
def test_examples_are_right_usage(words: list[str]) -> None:
    context = main.cli.make_context("alarmd", list(words))
    while isinstance(context.command, click.Group) and (rest := [*context._protected_args, *context.args]):
        name, command, arguments = context.command.resolve_command(context, rest)
        assert command is not None
        context = command.make_context(name, arguments, parent=context)


@pytest.mark.parametrize("path", OURS, ids=" ".join)
def test_json_is_understood_by_every_command(path: tuple[str, ...]) -> None:
    assert "--json" in {option for parameter in OURS[path].params for option in parameter.opts}


def test_json_may_be_said_before_and_after(alarmd: Alarmd, house: RunningHouse) -> None:
    before, after = alarmd.fine("--json", "alarms"), alarmd.fine("alarms", "--json")
    assert before.json == after.json == {"alarms": []}


def test_help_does_not_load_the_libraries_of_the_server() -> None:
    code = "import sys, alarmd.cli.main as main; main.run(['--help']); print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(shown.splitlines()[-1].split())
    assert not loaded & {"twisted", "sqlalchemy", "fastapi", "httpx", "rich", "pydantic"}
    assert "alarmd.cli.main" in loaded


def test_it_runs_as_a_module() -> None:
    ended = subprocess.run([sys.executable, "-m", "alarmd", "--version"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, f"alarmd {package.__version__}\n")


def test_main_ends_the_process_with_the_code(alarmd: Alarmd) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["alarms"])
    assert ended.value.code == exits.NO_SERVER


def test_wrong_usage_is_one_line_that_names_the_help(alarmd: Alarmd) -> None:
    ended = alarmd("device", "show")
    assert ended.code == exits.WRONG_USAGE
    assert ended.err == "alarmd: Missing argument 'NAME'; see `alarmd device show --help`\n"


def test_wrong_usage_is_json_when_asked_for(alarmd: Alarmd) -> None:
    ended = alarmd("events", "--since", "soon", "--json")
    assert ended.code == exits.WRONG_USAGE
    assert (ended.error["reason"], ended.error["field"]) == ("usage", "since")
    assert "write 2h" in ended.error["message"]


def test_an_unknown_command_is_wrong_usage(alarmd: Alarmd) -> None:
    ended = alarmd("divces")
    assert ended.code == exits.WRONG_USAGE
    assert "divces" in ended.err
    assert ended.err.count("\n") == 1


def test_an_error_never_steers_the_terminal(alarmd: Alarmd) -> None:
    ended = alarmd("\x1b[2J\nfake")
    assert "\x1b" not in ended.err
    assert ended.err.count("\n") == 1


def test_a_configuration_with_mistakes_tells_all_of_them(alarmd: Alarmd, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("[lfcp]\nport = 99999\n[http]\nport = -1\n")
    ended = alarmd("--config", str(file), "devices")
    assert ended.code == exits.WRONG_USAGE
    assert "lfcp.port" in ended.err
    assert "http.port" in ended.err
    assert ended.err.count("\n") == 1


def test_the_configuration_may_be_named_before_or_after(alarmd: Alarmd, tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text("[lfcp]\nport = 18443\n")
    for words in (("--config", str(file), "check-config"), ("check-config", "--config", str(file))):
        assert "port 18443" in alarmd.fine(*words).out


def test_ctrl_c_is_told_by_the_exit_code(alarmd: Alarmd, house: RunningHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_what: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("alarmd.cli.devices.print_table", interrupted)
    assert alarmd("devices").code == exits.INTERRUPTED


def test_a_defect_is_told_whole_and_by_its_exit_code(
    alarmd: Alarmd, house: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("alarmd.cli.devices.print_table")
    ended = alarmd("devices")
    assert ended.code == exit_codes.INTERNAL
    assert "NameError" in ended.err


@pytest.mark.parametrize("group", [(), ("device",), ("operator",)])
def test_a_group_without_a_command_shows_its_help(alarmd: Alarmd, group: tuple[str, ...]) -> None:
    ended = alarmd(*group)
    assert (ended.code, ended.out) == (exits.WRONG_USAGE, "")
    assert ended.err.startswith("Usage: alarmd ")
    assert "\n  -h, --help " in ended.err
