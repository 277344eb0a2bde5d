"""Builds of the C library, out of the source tree."""

import subprocess
from pathlib import Path

from tests.needs import need, need_program

ROOT = Path(__file__).parents[2]
FIRMWARE = ROOT / "firmware_udp_client"
INCLUDE = FIRMWARE / "include"
SOURCE = FIRMWARE / "source"
CRYPTO = SOURCE / "lfcp_crypto_mbedtls.c"  # the one source that needs more than a compiler


def build(folder: Path, *options: str, target: str = "all") -> Path:
    """Configures and builds into the folder; options: of cmake, as LFCP_SANITIZE=ON."""
    cmake = need_program("cmake", "cmake")
    need_program("cc", "gcc libc6-dev")
    need(Path("/usr/include/mbedtls/chachapoly.h").exists(), "mbedTLS (Debian: apt install libmbedtls-dev)")
    run(cmake, "-S", FIRMWARE, "-B", folder, *(f"-D{option}" for option in options))
    run(cmake, "--build", folder, "--parallel", "2", "--target", target)
    return folder


def run(*command: str | Path) -> str:
    """What the program says; fails the test with that if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def library_sources() -> list[Path]:
    """Those that run on every device."""
    return sorted(path for path in SOURCE.glob("*.c") if path != CRYPTO)
