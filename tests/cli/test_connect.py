"""`alarmd connect`: what it is told, what it shows, and how it ends without a connection. tests/end_to_end connects."""

import json
import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from alarmd.adapters import exit_codes
from alarmd.cli import exits
from alarmd.cli.connect import default_memory
from alarmd.cli.connect_shown import Shown, failure_of
from alarmd.device import connecting
from alarmd.device.connecting import Ended, How, Operator, Wanted
from alarmd.device.memory_file import MemoryFile
from alarmd.device.simulator import Server
from lfcp.authenticator import key_as_text
from lfcp.candidates import Address, Kind
from lfcp.client.punching_steps import PathChanged
from lfcp.constants import RendezvousReason
from tests.cli.conftest import Alarmd
from tests.cli.conftest import Ended as EndedCommand

KEY = bytes(range(32))
RELAYED = PathChanged(None, None, None)
DIRECT = PathChanged(Address("192.0.2.7", 4000), Kind.PUBLIC, 0.0123)
CAM1 = Wanted("cam1")
ANNA = Operator("anna", KEY, (Server("192.0.2.10", 8443, "A"), Server("192.0.2.11", 8443, "B")))


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    file = tmp_path / "anna.key"
    file.write_text(key_as_text(KEY) + "\n")
    file.chmod(0o600)
    return str(file)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def state_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "mine"))
    return tmp_path / "mine"


def silent_server() -> tuple[socket.socket, str]:
    """A port at which nobody answers."""
    held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    held.bind(("127.0.0.1", 0))
    return held, f"A=127.0.0.1:{held.getsockname()[1]}"


def refused(ended: EndedCommand) -> tuple[int, str]:
    return ended.code, ended.error["field"]


def test_each_path_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(CAM1, in_json=False)
    shown.listening(40123)
    for path in (RELAYED, RELAYED._replace(round_trip=0.05), DIRECT, DIRECT._replace(round_trip=0.02), RELAYED):
        shown.path(path, 0.25)
    shown.end()
    assert capsys.readouterr().out.splitlines() == [
        "127.0.0.1 port 40123 is cam1's LFCP, until Ctrl-C",
        "cam1 is reached through the server",
        "cam1 is reached directly at 192.0.2.7:4000, through NATs, 12 ms",
        "cam1 is reached through the server",
    ]


def test_on_a_terminal_one_line_is_written_over(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = Shown(Wanted("cam1", 5004), in_json=False)
    shown.listening(5004)
    shown.path(RELAYED, 0.25)
    shown.path(DIRECT._replace(kind=Kind.HOST), 0.25)
    shown.end()
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first == "127.0.0.1 port 5004 is cam1's UDP port 5004, until Ctrl-C"
    assert second == ""


def test_a_program_gets_a_line_of_json_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(CAM1, in_json=True)
    shown.listening(40123)
    shown.path(RELAYED, 0.25)
    shown.path(DIRECT, 0.25)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"event": "listening", "device": "cam1", "udp_port": 0, "address": "127.0.0.1:40123"},
        {"event": "path", "after": 0.25, "path": "relay", "kind": None, "address": None, "round_trip": None},
        {
            "event": "path",
            "after": 0.25,
            "path": "direct",
            "kind": "public",
            "address": "192.0.2.7:4000",
            "round_trip": 0.0123,
        },
    ]


def test_the_first_path_and_a_direct_one_are_told_to_who_waits_for_them() -> None:
    heard: list[str] = []
    shown = Shown(CAM1, in_json=False)
    shown.when_known(lambda: heard.append("direct"), lambda: heard.append("first"))
    for path in (RELAYED, DIRECT._replace(round_trip=None), DIRECT):
        shown.path(path, 0.25)
    assert heard == ["first", "direct"]


@pytest.mark.parametrize("reason", RendezvousReason)
def test_every_refusal_is_told_in_words_with_what_to_do(reason: RendezvousReason) -> None:
    failure = failure_of(Ended(How.REFUSED, reason, "A"), Wanted("cam1", 5004), ANNA)
    assert (failure.code, failure.reason) == (exits.FAILED, reason)
    assert failure.message.startswith("server A: ")
    assert str(reason) == "ended" or f": {reason}" not in failure.message, "a code is no sentence"


def test_a_reason_of_a_later_server_is_told_as_it_is() -> None:
    failure = failure_of(Ended(How.REFUSED, "full_moon\x1b", "A"), CAM1, ANNA)
    assert "cam1 cannot be connected with: full_moon\\x1b" in failure.message


@pytest.mark.parametrize(
    ("ended", "code", "reason", "words"),
    [
        (Ended(How.SILENT), exits.NO_SERVER, "no_answer", "192.0.2.10 port 8443, 192.0.2.11 port 8443"),
        (Ended(How.UNANSWERED), exits.NO_SERVER, "no_answer", "try again"),
        (Ended(How.OVER, "ended", "A"), exits.ENDED, "ended", "the server ended it"),
        (Ended(How.OVER, "ended"), exits.ENDED, "ended", "cam1 ended it"),
        (Ended(How.OVER, "silent"), exits.ENDED, "ended", "nothing was heard of cam1"),
    ],
)
def test_every_end_has_its_code_and_its_words(ended: Ended, code: int, reason: str, words: str) -> None:
    failure = failure_of(ended, CAM1, ANNA)
    assert (failure.code, failure.reason) == (code, reason)
    assert words in failure.message


