"""lfcp-device, run as a person would: its lines, its orders on stdin, its state directory."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lfcp.authenticator import key_as_text
from tests.firmware.signing_server import SigningServer
from tests.waiting import wait_until

LIMIT = 60.0  # s
NAME = "cam1"
KEY = key_as_text(bytes(range(32)))
JPEG = b"\xff\xd8\xff\xe0 not much of a picture"
# Says why it was run and what it was given, then fails if the picture's name asks for it.
ON_PICTURE = """#!/bin/sh
echo "$LFCP_REASON $(basename "$1") $LFCP_NAME ${LFCP_TEXT:--} ${TELEGRAM_TOKEN:--} ${TELEGRAM_CHAT:--} \
${PRUSACONNECT_TOKEN:--}" >> "$(dirname "$0")/runs"
case "$1" in *fails*) exit 3;; esac
"""


class RunningDevice:
    """Use `running`. Its lines are kept over restarts in one file."""

    def __init__(self, program: Path, directory: Path, arguments: Sequence[str]) -> None:
        self._command = [str(program), *arguments]
        self._directory = directory
        self._journal = directory / "journal"
        self._errors = directory / "errors"
        self._journal.touch()
        self.start()

    def start(self) -> None:
        with self._journal.open("ab") as journal, self._errors.open("ab") as errors:
            self.process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=journal, stderr=errors, cwd=self._directory
            )

    @property
    def lines(self) -> list[str]:
        """Whole ones; what the last one will be is not known before its end."""
        text = self._journal.read_text()
        return text[: text.rfind("\n") + 1].splitlines()

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def said(self, line: str) -> int:
        """How often a line begins so."""
        return sum(each.startswith(line) for each in self.lines)

    def wait_for(self, line: str, times: int = 1) -> None:
        wait_until(lambda: self.said(line) >= times or self.process.poll() is not None, line)
        assert self.said(line) >= times, f"{line!r} is not in {self.lines}; {self.errors}"

    def order(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(LIMIT)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(LIMIT)


@contextmanager
def running(program: Path, directory: Path, *arguments: str) -> Iterator[RunningDevice]:
    device = RunningDevice(program, directory, arguments)
    try:
        yield device
    finally:
        if device.process.poll() is None:
            device.kill()
        assert "Sanitizer" not in device.errors, device.errors


class Camera:
    """--picture and --on-picture, and what came of them."""

    def __init__(self, directory: Path, *names: str) -> None:
        self._directory = directory
        self.pictures = directory / "pictures"
        self.pictures.mkdir()
        for name in names:
            (self.pictures / name).write_bytes(JPEG)
        self.program = directory / "on_picture"
        self.program.write_text(ON_PICTURE)
        self.program.chmod(0o700)

    @property
    def options(self) -> tuple[str, ...]:
        return ("--picture", str(self.pictures), "--on-picture", str(self.program))

    @property
    def runs(self) -> list[str]:
        runs = self._directory / "runs"
        return runs.read_text().splitlines() if runs.exists() else []


def key_file(directory: Path, key: str) -> Path:
    path = directory / "key"
    path.touch(0o600)
    path.write_text(key + "\n")
    return path


def signed(directory: Path, server: SigningServer, *more: str) -> tuple[str, ...]:
    """Options of a device of LFCP/2."""
    key = key_file(directory, KEY)
    return ("--name", NAME, "--key-file", str(key), "--state", str(directory / "state"), *server.option, *more)


def run(program: Path, *arguments: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    """One that ends by itself."""
    return subprocess.run(
        [str(program), *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
        env=os.environ,
    )
