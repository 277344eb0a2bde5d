"""The C tests: plainly, under sanitizers that are proved to look, counted by gcov, and a while of fuzzing."""

import gzip
import json
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.firmware.building import FIRMWARE, SANITIZED, SHARED, SOURCE, build, folder_of_all, library_sources, run
from tests.needs import need, need_program

LEAST_BRANCHES = 0.95  # of each file's, taken
FUZZERS = {  # kept inputs, runs
    "fuzz_decode": ("corpus", 100_000),
    "fuzz_client": ("corpus_client", 10_000),
    "fuzz_upload": ("corpus_upload", 15_000),
    "fuzz_meeting": ("corpus_meeting", 10_000),
}


def ctest(folder: Path) -> str:
    return run(need_program("ctest", "cmake"), "--test-dir", folder, "--output-on-failure", "--no-tests=error")


def test_the_c_tests_pass(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert "100% tests passed" in ctest(build(folder_of_all(tmp_path_factory, "lfcp-shared"), *SHARED))


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(folder_of_all(tmp_path_factory, "lfcp-sanitized"), *SANITIZED)


def test_the_c_tests_pass_under_the_sanitizers(sanitized: Path) -> None:
    assert "100% tests passed" in ctest(sanitized)


@pytest.mark.parametrize(
    ("canary", "finding"),
    [("heap_overflow", "AddressSanitizer: heap-buffer-overflow"), ("undefined_shift", "runtime error: shift exponent")],
)
def test_the_sanitizers_find_what_is_wrong_on_purpose(sanitized: Path, canary: str, finding: str) -> None:
    program = sanitized / "test" / f"canary_{canary}"
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert finding in done.stderr


def test_a_check_that_fails_fails_its_program(tmp_path: Path) -> None:
    for body, code in (("", 1), ("CHECK(1 == 2);", 1), ("CHECK(1 == 1); CHECK(1 == 2);", 1), ("CHECK(1 == 1);", 0)):
        source = tmp_path / "program.c"
        source.write_text(
            f'#include "check.h"\nstatic void test(void) {{ {body} }}\n'
            "int main(void) { RUN(test); return checked(); }\n"
        )
        run(need_program("cc", "gcc libc6-dev"), f"-I{FIRMWARE / 'test'}", source, "-o", tmp_path / "program")
        done = subprocess.run([tmp_path / "program"], capture_output=True, check=False)
        assert done.returncode == code


class Branches(NamedTuple):
    taken: int
    all: int
    missed: list[int]  # lines

    @property
    def part(self) -> float:
        return self.taken / self.all if self.all else 1.0


def branches_of(counts: Path) -> dict[str, Branches]:
    """By the name of the source. counts: what gcov wrote about one object."""
    found = {}
    for file in json.loads(gzip.decompress(counts.read_bytes()))["files"]:
        taken = [(line["line_number"], branch["count"] > 0) for line in file["lines"] for branch in line["branches"]]
        missed = sorted({number for number, was_taken in taken if not was_taken})
        found[Path(file["file"]).name] = Branches(sum(was_taken for _, was_taken in taken), len(taken), missed)
    return found


def test_nearly_every_branch_of_the_library_is_taken(tmp_path: Path) -> None:
    gcov = need_program("gcov", "gcc")
    folder = build(tmp_path / "build", "LFCP_COVERAGE=ON")
    ctest(folder)
    objects = sorted((folder / "CMakeFiles" / "lfcp.dir").rglob("*.gcda"))
    command = [gcov, "--branch-probabilities", "--json-format", *objects]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found: dict[str, Branches] = {}
    for counts in tmp_path.glob("*.gcov.json.gz"):
        found |= branches_of(counts)
    library = {path.name: found[path.name] for path in library_sources()}
    table = "\n".join(f"{name:28}{b.part:7.1%} of {b.all:4}  {b.missed}" for name, b in sorted(library.items()))
    print(f"\n{table}")  # noqa: T201
    assert all(branches.part >= LEAST_BRANCHES for branches in library.values()), table


@pytest.fixture(scope="module")
def fuzzing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("lfcp-fuzzing")
    clang = need_program("clang", "clang libclang-rt-dev")
    probe = tmp_path / "probe.c"
    probe.write_text("int LLVMFuzzerTestOneInput(const void *data, unsigned long size) { return !data && size; }\n")
    linked = subprocess.run(
        [clang, "-fsanitize=fuzzer,address", probe, "-o", tmp_path / "probe"], capture_output=True, check=False
    )
    need(linked.returncode == 0, "libFuzzer (Debian: apt install libclang-rt-dev)")
    options = (f"CMAKE_C_COMPILER={clang}", "LFCP_FUZZ=ON", "LFCP_SANITIZE=ON")
    for target in FUZZERS:
        build(tmp_path / "build", *options, targets=(target,))
    return tmp_path / "build" / "test"


@pytest.mark.prove
@pytest.mark.parametrize("target", FUZZERS)
def test_the_library_withstands_a_while_of_fuzzing(fuzzing: Path, target: str, tmp_path: Path) -> None:
    corpus, runs = FUZZERS[target]
    kept = FIRMWARE / "test" / corpus
    said = run(fuzzing / target, f"-runs={runs}", "-seed=1", "-max_len=600", tmp_path, kept)
    assert f"Done {runs} runs" in said
    assert any(tmp_path.iterdir()), "nothing new was found: the code is not instrumented"


def test_every_source_is_built() -> None:
    listed = (FIRMWARE / "CMakeLists.txt").read_text(encoding="utf-8")
    assert [path.name for path in SOURCE.glob("*.c") if f"source/{path.name}" not in listed] == []