def test_a_server_that_says_nothing_is_told_of(alarmd: Alarmd, key_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "PATIENCE", 0.1)
    held, server = silent_server()
    with held:
        ended = alarmd("connect", "cam1", "--server", server, "--name", "anna", "--key-file", key_file, "--json")
    assert (ended.code, ended.error["reason"]) == (exits.NO_SERVER, "no_answer")
    assert "127.0.0.1 port" in ended.error["message"]
    assert json.loads(ended.out)["event"] == "listening"
    assert key_as_text(KEY) not in ended.out + ended.err


def test_the_configuration_says_what_the_command_does_not(
    alarmd: Alarmd, tmp_path: Path, key_file: str, monkeypatch: pytest.MonkeyPatch, state_of_the_user: Path
) -> None:
    monkeypatch.setattr(connecting, "PATIENCE", 0.1)
    held, server = silent_server()
    (tmp_path / "alarmd.toml").write_text(
        f'[connect]\nservers = ["{server}"]\nname = "anna"\nkey_file = "{key_file}"\n'
    )
    with held:
        assert alarmd("connect", "cam1").code == exits.NO_SERVER
    assert default_memory("anna").is_file()
    assert default_memory("anna").is_relative_to(state_of_the_user)


def test_time_that_is_over_is_no_failure(alarmd: Alarmd, key_file: str) -> None:
    held, server = silent_server()
    with held:
        alarmd.fine("connect", "cam1", "--server", server, "--name", "anna", "--key-file", key_file, "--for", "0.1")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--key-file", "KEY", "--server", "192.0.2.1"), "--name, or connect.name"),
        (("--name", "anna", "--server", "192.0.2.1"), "--key-file, or connect.key_file"),
        (("--name", "anna", "--key-file", "KEY"), "--server, or connect.servers"),
        (("--name", "no name", "--key-file", "KEY", "--server", "192.0.2.1"), "letters, digits"),
        (("--name", "anna", "--key-file", "KEY", "--server", "x:99999"), "is no server"),
        (
            ("--name", "anna", "--key-file", "KEY", "--server", "192.0.2.1", "--server", "192.0.2.2"),
            "need their labels",
        ),
        (("--name", "anna", "--key-file", "KEY", "--server", "192.0.2.1", "--udp-port", "0"), "1<=x<=65535"),
    ],
)
def test_what_is_missing_is_named(alarmd: Alarmd, key_file: str, words: tuple[str, ...], told: str) -> None:
    ended = alarmd("connect", "cam1", *(key_file if word == "KEY" else word for word in words))
    assert ended.code == exits.WRONG_USAGE
    assert told in ended.err


def test_a_key_file_must_be_one_and_private(alarmd: Alarmd, tmp_path: Path, key_file: str) -> None:
    words = ("connect", "cam1", "--server", "192.0.2.1", "--name", "anna", "--json", "--key-file")
    assert refused(alarmd(*words, "nowhere.key")) == (exits.WRONG_USAGE, "key_file")
    Path(key_file).chmod(0o644)
    assert "chmod 600" in alarmd(*words, key_file).error["message"]
    other = tmp_path / "other.key"
    other.touch(0o600)
    other.write_text("no key")
    assert "does not hold one key, 43 letters" in alarmd(*words, str(other)).error["message"]


def test_one_operator_connects_once_at_a_time(alarmd: Alarmd, key_file: str, tmp_path: Path) -> None:
    words = ("connect", "cam1", "--server", "192.0.2.1", "--name", "anna", "--key-file", key_file, "--json")
    memory = MemoryFile(tmp_path / "anna")
    ended = alarmd(*words, "--memory", str(tmp_path / "anna"))
    memory.close()
    assert (ended.code, ended.error["reason"]) == (exits.FAILED, "in_use")
    assert "add another operator" in ended.error["message"]
    (tmp_path / "file").touch()
    assert refused(alarmd(*words, "--memory", str(tmp_path / "file" / "anna"))) == (exit_codes.CANNOT_CREATE, "memory")
    (tmp_path / "broken").write_text("{")
    assert refused(alarmd(*words, "--memory", str(tmp_path / "broken"))) == (exit_codes.UNUSABLE_DATA, "memory")


def test_a_port_that_is_taken_is_told(alarmd: Alarmd, key_file: str) -> None:
    held, _ = silent_server()
    words = ("connect", "cam1", "--server", "192.0.2.1", "--name", "anna", "--key-file", key_file, "--json", "--listen")
    with held:
        ended = alarmd(*words, str(held.getsockname()[1]))
    assert refused(ended) == (exit_codes.UNAVAILABLE, "listen")


def test_a_server_without_an_address_is_told(alarmd: Alarmd, key_file: str) -> None:
    words = ("--server", "nowhere.invalid", "--name", "anna", "--key-file", key_file, "--json")
    assert refused(alarmd("connect", "cam1", *words)) == (exits.FAILED, "server")
