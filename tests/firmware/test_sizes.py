"""The library compiles for small devices without a C library, and stays small."""

from pathlib import Path

import pytest

from tests.firmware.building import FIRMWARE, INCLUDE, library_sources, run
from tests.needs import need_program

STRICT = ("-std=c99", "-ffreestanding", "-Os", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-pedantic")
MOST_CLIENT_TEXT = 12 * 1024  # bytes of code and constants: the client and its serializer, without authenticator
MOST_PICTURES = 1536  # what a device without a camera does not need
MOST_PATH = 5 * 1024  # what a device without NAT does not need
MOST_RENDEZVOUS = 10 * 1024  # what a device that nobody connects to does not need
MOST_TEXT = 18 * 1024  # of everything else, the motion detector too, without the primitives of crypto
DEVICES = {  # -msave-restore: as ESP-IDF's option of "library calls" for saving registers
    "ESP8266": ("xtensa-lx106-elf", "gcc-xtensa-lx106", ()),
    "ESP32-C3": ("riscv64-unknown-elf", "gcc-riscv64-unknown-elf", ("-march=rv32imc", "-mabi=ilp32", "-msave-restore")),
}
PARTS = {
    "serializer": {"decode", "encode", "text", "verbs"},
    "authenticator": {"base64url", "seal", "settings", "signing", "window"},
    "pictures": {"upload"},
    "path": {"address", "ladder", "path"},
    "rendezvous": {
        "attempts",
        "consent",
        "direct",
        "hello",
        "invitation",
        "meeting",
        "rendezvous",
        "targets",
        "tunnel",
    },
    "for convenience": {"dispatch", "motion", "status"},
}


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
    parts = {part: sum(texts.pop(f"lfcp_{name}") for name in names) for part, names in PARTS.items()}
    parts["client"] = sum(texts.values())
    table = "\n".join(f"{name:28}{text:6}" for name, text in [*texts.items(), *parts.items()])
    print(f"\n{device}\n{table}")  # noqa: T201
    assert parts["client"] + parts["serializer"] < MOST_CLIENT_TEXT, table
    assert parts["pictures"] < MOST_PICTURES, table
    assert parts["path"] < MOST_PATH, table
    assert parts["rendezvous"] < MOST_RENDEZVOUS, table
    assert sum(parts.values()) - parts["pictures"] - parts["path"] - parts["rendezvous"] < MOST_TEXT, table
