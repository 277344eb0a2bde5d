"""A picture is in the archive wholly and for good, or not at all: full disks, kills and races included."""

import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from alarmd.frames.archive import MAX_SETTLED, PARTIAL, DirectoryArchive
from alarmd.frames.errors import ArchiveError, ArchiveFullError, MissingError
from alarmd.frames.keys import BadKeyError, picture_key
from tests.needs import need

DIGEST = "ab" * 32


def key(number: int = 0, device: str = "cam1") -> str:
    return picture_key(device, 1_700_000_000_000_000 + number, DIGEST)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "state" / "archive"


@pytest.fixture
def archive(root: Path) -> DirectoryArchive:
    return DirectoryArchive(root, reserve=0)


def leftovers(root: Path) -> list[Path]:
    return list((root / PARTIAL).iterdir())


def test_what_is_written_is_read_back_by_the_next_process(archive: DirectoryArchive, root: Path) -> None:
    archive.write(key(), b"picture")
    assert DirectoryArchive(root, 0).read(key()) == b"picture"
    assert archive.path(key()).read_bytes() == b"picture"
    assert leftovers(root) == []


def test_the_same_bytes_twice_touch_nothing_and_other_bytes_take_their_place(archive: DirectoryArchive) -> None:
    archive.write(key(), b"one")
    first = archive.path(key()).stat()
    archive.write(key(), b"one")
    assert archive.path(key()).stat().st_ino == first.st_ino
    archive.write(key(), b"two")
    assert archive.read(key()) == b"two"


def test_nobody_else_can_read_a_picture(archive: DirectoryArchive, root: Path) -> None:
    before = os.umask(0)
    try:
        archive.write(key(), b"picture")
    finally:
        os.umask(before)
    found = [root, *root.rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in found if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in found if path.is_file()} == {0o600}


def test_keys_are_sorted_and_those_below_a_directory(archive: DirectoryArchive) -> None:
    wanted = sorted([key(), key(1), key(86_400_000_000), key(device="cam1.b"), key(device="cam2"), "cam1/films/x.mp4"])
    for one in reversed(wanted):
        archive.write(one, b"x")
    assert list(archive.keys()) == wanted
    assert list(archive.keys("cam1")) == [one for one in wanted if one.startswith("cam1/")]
    assert list(archive.keys("cam1/2023/11/14")) == [key(), key(1)]
    assert list(archive.keys("nobody")) == []


def test_what_is_missing_is_told_as_missing(archive: DirectoryArchive) -> None:
    archive.write(key(), b"x")
    for absent in (key(1), "cam1", f"{key()}/more"):
        with pytest.raises(MissingError):
            archive.read(absent)


def test_deleting_leaves_no_empty_directories_and_may_be_repeated(archive: DirectoryArchive, root: Path) -> None:
    archive.write(key(), b"x")
    archive.write("cam1/films/a.mp4", b"x")
    archive.delete(key())
    archive.delete(key())
    assert [path.name for path in (root / "cam1").iterdir()] == ["films"]
    archive.write(key(), b"again")
    assert archive.read(key()) == b"again"


@pytest.mark.parametrize("bad", ["../outside", "/etc/passwd", ".partial/x", "a/../../b", ""])
def test_no_key_leads_out_of_the_archive(archive: DirectoryArchive, root: Path, bad: str) -> None:
    for attempt in (archive.read, archive.delete, archive.path, lambda name: archive.write(name, b"x")):
        with pytest.raises(BadKeyError):
            attempt(bad)
    assert [path.name for path in root.parent.iterdir()] == ["archive"]


def test_the_reserve_is_kept_for_what_must_not_fail(root: Path) -> None:
    archive = DirectoryArchive(root, reserve=1 << 60)
    with pytest.raises(ArchiveFullError, match=r"archive\.reserve"):
        archive.write(key(), b"picture")
    assert list(archive.keys()) == []
    archive.write(key(), b"manifest", into_reserve=True)
    assert archive.read(key()) == b"manifest"
    archive.write(key(), b"manifest")  # it is there: nothing to find room for


