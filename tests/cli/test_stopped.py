"""What the command line does while no server runs, or one that is in its way."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alarmd.adapters import exit_codes
from alarmd.cli import client as module
from alarmd.cli import exits
from tests.cli.conftest import Alarmd
from tests.needs import need
from tests.running_house import RunningHouse

SAID = "alarmd: no server runs here; this is what its database holds\n"
WRITES = (
    ("device", "adopt", "cam1"),
    ("device", "set", "cam1", "zone=home"),
    ("device", "forget", "cam1"),
    ("site", "set", "home", "--time-zone", "UTC"),
    ("zone", "set", "gate", "--site", "home"),
    ("arm", "home"),
    ("disarm", "home"),
    ("alarms", "ack", "1"),
    ("alarms", "clear", "--all"),
    ("send", "cam1", "TLGS"),
    ("status",),
)


@pytest.mark.parametrize("what", ["devices", "sites", "zones", "events", "alarms"])
def test_reads_come_from_the_database_and_say_so(alarmd: Alarmd, stopped: Path, what: str) -> None:
    for words in ((what,), (what, "--json")):
        ended = alarmd(*words)
        assert (ended.code, ended.err) == (0, SAID)
    assert ended.json[what]


def test_a_device_is_shown_from_the_database(alarmd: Alarmd, stopped: Path) -> None:
    ended = alarmd("device", "show", "cam1", "--json")
    assert (ended.code, ended.err) == (0, SAID)
    assert (ended.json["name"], ended.json["live"]) == ("cam1", None)
    ended = alarmd("device", "show", "cam9", "--json")
    assert (ended.code, ended.error["reason"]) == (exits.FAILED, "unknown_device")


def test_the_database_is_filtered_as_the_server_does(alarmd: Alarmd, stopped: Path) -> None:
    events = alarmd("events", "--device", "cam1", "--kind", "motion", "--since", "1h", "--json").json["events"]
    assert [event["text"] for event in events] == ["garden_gate"]
    assert alarmd("alarms", "--device", "cam2", "--json").json == {"alarms": []}


def test_no_reading_changes_the_database(alarmd: Alarmd, stopped: Path) -> None:
    def contents() -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in stopped.glob("alarmd.sqlite") if file.is_file()}

    before = contents()
    alarmd("devices")
    alarmd("events")
    assert contents() == before


@pytest.mark.parametrize("words", WRITES, ids=" ".join)
def test_writes_are_refused_with_the_fix(alarmd: Alarmd, stopped: Path, words: tuple[str, ...]) -> None:
    ended = alarmd(*words)
    assert ended.code == exits.NO_SERVER
    assert ended.err == f"alarmd: no server runs here ({stopped}/control.sock); start it with `alarmd serve`\n"
    assert alarmd(*words, "--json").error["reason"] == "no_server"


def test_a_socket_left_by_a_killed_server_is_no_server(alarmd: Alarmd, stopped: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(stopped / "control.sock"))
    assert alarmd("devices").err == SAID
    assert alarmd("arm", "home").code == exits.NO_SERVER


def test_before_the_first_start_there_is_nothing_to_read(alarmd: Alarmd, state: Path) -> None:
    ended = alarmd("devices")
    assert ended.code == exits.NO_SERVER
    assert f"there is no database at {state}/alarmd.sqlite yet; `alarmd serve` makes it" in ended.err
    assert list(state.iterdir()) == []


def test_a_broken_database_has_the_servers_exit_code(alarmd: Alarmd, state: Path) -> None:
    (state / "alarmd.sqlite").write_bytes(b"this is no database" * 1000)
    ended = alarmd("devices")
    assert ended.code == exit_codes.UNUSABLE_DATA
    assert ended.err.count("\n") == 1


def test_a_database_that_does_not_answer_has_the_servers_exit_code(
    alarmd: Alarmd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALARMD_STORAGE_URL", "postgresql://anna:secret@127.0.0.1:1/alarmd")
    ended = alarmd("devices")
    assert ended.code == exit_codes.STORAGE_FAILED
    assert "secret" not in ended.err


def test_a_database_that_fails_while_it_is_read_has_that_code_too(
    alarmd: Alarmd, stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = module.server_runs

    def spoiled(path: Path) -> bool:
        (stopped / "alarmd.sqlite").write_bytes((stopped / "alarmd.sqlite").read_bytes()[:8192])
        return real(path)

    monkeypatch.setattr("alarmd.cli.sources.server_runs", spoiled)
    assert alarmd("events").code in (exit_codes.UNUSABLE_DATA, exit_codes.STORAGE_FAILED)


def test_postgresql_is_read_too(alarmd: Alarmd, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALARMD_STORAGE_URL", postgresql_url)
    ended = alarmd("devices", "--json")
    assert (ended.code, ended.err) == (0, SAID)
    assert ended.json == {"unknown_devices": "admit", "devices": [], "next": None}


def test_a_url_that_cannot_be_read_is_a_mistake_of_the_configuration(
    alarmd: Alarmd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALARMD_STORAGE_URL", "sqlite:////tmp/alarmd.sqlite?cache=shared")
    ended = alarmd("devices")
    assert ended.code == exits.WRONG_USAGE
    assert "storage.url" in ended.err


def test_with_a_socket_named_no_database_is_guessed(alarmd: Alarmd, stopped: Path, tmp_path: Path) -> None:
    ended = alarmd("--socket", str(tmp_path / "other.sock"), "devices")
    assert ended.code == exits.NO_SERVER
    assert "other.sock" in ended.err


def test_a_named_socket_is_asked(alarmd: Alarmd, house: RunningHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALARMD_SERVER_STATE_DIRECTORY", "/nowhere")
    assert alarmd.fine("alarms", "--socket", str(house.control_socket), "--json").json == {"alarms": []}


def test_a_socket_of_another_user_is_told(alarmd: Alarmd, house: RunningHouse) -> None:
    need(hasattr(os, "seteuid") and os.geteuid() == 0, "root, to become another user")
    os.seteuid(65534)
    try:
        ended = alarmd("devices", "--socket", str(house.control_socket), "--json")
    finally:
        os.seteuid(0)
    assert (ended.code, ended.error["reason"], ended.error["field"]) == (exits.FAILED, "forbidden", "socket")
    assert "sudo -u alarmd" in ended.error["message"]


def test_a_path_too_long_for_a_socket_is_told(alarmd: Alarmd, tmp_path: Path) -> None:
    ended = alarmd("devices", "--socket", str(tmp_path / ("long" * 50)))
    assert ended.code == exits.FAILED
    assert "too long" in ended.err


@contextmanager
def answering(path: Path, *answers: bytes) -> Iterator[None]:
    """Something that is no alarmd listens there. The first connection is the look whether a server runs."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            for answer in (b"", *answers):
                connection, _ = listening.accept()
                with connection:
                    if answer:
                        connection.recv(65536)
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "cannot be read"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nhello", "HTTP status 502"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n[]", "HTTP status 404"),
        (b"nonsense\r\n\r\n", "did not answer"),
    ],
)
def test_what_is_no_alarmd_is_told_in_one_line(alarmd: Alarmd, state: Path, answer: bytes, words: str) -> None:
    with answering(state / "control.sock", answer):
        ended = alarmd("alarms")
    assert ended.code == exits.FAILED
    assert words in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("user", "operator"),
    [("anna", "anna"), ("домовой", "cli"), ("_alarm d", "alarm_d"), ("a" * 40, "a" * 32)],
)
def test_the_operators_name_is_one_that_the_server_takes(
    user: str, operator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", user)
    assert module.operator() == operator


def test_a_user_without_a_name_is_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert module.operator() == module.NO_OPERATOR
