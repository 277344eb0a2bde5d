"""The library compiles for small devices without a C library, and stays small."""

from pathlib import Path

import pytest

from tests.firmware.building import FIRMWARE, INCLUDE, library_sources, run
from tests.needs import need_program

STRICT = ("-std=c99", "-ffreestanding", "-Os", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-pedantic")
MOST_TEXT = 18 * 1024  # bytes of code and constants of the whole library, without any crypto
MOST_CODEC_TEXT = 7 * 1024  # of that: frames, tags, seals, counters, digests
DEVICES = {
    "ESP8266": ("xtensa-lx106-elf", "gcc-xtensa-lx106", ()),
    "ESP32-C3": ("riscv64-unknown-elf", "gcc-riscv64-unknown-elf", ("-march=rv32imc", "-mabi=ilp32")),
}
CODEC = ("base64url", "decode", "encode", "seal", "settings", "signing", "status", "text", "verbs", "window")


@pytest.mark.parametrize("device", DEVICES)
def test_the_library_is_small(device: str, tmp_path: Path) -> None:
    prefix, package, machine = DEVICES[device]
    compiler, size = need_program(f"{prefix}-gcc", package), need_program(f"{prefix}-size", package)
    texts = {}
    for source in library_sources():
        target = tmp_path / f"{source.stem}.o"
        run(compiler, *machine, *STRICT, f"-I{INCLUDE}", "-isystem", FIRMWARE / "test" / "freestanding",
            "-c", source, "-o", target)  # fmt: skip
        text, data, bss = map(int, run(size, target).splitlines()[1].split()[:3])
        assert data == bss == 0, f"{source.name} has state of its own"
        texts[source.stem] = text
    table = "\n".join(f"{name:28}{text:6}" for name, text in [*texts.items(), ("all", sum(texts.values()))])
    print(f"\n{device}\n{table}")  # noqa: T201
    assert sum(texts[f"lfcp_{name}"] for name in CODEC) <= MOST_CODEC_TEXT, table
    assert sum(texts.values()) <= MOST_TEXT, table
