"""Builds of the C library, out of the source tree. Each is made once, also where several processes run the tests."""

import fcntl
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.needs import need, need_program

ROOT = Path(__file__).parents[2]
FIRMWARE = ROOT / "firmware_udp_client"
INCLUDE = FIRMWARE / "include"
SOURCE = FIRMWARE / "source"
CRYPTO = SOURCE / "lfcp_crypto_mbedtls.c"  # the one source that needs more than a compiler


SHARED = ("BUILD_SHARED_LIBS=ON",)
SANITIZED = ("LFCP_SANITIZE=ON", "CMAKE_BUILD_TYPE=Debug")  # half the time of an optimised build, and as strict


def folder_of_all(factory: pytest.TempPathFactory, name: str) -> Path:
    """The same one in every process of this run."""
    base: Path = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(folder: Path, *options: str, targets: Sequence[str] = ("all",)) -> Path:
    """Configures and builds into the folder; options: of cmake, as LFCP_SANITIZE=ON, always the same for one folder."""
    cmake = need_program("cmake", "cmake")
    need_program("cc", "gcc libc6-dev")
    need(Path("/usr/include/mbedtls/chachapoly.h").exists(), "mbedTLS (Debian: apt install libmbedtls-dev)")
    with alone_in(folder):
        run(cmake, "-S", FIRMWARE, "-B", folder, *(f"-D{option}" for option in options))
        run(cmake, "--build", folder, "--parallel", "2", "--target", *targets)
    return folder


def run(*command: str | Path) -> str:
    """What the program says; fails the test with that if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def library_sources() -> list[Path]:
    """Those that run on every device."""
    return sorted(path for path in SOURCE.glob("*.c") if path != CRYPTO)
