"""What a connection needs: a camera in Python that lets operators in, and `alarmd connect` in a process of its own."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alarmd.device.device import Device, Handler
from lfcp import Verb
from lfcp.authenticator import key_from_text
from lfcp.client import VolatileMemory
from tests.end_to_end.cameras import operator
from tests.needs import need_program
from tests.serving import LIMIT, LOOPBACK, Served, environment
from tests.waiting import wait_until


class Camera(threading.Thread):
    """Use `camera`. taken: pictures. deaf: it hears no tunnel datagram but the server's, as behind a NAT of which
    nobody finds the way in."""

    def __init__(self, server: Served, name: str, key: bytes, allow: Collection[int] | None) -> None:
        super().__init__(name=name)
        self.taken = 0
        self._servers = {"A": (LOOPBACK, server.lfcp_port)}
        self._name, self._key, self._allow = name, key, allow
        self._loop = asyncio.new_event_loop()
        self._life = self._loop.create_task(self._live())

    def run(self) -> None:
        self._loop.run_until_complete(asyncio.wait([self._life]))
        self._loop.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._life.cancel)
        self.join()

    async def _live(self) -> None:
        handlers: dict[Verb, Handler] = {Verb.TLGS: self._take, Verb.SCAM: self._switch}
        device = Device(
            self._name,
            self._servers,
            handlers,
            1,
            key=self._key,
            memory=VolatileMemory(),
            camera=True,
            allow=self._allow,
        )
        async with device:
            await device.run()

    async def _take(self, _params: tuple[str, ...]) -> None:
        self.taken += 1

    async def _switch(self, _params: tuple[str, ...]) -> None:
        """Nothing needs to be done."""


@contextmanager
def camera(server: Served, name: str = "cam1", allow: Collection[int] | None = ()) -> Iterator[Camera]:
    """Its path is proven."""
    with operator(server) as asking:
        key = key_from_text(asking.post(f"/devices/{name}/key", json={}).raise_for_status().json()["key"])
        made = Camera(server, name, key, allow)
        made.start()
        try:
            wait_until(lambda: asking.get(f"/devices/{name}").json()["live"]["path_proven"], "a proven path")
            yield made
        finally:
            made.close()


def operators_key(server: Served, name: str = "anna") -> Path:
    """In a file."""
    with operator(server) as asking:
        key = asking.post(f"/operators/{name}/key", json={}).raise_for_status().json()["key"]
    file = server.directory / f"{name}.key"
    file.touch(0o600)
    file.write_text(f"{key}\n")
    return file


class Connected:
    """Use `connected`. told: the lines of JSON so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.told: list[dict[str, Any]] = []
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    @property
    def port(self) -> int:
        wait_until(lambda: self.told or self.process.poll() is not None, "the port")
        return int(self.told[0]["address"].rpartition(":")[2])

    def wait_for_path(self, path: str) -> dict[str, Any]:
        """relay or direct."""
        wait_until(lambda: self.of(path) or self.process.poll() is not None, f"a path: {path}")
        assert self.of(path), self.error()
        return self.of(path)[-1]

    def wait_for_any_path(self) -> dict[str, Any]:
        """The first one."""
        wait_until(lambda: self._paths() or self.process.poll() is not None, "a path")
        return self._paths()[0]

    def _paths(self) -> list[dict[str, Any]]:
        return [line for line in self.told if line["event"] == "path"]

    def of(self, path: str) -> list[dict[str, Any]]:
        return [line for line in self.told if line.get("path") == path]

    def say(self, text: str) -> str:
        """With netcat; what it prints."""
        nc = need_program("nc", "netcat-openbsd")
        command = [nc, "-u", "-w1", LOOPBACK, str(self.port)]
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=LIMIT, check=True).stdout

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(how)
        return self.ended()

    def ended(self) -> int:
        code = self.process.wait(LIMIT)
        self._reading.join()
        return code

    def error(self) -> Any:
        """What it said at last on stderr, in JSON."""
        assert self.process.stderr is not None
        return json.loads(self.process.stderr.read().splitlines()[-1])

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in iter(self.process.stdout.readline, ""):
            self.told.append(json.loads(line))


def command_line(server: Served, *words: str, key: Path, name: str = "anna") -> list[str]:
    there = f"A={LOOPBACK}:{server.lfcp_port}"
    who = ("--server", there, "--name", name, "--key-file", str(key))
    return [sys.executable, "-m", "alarmd", "connect", *words, *who]


@contextmanager
def connected(command: Sequence[str], home: Path) -> Iterator[Connected]:
    """home: of a machine without a server."""
    home.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [*command, "--json"],
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    connection = Connected(process)
    try:
        yield connection
    finally:
        if process.poll() is None:
            process.kill()
        connection.ended()
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stderr.close()
