"""alarmd itself, whole, with SQLite and all its metrics, on a database that already knows its devices."""

import os
import re
import socket
import subprocess
import sysconfig
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from alarmd.adapters.reactor_clock import now
from alarmd.adapters.server_key import server_key
from alarmd.core.effects import DurableEffect, SaveContacts, SaveDevice, SaveKey, SaveSite, SaveZone
from alarmd.storage.opening import open_reader, open_store
from alarmd.storage.vault import Vault
from bench import fleet
from bench.programs import Server, cores, free_udp_port, pinned, stop

START_PATIENCE = 60.0  # s
PROBE_PATIENCE = 0.02  # s for an answer to a heartbeat, before the next one is sent
SETTLE_PATIENCE = 300.0  # s for alarms to be told
DEVICES_A_TURN = 1000
REPLY = 512  # bytes
SERVE = [str(Path(sysconfig.get_path("scripts")) / "alarmd"), "serve"]
UNLIMITED = {"ALARMD_DEVICES_MESSAGE_RATE": "1000", "ALARMD_DEVICES_MESSAGE_BURST": "100000"}


@dataclass(frozen=True, slots=True)
class Alarmd(Server):
    """started_after: s from the start of the process to the first answer. start_cpu: s of it that it worked.
    source_port: the devices'."""

    directory: Path
    metrics_port: int
    source_port: int
    started_after: float = 0.0
    start_cpu: float = 0.0

    @property
    def database(self) -> Path:
        return database_in(self.directory)

    def metric(self, name: str) -> float:
        """The sum of one metric's series, from /metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        found = re.findall(rf"^{re.escape(name)}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)
        if not found:
            raise KeyError(name)
        return sum(map(float, found))

    def wait_until_told(self) -> None:
        """Until every alarm has left the outbox."""
        reader = open_reader(url_of(self.database))
        try:
            deadline = time.monotonic() + SETTLE_PATIENCE
            while (state := reader.outbox()).pending + state.leased:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{state.pending} messages are still in the outbox")
                time.sleep(0.5)
        finally:
            reader.close()


def database_in(directory: Path) -> Path:
    return directory / "alarmd.sqlite"


def url_of(database: Path) -> str:
    return f"sqlite:///{database}"


def prepare(directory: Path, devices: int, report_within: float = fleet.REPORT_WITHIN, *, keyed: bool = False) -> None:
    """Adopted devices, seen just now, through the store as the server would. keyed: each has a key and signs."""
    store = open_store(url_of(database_in(directory)), fleet.LABEL, Vault(server_key(directory)))
    try:
        site, zones = fleet.places()
        store.commit([[SaveSite(site), *map(SaveZone, zones)]])
        for start in range(0, devices, DEVICES_A_TURN):
            store.commit([_turn(range(start, min(start + DEVICES_A_TURN, devices)), report_within, keyed)])
    finally:
        store.close()


def _turn(numbers: range, report_within: float, keyed: bool) -> list[DurableEffect]:
    moment = now()
    saved: list[DurableEffect] = [SaveDevice(fleet.device(n, moment, report_within, keyed=keyed)) for n in numbers]
    keys: list[DurableEffect] = [SaveKey(fleet.key(n, moment)) for n in numbers if keyed]
    return [*saved, *keys, SaveContacts(tuple(fleet.contact(n, moment) for n in numbers))]


@contextmanager
def alarmd(
    devices: int,
    report_within: float = fleet.REPORT_WITHIN,
    *,
    keyed: bool = False,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Alarmd]:
    """settings: further variables of its environment."""
    with tempfile.TemporaryDirectory(prefix="alarmd-bench-") as name:
        directory = Path(name)
        prepare(directory, devices, report_within, keyed=keyed)
        with running(directory, keyed=keyed, settings=settings) as server:
            yield server


@contextmanager
def running(
    directory: Path,
    *,
    core: set[int] | None = None,
    keyed: bool = False,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Alarmd]:
    """On what the directory holds. core: None for the servers'. Returns when the first device has an answer."""
    port, metrics_port, source_port = free_udp_port(), free_tcp_port(), free_udp_port()
    began = time.monotonic()
    with (directory / "log").open("w") as log:
        process = pinned(
            SERVE,
            core or cores()[0],
            env=environment(directory, port, metrics_port) | dict(settings),
            cwd=directory,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for_answer(process, port, source_port, directory / "log", keyed)
            seconds = time.monotonic() - began
            server = Alarmd("alarmd", port, process, directory, metrics_port, source_port)
            yield replace(server, started_after=seconds, start_cpu=server.cpu_seconds())
        finally:
            stop(process)


def environment(directory: Path, port: int = 0, metrics_port: int = 0) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ALARMD_")}
    no_file = directory / "alarmd.toml"
    no_file.touch()
    return (
        inherited
        | UNLIMITED
        | {
            "ALARMD_CONFIG": str(no_file),
            "ALARMD_SERVER_STATE_DIRECTORY": str(directory),
            "ALARMD_LFCP_ADDRESSES": "127.0.0.1",
            "ALARMD_LFCP_PORT": str(port),
            "ALARMD_OPERATOR_PORT": "0",
            "ALARMD_HTTP_PORT": str(metrics_port),
            "ALARMD_INGEST_PORT": "0",
        }
    )


def free_tcp_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _first_heartbeat(keyed: bool) -> bytes:
    """Of the first device. Signed ones count on as in signed_device.c."""
    return fleet.signed_heartbeat_of(0, time.time_ns() // 1000, echo=0) if keyed else fleet.heartbeat_of(0)


def _wait_for_answer(process: subprocess.Popen[str], port: int, source_port: int, log: Path, keyed: bool) -> None:
    """Send the first device's heartbeat, from its own address, until it is answered."""
    deadline = time.monotonic() + START_PATIENCE
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.bind((fleet.address_of(0), source_port))
        device.settimeout(PROBE_PATIENCE)
        while time.monotonic() < deadline and process.poll() is None:
            device.sendto(_first_heartbeat(keyed), ("127.0.0.1", port))
            try:
                device.recv(REPLY)
            except TimeoutError:
                continue
            return
    raise RuntimeError(f"alarmd did not start:\n{log.read_text()[-4000:]}")
