"""Two servers that watch together, over loopback, each on a core of its own where there are enough."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import httpx

from bench.alarmd_server import SERVE, Alarmd, environment, free_tcp_port, prepare, running

A, B = "A", "B"  # A invites, and speaks while both are well; B dials
MEETING_PATIENCE = 60.0  # s
LOOK_EVERY = 0.02  # s


class Pair:
    """Use `joined`. Nothing runs but what is begun: with pair.run(A) as a, pair.run(B) as b: …"""

    def __init__(self, base: Path, devices: int, settings: Mapping[str, str]) -> None:
        self.directories = {label: base / label for label in (A, B)}
        for directory in self.directories.values():
            directory.mkdir()
        prepare(self.directories[A], devices)
        own = {"ALARMD_PAIR_ADDRESSES": "127.0.0.1", "ALARMD_PAIR_PORT": str(free_tcp_port())}
        self._settings = own | dict(settings)
        self._join(base / "invitation")

    def run(self, label: str) -> AbstractContextManager[Alarmd]:
        cores = sorted(os.sched_getaffinity(0))
        core = {cores[0]} if label == A else {cores[len(cores) // 2]}
        return running(self.directories[label], core=core, settings=self._own(label))

    def forget(self) -> None:
        """B, which must not run, knows nothing any more; it is still joined."""
        for file in self.directories[B].glob("alarmd.sqlite*"):
            file.unlink()

    def _join(self, invitation: Path) -> None:
        there = f"127.0.0.1:{self._settings['ALARMD_PAIR_PORT']}"
        self._command(A, "init", "--address", there, "--output", str(invitation))
        self._command(B, "join", str(invitation))

    def _command(self, label: str, *words: str) -> None:
        directory = self.directories[label]
        subprocess.run(
            [SERVE[0], "peer", *words],
            env=environment(directory) | self._own(label),
            cwd=directory,
            capture_output=True,
            check=True,
        )

    def _own(self, label: str) -> dict[str, str]:
        return self._settings | {"ALARMD_SERVER_LABEL": label}


@contextmanager
def joined(devices: int, settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[Pair]:
    """A knows the devices of the fleet, B nothing. settings: further variables of both servers' environment."""
    with TemporaryDirectory(prefix="alarmd-bench-") as name:
        yield Pair(Path(name), devices, settings)


def wait_until_met(*servers: Alarmd) -> None:
    """Raises TimeoutError."""
    wait_for(lambda: all(_standing(server) == "met" for server in servers), MEETING_PATIENCE, "the two to meet")


def wait_for(condition: Callable[[], bool], patience: float, what: str) -> None:
    """Raises TimeoutError."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {patience:.0f} s for {what}")
        time.sleep(LOOK_EVERY)


def _standing(server: Alarmd) -> str:
    transport = httpx.HTTPTransport(uds=str(server.directory / "control.sock"))
    with httpx.Client(transport=transport, base_url="http://alarmd/api/v1", timeout=30) as client:
        standing: str = client.get("/peer").raise_for_status().json()["standing"]
        return standing
