"""Builds the C programs, runs servers on one core and the load on another."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = HERE / "build"
FIRMWARE = ROOT / "firmware_udp_client" / "source"
COMPILE = (
    "cc",
    "-O2",
    "-g",
    "-std=gnu11",
    "-D_GNU_SOURCE",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-I",
    FIRMWARE.parent / "include",
)
LOAD = ("load.c", "load_options.c", "load_device.c")
CODEC = ("base64url", "decode", "encode", "signing", "text", "verbs", "crypto_mbedtls")  # of the firmware
MBEDTLS_HEADER = "#include <mbedtls/chachapoly.h>\n"
STOP_SECONDS = 30
LOAD_MARGIN_SECONDS = 120  # warm-up and drain, beyond the seconds asked for
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class MissingError(Exception):
    """What a part of the benchmarks needs and this machine lacks, with the way to get it."""


@dataclass(frozen=True, slots=True)
class Load:
    """What bench/load.c is asked to do; rate None: closed loop with `window` messages on the way."""

    kind: str = "heartbeat"
    devices: int = 10_000
    window: int = 128
    rate: float | None = None
    seconds: float = 5.0
    passes: int = 3  # heartbeats of every device that are not counted, at first
    source_port: int = 0
    count: int = 0  # messages; 0: as many as there is time for

    def arguments(self) -> list[str]:
        given = {
            "kind": self.kind,
            "devices": self.devices,
            "window": self.window,
            "rate": self.rate or 0,
            "seconds": self.seconds,
            "passes": self.passes,
            "source-port": self.source_port,
            "count": self.count,
        }
        return [f"--{name}={value}" for name, value in given.items()]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What it counted. rate: answers a second; latencies in ms; cpu_us: of the server, for each answer; own_cpu_us: of
    the load, for each message. challenged: signed heartbeats whose answer was "beat again at once"."""

    sent: int
    answered: int
    challenged: int
    lost: int
    unexpected: int
    rate: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    behind_ms: float
    cpu_us: float
    own_cpu_us: float


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    port: int
    process: subprocess.Popen[str]

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def resident_bytes(self) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"{self.name} has ended")


def cores() -> tuple[set[int], set[int]]:
    """The core for servers and the core for the load; the same one where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return {usable[0]}, {usable[-1]}


@cache
def has_mbedtls() -> bool:
    """Whether devices with a key can be built: the firmware's crypto stands on it."""
    command = ["cc", "-E", "-x", "c", "-", "-o", os.devnull]
    done = subprocess.run(command, input=MBEDTLS_HEADER, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.returncode == 0


def need_mbedtls() -> None:
    if not has_mbedtls():
        raise MissingError("mbedTLS (Debian: apt install libmbedtls-dev)")


def need_program(name: str, package: str) -> str:
    """Its path."""
    path = shutil.which(name)
    if path is None:
        raise MissingError(f"the program {name} (Debian: apt install {package})")
    return path


def compiled(name: str, *arguments: str | Path) -> Path:
    """The program. arguments: sources and options of the compiler."""
    BUILD.mkdir(exist_ok=True)
    subprocess.run([*COMPILE, "-o", BUILD / name, *arguments], check=True)
    return BUILD / name


def build() -> None:
    compiled("peer", HERE / "peer.c")
    load: list[str | Path] = [HERE / source for source in LOAD]
    if has_mbedtls():
        codec = [FIRMWARE / f"lfcp_{name}.c" for name in CODEC]
        load += ["-DWITH_MBEDTLS", HERE / "signed_device.c", *codec, "-lmbedcrypto"]
    compiled("load", *load)


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pinned(command: Sequence[str], core: set[int], **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, text=True, preexec_fn=lambda: os.sched_setaffinity(0, core), **options
    )  # the bench has no threads, so preexec_fn is safe


def stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def printing_server(name: str, command: Sequence[str]) -> Iterator[Server]:
    """A server that prints its port once it listens."""
    process = pinned([*command, "127.0.0.1", "0"], cores()[0], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield Server(name, int(process.stdout.readline()), process)
    finally:
        stop(process)


def c_peer() -> AbstractContextManager[Server]:
    return printing_server("C, recvmmsg", [str(BUILD / "peer")])


def bare_twisted() -> AbstractContextManager[Server]:
    return printing_server("bare Twisted", [sys.executable, str(HERE / "bare_twisted.py")])


def run_load(server: Server, load: Load) -> LoadReport:
    """Raises CalledProcessError when the load could not run, TimeoutExpired when it hangs."""
    command = [str(BUILD / "load"), f"--port={server.port}", *load.arguments()]
    before = server.cpu_seconds()
    process = pinned(command, cores()[1], stdout=subprocess.PIPE)
    try:
        output, _ = process.communicate(timeout=load.seconds + LOAD_MARGIN_SECONDS)
    finally:
        process.kill()  # nothing if it has ended
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    seen = json.loads(output)
    total = seen["answered"] + load.passes * load.devices
    return LoadReport(
        sent=seen["sent"],
        answered=seen["answered"],
        challenged=seen["challenged"],
        lost=seen["lost"] + seen["warm_up_lost"],
        unexpected=seen["unexpected"],
        rate=seen["rate"],
        p50_ms=seen["latency_us"]["p50"] / 1000,
        p99_ms=seen["latency_us"]["p99"] / 1000,
        max_ms=seen["latency_us"]["max"] / 1000,
        behind_ms=seen["behind_us"] / 1000,
        cpu_us=(server.cpu_seconds() - before) / max(1, total) * 1e6,
        own_cpu_us=seen["cpu_us"],
    )