def test_writers_and_deleters_of_one_day_do_not_disturb_each_other(archive: DirectoryArchive) -> None:
    def life(number: int) -> None:
        for _ in range(20):
            archive.write(key(number), b"x")
            assert archive.read(key(number)) == b"x"
            archive.delete(key(number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(life, range(4)))
    assert list(archive.keys()) == []


def test_directories_that_somebody_removed_are_made_again(archive: DirectoryArchive, root: Path) -> None:
    archive.write(key(), b"x")
    shutil.rmtree(root / "cam1")
    archive.write(key(1), b"x")
    assert list(archive.keys()) == [key(1)]


def test_directories_that_are_remembered_are_bounded(
    archive: DirectoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_SETTLED >= 1000
    monkeypatch.setattr("alarmd.frames.archive.MAX_SETTLED", 3)
    for number in range(10):
        archive.write(key(device=f"cam{number}"), b"x")
        assert len(archive._settled) <= 3
    assert len(list(archive.keys())) == 10


def test_a_file_in_the_place_of_a_directory_is_an_error_of_the_archive(archive: DirectoryArchive, root: Path) -> None:
    (root / "cam1").write_bytes(b"")
    with pytest.raises(ArchiveError):
        archive.write(key(), b"x")
    assert leftovers(root) == []
    (root.parent / "taken").write_bytes(b"")
    with pytest.raises(ArchiveError, match="cannot use"):
        DirectoryArchive(root.parent / "taken", 0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    mounted = os.geteuid() == 0 and _mount(tmp_path)
    need(mounted, "the right to mount a tmpfs (run as root)")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def _mount(path: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def test_a_full_disk_refuses_and_shows_no_half_picture(small_disk: Path) -> None:
    archive = DirectoryArchive(small_disk / "archive", reserve=0)
    kept = b"k" * 600_000
    archive.write(key(), kept)
    with pytest.raises(ArchiveFullError, match="No space left"):
        archive.write(key(1), kept, into_reserve=True)  # past the check, as when others fill the disk meanwhile
    with pytest.raises(ArchiveFullError, match="bytes free"):
        archive.write(key(1), kept)
    assert (list(archive.keys()), archive.read(key())) == ([key()], kept)
    assert leftovers(small_disk / "archive") == []
    archive.delete(key())
    archive.write(key(1), kept)


def test_a_write_that_fails_in_its_midst_leaves_nothing(root: Path) -> None:
    script = f"""
        import resource, signal
        from pathlib import Path
        from alarmd.frames.archive import DirectoryArchive
        from alarmd.frames.errors import ArchiveError
        archive = DirectoryArchive(Path({str(root)!r}), 0)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            archive.write({key()!r}, bytes(50_000))
        except ArchiveError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert "File too large" in done.stdout
    assert list(DirectoryArchive(root, 0).keys()) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 10_000


WRITER = """
    import sys
    from pathlib import Path
    from alarmd.frames.archive import DirectoryArchive
    archive = DirectoryArchive(Path(sys.argv[1]), 0)
    start, number = int(sys.argv[2]), 0
    while True:
        name = f"cam1/2026/01/{number % 28 + 1:02}/{start + number}.jpg"
        archive.write(name, name.encode() * 20_000)
        print(name, flush=True)
        number += 1
"""


@pytest.mark.parametrize("told", [1, 5, 17])
def test_a_kill_in_mid_write_shows_no_half_picture_and_loses_none(root: Path, told: int) -> None:
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(root), str(told * 1000)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        written = [process.stdout.readline().strip() for _ in range(told)]
        process.send_signal(signal.SIGKILL)
        written += process.stdout.read().split()
    archive = DirectoryArchive(root, 0)
    assert leftovers(root) == []
    found = list(archive.keys())
    assert set(written) <= set(found)
    assert len(found) <= len(written) + 1
    assert all(archive.read(name) == name.encode() * 20_000 for name in found)


def test_what_a_crash_left_half_is_never_seen_and_is_swept_at_the_next_start(
    archive: DirectoryArchive, root: Path
) -> None:
    (root / PARTIAL / "half").write_bytes(b"half a pic")
    assert list(archive.keys()) == []
    DirectoryArchive(root, 0)
    assert leftovers(root) == []
