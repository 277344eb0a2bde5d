"""A real server in a process of its own, on ports that the system chooses, as a person would run it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.waiting import wait_until

LIMIT = 60.0  # s
LOOPBACK = "127.0.0.1"


def environment(directory: Path, **settings: str) -> dict[str, str]:
    """Nothing of this machine's configuration; settings: LFCP_PORT="1" and the like."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ALARMD_", "XDG_"))}
    chosen = {
        "SERVER_STATE_DIRECTORY": str(directory / "state"),
        "LFCP_ADDRESSES": LOOPBACK,
        "LFCP_PORT": "0",
        "OPERATOR_PORT": "0",
        "HTTP_PORT": "0",
        "INGEST_ADDRESSES": LOOPBACK,
        "INGEST_PORT": "0",
        "LOGGING_FORMAT": "json",
    } | settings
    ours = {f"ALARMD_{name}": value for name, value in chosen.items()}
    return inherited | {"HOME": str(directory)} | ours


def alarmd(directory: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """A command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "alarmd", *arguments],
        env=environment(directory, **settings),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


class Served:
    """Use `served`. Ports are those of the running server; they change with a restart."""

    command_line: Sequence[str] = (sys.executable, "-m", "alarmd", "serve")

    def __init__(self, directory: Path, settings: dict[str, str], environ: dict[str, str]) -> None:
        self.directory = directory
        self.state = directory / "state"
        self.environ = environment(directory, **settings) | environ
        self._log = directory / "log"

    def start(self) -> None:
        self.launch()
        self.wait_until_started()

    def launch(self) -> None:
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                self.command_line,
                env=self.environ,
                cwd=self.directory,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def wait_until_started(self) -> None:
        wait_until(lambda: self.logged("database") or self.process.poll() is not None, "the start")
        assert self.process.poll() is None, self._log.read_text()
        self.lfcp_port = self._port("devices: LFCP over UDP and TCP")
        self.operator_port = self._port("operators: CSV over UDP and TCP")
        self.http_port = self._port("operators: HTTP")
        self.ingest_port = self._port("cameras: uploads over HTTP")

    def log_text(self) -> str:
        return self._log.read_text()

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Log lines that say so; a line that is still being written is not looked at."""
        lines = self._log.read_text().splitlines(keepends=True)
        entries = [json.loads(line) for line in lines if line.endswith("\n") and line.startswith("{")]
        return [entry for entry in entries if entry["event"] == event]

    def ask(self, line: bytes, port: int | None = None) -> bytes:
        """One datagram, by default a device's, and its answer."""
        with self.device() as device:
            device.sendto(line, (LOOPBACK, self.lfcp_port if port is None else port))
            return device.recv(65_536)

    def command(self, *words: str) -> str:
        """What the command line prints to a person; it must succeed."""
        done = self.try_command(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def try_command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "alarmd", *words]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=LIMIT, check=False)

    def told(self, *words: str) -> Any:
        """What the command line tells a program."""
        return json.loads(self.command("--json", *words))

    def device(self) -> socket.socket:
        device = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        device.settimeout(LIMIT)
        return device

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.http_port}{path}", timeout=LIMIT) as answer:
            text: str = answer.read().decode()
            return text

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(LIMIT)

    def _port(self, event: str) -> int:
        (address,) = self.logged(event)[0]["addresses"]
        found = re.search(r" port (\d+)$", address)
        assert found is not None
        return int(found[1])


@contextmanager
def served(directory: Path, environ: dict[str, str] | None = None, **settings: str) -> Iterator[Served]:
    """environ: variables besides the settings."""
    server = Served(directory, settings, environ or {})
    try:
        server.start()
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait(LIMIT)
