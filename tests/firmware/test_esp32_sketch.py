"""The ESP32-CAM's sketch, read by a host's compiler against declarations of what the Arduino core offers. That proves
syntax and types; whether it links and works, only the chip can say."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.firmware.building import CRYPTO, FIRMWARE, SOURCE, run
from tests.needs import need, need_program

SKETCH = FIRMWARE / "ports" / "esp32cam"
COMMON = FIRMWARE / "ports" / "common"
LIBRARY = FIRMWARE / "ports" / "arduino" / "lfcp" / "src"
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-fsyntax-only")
INCLUDES = (f"-I{SKETCH / 'test_headers'}", f"-I{LIBRARY}")
STANDARDS = {"cpp": "gnu++17", "ino": "gnu++17", "c": "gnu17"}
UNITS = sorted(path for pattern in ("*.ino", "*.cpp", "src/logic/*.c") for path in SKETCH.glob(pattern))


def command(unit: Path) -> list[str | Path]:
    """As the Arduino builder compiles it: a .ino begins with Arduino.h, every unit sees the library."""
    need(Path("/usr/include/mbedtls/md.h").exists(), "mbedTLS (Debian: apt install libmbedtls-dev)")
    kind = unit.suffix.removeprefix(".")
    compiler = need_program("cc", "gcc") if kind == "c" else need_program("c++", "g++")
    language = ["-x", "c++", "-include", "Arduino.h"] if kind == "ino" else []
    return [compiler, f"-std={STANDARDS[kind]}", *WARNINGS, *INCLUDES, *language, unit]


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_every_file_of_the_sketch_compiles(unit: Path) -> None:
    run(*command(unit))


def test_an_api_that_the_core_does_not_have_is_found(tmp_path: Path) -> None:
    copy = tmp_path / "esp32cam"
    shutil.copytree(SKETCH, copy)
    unit = copy / "wireless.cpp"
    for good, wrong in (("WiFi.setSleep(false)", "WiFi.setSlep(false)"), ("WiFi.setSleep(false)", "WiFi.setSleep()")):
        unit.write_text((SKETCH / "wireless.cpp").read_text().replace(good, wrong))
        done = subprocess.run(command(unit), capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert "setSl" in done.stderr


@pytest.mark.parametrize("unit", sorted(LIBRARY.glob("*.c")), ids=lambda path: path.name)
def test_every_file_of_the_arduino_library_compiles(unit: Path) -> None:
    run(*command(unit))


def test_the_arduino_library_is_the_library_and_what_ports_share() -> None:
    forwarded = {path.name: (LIBRARY / _included(path)).resolve() for path in LIBRARY.iterdir()}
    sources = [*SOURCE.glob("*.c"), *COMMON.glob("*.c"), *COMMON.glob("*.h"), *(FIRMWARE / "include").glob("*.h")]
    assert forwarded == {path.name: path for path in sources if path != CRYPTO}


def _included(path: Path) -> str:
    found = re.fullmatch(r'#include "(.+)"\n', path.read_text())
    assert found is not None, f"{path} does more than include"
    return found[1]


def test_certificates_are_always_checked() -> None:
    code = "".join(path.read_text() for path in UNITS)
    assert "crt_bundle_attach = tls ? esp_crt_bundle_attach" in code
    assert not re.search(r"setInsecure|skip_common_name|cacert_buf|BEGIN CERTIFICATE", code)


def test_the_library_names_records_that_fit_the_chips_flash() -> None:
    names = re.findall(r'static const char record\[\] = "(\w+)"', "".join(p.read_text() for p in SOURCE.glob("*.c")))
    assert len(names) >= 2
    assert max(map(len, names)) <= 15  # NVS_KEY_NAME_MAX_SIZE - 1
