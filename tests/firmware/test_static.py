"""What cppcheck says of the C library: nothing."""

import subprocess
import sys
from pathlib import Path

from tests.firmware.building import FIRMWARE, INCLUDE, ROOT, SOURCE, run
from tests.needs import need_program

FINDINGS = "--enable=warning,style,performance,portability"
NO_FINDINGS = ("missingIncludeSystem", "constParameter")  # the latter means callbacks, which do not choose their type
WRONG = "int main(void) { int two[2]; two[2] = 1; return two[0]; }\n"


def cppcheck(*paths: Path, including: tuple[Path, ...] = ()) -> str:
    command = [need_program("cppcheck", "cppcheck"), "--quiet", "--std=c99", FINDINGS]
    command += [*(f"--suppress={finding}" for finding in NO_FINDINGS), "--inline-suppr", f"-I{INCLUDE}"]
    done = subprocess.run(
        [*command, *(f"-I{path}" for path in including), *paths], capture_output=True, text=True, check=True
    )
    return done.stderr


def test_cppcheck_finds_nothing_in_the_library() -> None:
    assert cppcheck(SOURCE) == ""


def test_cppcheck_finds_nothing_in_its_tests(tmp_path: Path) -> None:
    tests = FIRMWARE / "test"
    run(sys.executable, tests / "make_vectors.py", ROOT / "protocol" / "vectors", tmp_path / "vectors.h")
    assert cppcheck(*tests.glob("*.c"), including=(tests, SOURCE, tmp_path)) == ""


def test_cppcheck_finds_what_is_wrong_on_purpose(tmp_path: Path) -> None:
    (tmp_path / "wrong.c").write_text(WRONG)
    assert "arrayIndexOutOfBounds" in cppcheck(tmp_path / "wrong.c")
