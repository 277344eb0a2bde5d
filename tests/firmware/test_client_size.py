"""What the client's state takes of a small device's memory. It may lie in memory that survives deep sleep: 8 kB."""

from pathlib import Path

import pytest

from tests.firmware.building import FIRMWARE, INCLUDE, run
from tests.needs import need_program

MOST = {"lfcp_client": 2048, "lfcp_motion": 512, "lfcp_path": 1024, "lfcp_rendezvous": 4608}  # bytes
DEVICES = {
    "a computer": ("cc", "nm", "gcc", ()),
    "ESP8266": ("xtensa-lx106-elf-gcc", "xtensa-lx106-elf-nm", "gcc-xtensa-lx106", ()),
    "ESP32-C3": (
        "riscv64-unknown-elf-gcc",
        "riscv64-unknown-elf-nm",
        "gcc-riscv64-unknown-elf",
        ("-march=rv32imc", "-mabi=ilp32"),
    ),
}


@pytest.mark.parametrize("device", DEVICES)
def test_a_client_and_a_detector_fit_into_a_small_memory(device: str, tmp_path: Path) -> None:
    compiler, names, package, machine = DEVICES[device]
    need_program(names, package)
    source = tmp_path / "sizes.c"
    fields = "".join(f"char size_of_{name}[sizeof({name})];\n" for name in MOST)
    source.write_text('#include "lfcp_client.h"\n#include "lfcp_motion.h"\n#include "lfcp_rendezvous.h"\n' + fields)
    run(need_program(compiler, package), *machine, "-std=c99", "-ffreestanding", f"-I{INCLUDE}",
        "-isystem", FIRMWARE / "test" / "freestanding", "-c", source, "-o", tmp_path / "sizes.o")  # fmt: skip
    said = run(names, "--print-size", tmp_path / "sizes.o")
    sizes = {line.split()[3].removeprefix("size_of_"): int(line.split()[1], 16) for line in said.splitlines()}
    print(f"\n{device}: {sizes}")  # noqa: T201
    assert sizes.keys() == MOST.keys()
    assert all(sizes[name] <= most for name, most in MOST.items()), sizes
