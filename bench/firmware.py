"""What the device's C code costs: instructions of this machine, counted by callgrind, with mbedTLS as it is installed.

A camera's processor has other instructions; the figures are to be compared with each other and with those of before.
"""

import re
import subprocess
import tempfile
from pathlib import Path

from bench.programs import FIRMWARE, HERE, compiled, need_mbedtls, need_program
from bench.results import Result

PART = "firmware"
SOURCE = "firmware_cost.c"
ROUNDS = 1000  # a heartbeat, its ACK and eight idle polls each
IDLE_POLLS = 8 * ROUNDS
CALLS = {  # functions of that source: how often they are called, and what they do
    "poll_idle": (IDLE_POLLS, "poll, nothing to do"),
    "poll_heartbeat": (ROUNDS, "poll, a signed heartbeat is due"),
    "receive_ack": (ROUNDS, "receive, its signed ACK"),
    "decode": (ROUNDS, "decode a signed ACK"),
    "verify": (ROUNDS, "verify its tag"),
    "encode_signed": (ROUNDS, "encode and sign an ACK"),
}


def measure() -> list[Result]:
    need_mbedtls()
    valgrind = need_program("valgrind", "valgrind")
    program = compiled("firmware_cost", HERE / SOURCE, *sorted(FIRMWARE.glob("*.c")), "-lmbedcrypto")
    spent = counted(valgrind, [str(program), str(ROUNDS)])
    return [Result(PART, what, spent[name] / calls, "instructions") for name, (calls, what) in CALLS.items()]


def counted(valgrind: str, command: list[str]) -> dict[str, int]:
    """Instructions of each function of the source, with those of what it called. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory(prefix="alarmd-bench-") as folder:
        profile = Path(folder) / "profile"
        subprocess.run(
            [valgrind, "--quiet", "--tool=callgrind", f"--callgrind-out-file={profile}", *command], check=True
        )
        shown = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", "--show-percs=no", str(profile)]
        text = subprocess.run(shown, check=True, capture_output=True, text=True).stdout
    lines = re.findall(rf"^ *([\d,]+) .*{SOURCE}:(\w+)(?: \[.*\])?$", text, re.MULTILINE)
    return {name: int(count.replace(",", "")) for count, name in lines}
