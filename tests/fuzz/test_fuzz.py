"""What the fuzzer found stays checked, and the fuzzer itself runs."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.target import try_input
from tests.needs import need

HERE = Path(__file__).parent
CORPUS = sorted((HERE / "corpus").iterdir())
MAX_CORPUS = 200  # files; minimise it again when it has more


@pytest.mark.parametrize("path", CORPUS, ids=[path.name[:8] for path in CORPUS])
def test_an_input_of_the_corpus_breaks_nothing(path: Path) -> None:
    try_input(path.read_bytes())


def test_the_corpus_is_there_and_small() -> None:
    assert 0 < len(CORPUS) <= MAX_CORPUS


@given(st.binary(max_size=300))
def test_bytes_at_random_break_nothing(data: bytes) -> None:
    try_input(data)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=300, cwd=HERE
    )


def test_without_atheris_the_fuzzer_says_what_to_install() -> None:
    code = "import runpy, sys; sys.modules['atheris'] = None; sys.argv = ['run.py']; "
    code += "runpy.run_path('run.py', run_name='__main__')"
    ended = run("-c", code)
    assert ended.returncode == 1
    assert "pip install atheris" in ended.stderr


@pytest.mark.prove
def test_the_fuzzer_runs(tmp_path: Path) -> None:
    need(find_spec("atheris") is not None, "atheris (pip install -e '.[fuzz]')")
    ended = run("run.py", "--seconds", "1", "--found", str(tmp_path / "found"))
    assert ended.returncode == 0, ended.stderr
    assert "Done " in ended.stderr
