"""lfcp-device as a program: its options, its key, its console, its end; and the examples beside it."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from lfcp import Verb
from tests.firmware.building import FIRMWARE
from tests.firmware.running_device import JPEG, KEY, NAME, Camera, key_file, run, running, signed
from tests.firmware.signing_server import SigningServer
from tests.needs import need_program
from tests.serving import LOOPBACK, served
from tests.waiting import wait_until

TOKEN = "123456:AA-secret_token"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--name"),
        (["--name", "a b", "--server", "A=h:1"], "--name"),
        (["--name", NAME], "--server"),
        (["--name", NAME, "--server", "h:1"], "--server"),
        (["--name", NAME, "--server", "A=h"], "--server"),
        (["--name", NAME, "--server", "A=h:1", "--server", "A=i:1"], "--server"),
        (["--name", NAME, "--server", "A=h:1", "--server", "B=h:1", "--server", "C=h:1"], "--server"),
        (["--name", NAME, "--server", "A=h:1", "--interval", "0"], "--interval"),
        (["--name", NAME, "--server", "A=h:1", "--interval"], "--interval"),
        (["--name", NAME, "--server", "A=h:1", "--tcp=yes"], "--tcp"),
        (["--name", NAME, "--server", "A=h:1", "--key-file", "k"], "--state"),
        (["--name", NAME, "--server", "A=h:1", "--failover", "h:1"], "--on-picture"),
        (["--name", NAME, "--server", "A=h:1", "--failover", "h"], "--failover"),
        (["--name", NAME, "--server", "A=h:1", "--key-file", "k", "--state", "s", "--plain-heartbeats"], "--plain"),
        (["--name", NAME, "--server", "A=h:1", "--on-picture", "/dev/null"], "--on-picture"),
        (["--name", NAME, "--server", "A=h:1", "--picture", "/no/such"], "--picture"),
        (["--name", NAME, "--server", "A=h:1", "--live-rate", "0"], "--live-rate"),
        (["--key", "secret"], "--key"),
    ],
)
def test_wrong_usage_names_the_option_and_the_way_out(lfcp_device: Path, arguments: list[str], named: str) -> None:
    done = run(lfcp_device, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"lfcp-device: {named}")
    assert "--help" in done.stderr
    assert "Sanitizer" not in done.stderr


def test_help_teaches_every_option_and_order(lfcp_device: Path) -> None:
    done = run(lfcp_device, "--help")
    assert done.returncode == 0
    options = ("--name", "--server", "--key-file", "--state", "--interval", "--sleep", "--picture", "--on-picture")
    orders = ("motion", "log", "err", "sleep", "status", "quit")
    for word in (*options, "--live-rate", "--failover", "--tcp", "--plain-heartbeats", *orders):
        assert word in done.stdout


def test_a_key_that_others_may_read_is_refused(lfcp_device: Path, tmp_path: Path) -> None:
    key = key_file(tmp_path, KEY)
    key.chmod(0o640)
    done = run(lfcp_device, "--name", NAME, "--server", "A=h:1", "--state", str(tmp_path / "s"), "--key-file", str(key))
    assert done.returncode == 2
    assert "chmod 600" in done.stderr
    assert KEY not in done.stderr


def test_what_is_no_key_is_refused_and_not_shown(lfcp_device: Path, tmp_path: Path) -> None:
    key = key_file(tmp_path, "hunter2")
    done = run(lfcp_device, "--name", NAME, "--server", "A=h:1", "--state", str(tmp_path / "s"), "--key-file", str(key))
    assert done.returncode == 2
    assert "no key" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_key_may_come_on_stdin_before_the_orders(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    options = ("--name", NAME, "--key-file", "-", "--state", str(tmp_path / "state"), *server.option)
    with running(lfcp_device, tmp_path, *options) as device:
        device.order(f"{KEY}\nmotion gate")
        server.until(lambda: server.of(Verb.MOAL), "the alarm")


def test_a_state_directory_belongs_to_one_device(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    with running(lfcp_device, tmp_path, *signed(tmp_path, server)) as device:
        device.wait_for("started")
        done = run(lfcp_device, *signed(tmp_path, server))
        assert done.returncode == 1
        assert "another device" in done.stderr


def test_a_state_directory_that_is_none_ends_it(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    (tmp_path / "state").touch()
    done = run(lfcp_device, *signed(tmp_path, server))
    assert done.returncode == 1
    assert "--state" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_as_asked(lfcp_device: Path, tmp_path: Path, server: SigningServer, how: signal.Signals) -> None:
    with running(lfcp_device, tmp_path, *signed(tmp_path, server)) as device:
        device.wait_for("started")
        assert device.stop(how) == 0
        assert device.lines[-1] == "stopped"


def test_it_does_not_end_with_its_stdin(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    with running(lfcp_device, tmp_path, *signed(tmp_path, server)) as device:
        assert device.process.stdin is not None
        device.process.stdin.close()
        server.until(server.proven, "a proof of life")
        assert device.process.poll() is None


def test_orders_that_it_does_not_understand_are_said(lfcp_device: Path, tmp_path: Path, server: SigningServer) -> None:
    with running(lfcp_device, tmp_path, *signed(tmp_path, server)) as device:
        device.order("dance")
        device.order("sleep now")
        device.order("x" * 1000)
        device.order("log " + "y" * 300)
        device.order("status")
        device.wait_for("status awake detector on camera on failover off")
        assert device.said("not understood") == 2
        device.order("quit")
        assert device.process.wait(60) == 0


def test_a_signal_while_a_picture_is_sent_ends_its_program(
    lfcp_device: Path, tmp_path: Path, server: SigningServer
) -> None:
    camera = Camera(tmp_path, "one.jpg")
    camera.program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 1000\n")
    with running(lfcp_device, tmp_path, *signed(tmp_path, server, *camera.options)) as device:
        server.until(server.proven, "a proof of life")
        server.push("A.1", Verb.TLGS)
        wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), "its program")
        assert device.stop() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_program_that_cannot_be_run_fails_the_command(
    lfcp_device: Path, tmp_path: Path, server: SigningServer
) -> None:
    camera = Camera(tmp_path, "one.jpg")
    with running(lfcp_device, tmp_path, *signed(tmp_path, server, *camera.options)):
        server.until(server.proven, "a proof of life")
        camera.program.unlink()
        server.push("A.1", Verb.TLGS)
        server.until(lambda: server.of(Verb.ERR), "the ERR")
        assert server.of(Verb.ERR)[0].message.params[0] == "the program cannot be run"


def test_the_smallest_device_rings_at_the_real_server(sanitized_program: Callable[[str], Path], tmp_path: Path) -> None:
    bell = sanitized_program("examples/lfcp-doorbell")
    with served(tmp_path) as alarmd:
        with running(bell, tmp_path, "bell1", LOOPBACK, str(alarmd.lfcp_port)) as device:
            device.order("")
            device.wait_for("the server has ring 1")
        (alarm,) = alarmd.told("alarms")["alarms"]
        assert (alarm["device"], alarm["text"]) == ("bell1", "the doorbell")


class _BotApi(BaseHTTPRequestHandler):
    """Keeps what is sent to it, in the server's `got`."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Not on the tests' stderr."""


def test_the_example_sends_a_picture_to_telegram(tmp_path: Path) -> None:
    need_program("curl", "curl")
    script = FIRMWARE / "examples" / "send_to_telegram.sh"
    picture = tmp_path / "a picture.jpg"
    picture.write_bytes(JPEG)
    api = HTTPServer((LOOPBACK, 0), _BotApi)
    got: list[tuple[str, bytes]] = []
    api.got = got  # type: ignore[attr-defined]
    thread = threading.Thread(target=api.handle_request)
    thread.start()
    secrets = {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_CHAT": "-100", "LFCP_NAME": NAME, "LFCP_TEXT": "stairs"}
    environ = os.environ | secrets | {"TELEGRAM_API": f"http://{LOOPBACK}:{api.server_port}"}
    done = subprocess.run([script, picture], env=environ, capture_output=True, text=True, timeout=60, check=False)
    thread.join(60)
    api.server_close()
    assert (done.returncode, done.stderr) == (0, "")
    ((path, body),) = got
    assert path == f"/bot{TOKEN}/sendPhoto"
    for piece in (b"-100", b"cam1 stairs", JPEG):
        assert piece in body


def test_the_example_says_when_it_knows_no_bot(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TELEGRAM_")}
    script = FIRMWARE / "examples" / "send_to_telegram.sh"
    done = subprocess.run([script, tmp_path], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "TLGC" in done.stderr
