"""What a user installs is what runs: wheel, sdist, and the wheel made from the sdist, each with its migrations."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.needs import need

ROOT = Path(__file__).parents[2]
WANTED = (
    "alarmd/application.py",
    "alarmd/alarmd.toml.example",
    "alarmd/py.typed",
    "alarmd/migrations/env.py",
    "lfcp/reading.py",
    "lfcp/client/session.py",
)


def run(*words: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(wheel made from the sdist, sdist), built as a packager does."""
    try:
        import build  # noqa: F401
    except ImportError:
        need(False, "the Python package build (pip install build)")
    target = tmp_path_factory.mktemp("dist")
    tree = tmp_path_factory.mktemp("tree") / "alarmd"
    run("git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(tree))
    run(sys.executable, "-m", "build", "--outdir", str(target), cwd=tree)
    (wheel,), (sdist,) = target.glob("*.whl"), target.glob("*.tar.gz")
    return wheel, sdist


def test_the_wheel_made_from_the_sdist_holds_everything(distributions: tuple[Path, Path]) -> None:
    names = set(zipfile.ZipFile(distributions[0]).namelist())
    assert [wanted for wanted in WANTED if wanted not in names] == []
    assert any(name.startswith("alarmd/migrations/versions/") and "0001" in name for name in names)
    assert not any(name.startswith(("tests/", "bench/")) for name in names)


def test_an_installed_wheel_makes_its_database(distributions: tuple[Path, Path], tmp_path: Path) -> None:
    """Without a work tree: the package is put on an empty path beside this environment's libraries."""
    site = tmp_path / "site"
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(distributions[0]))
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import alarmd, lfcp; "
        f"assert alarmd.__file__.startswith({str(site)!r}) and lfcp.__file__.startswith({str(site)!r}); "
        "from alarmd.cli.main import main; "
        f"sys.argv = ['alarmd', 'upgrade-database']; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "ALARMD_SERVER_STATE_DIRECTORY": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "state" / "alarmd.sqlite").exists()
