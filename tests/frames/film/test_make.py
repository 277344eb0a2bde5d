"""Films judged by ffprobe."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from alarmd.core.instant import SECOND
from alarmd.frames.film import make
from alarmd.frames.film.errors import FilmError, FilmFault
from alarmd.frames.film.ffmpeg import KEPT_BYTES, NICENESS, Encoding
from alarmd.frames.film.look import Look, usual_format
from alarmd.frames.film.make import Watcher, make_film
from alarmd.frames.film.plan import Wish, plan
from alarmd.frames.film.workshop import workshop_of
from tests.frames.film.parts import SMALL, Heard, film, frame, jpeg, many, noisy_jpeg, probed, stored
from tests.needs import need_program

ROOT = Path(__file__).parents[3]
FEW = 8  # frames of a part in these tests
KILLED = f"""
import os, signal, sys
from pathlib import Path
from alarmd.frames.film import make
from tests.frames.film.parts import film, many

class Killer(make.Watcher):
    def advanced(self, frames):
        global done
        done += frames
        if done == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

done = 0
make.PART_FRAMES = {FEW}
film(Path(sys.argv[1]) / "out.mp4", many(Path(sys.argv[1]), 40), watcher=Killer())
"""


@pytest.fixture(autouse=True)
def ffmpeg() -> str:
    return need_program("ffmpeg", "ffmpeg")


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "PART_FRAMES", FEW)


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Path]:
    """Where the film goes; nothing else may lie there in the end, but what a test says."""
    directory = tmp_path / "films"
    directory.mkdir()
    return directory / "out.mp4"


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def children() -> set[str]:
    """The programs that this process has started and that are still there."""
    found = [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]
    return {Path(f"/proc/{pid}/comm").read_text().strip() for pid in found}


def killed(folder: Path, at: int) -> None:
    """A process that makes a film of 40 pictures into out.mp4, and is killed once that many frames are done."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(at)], cwd=ROOT, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL


class Interrupting(Watcher):
    def __init__(self, at: int) -> None:
        self._left = at

    def advanced(self, frames: int) -> None:
        self._left -= frames
        if self._left <= 0:
            raise KeyboardInterrupt


def test_a_film_is_what_players_expect(tmp_path: Path, output: Path) -> None:
    made = film(output, many(tmp_path, 30), Wish(fps=10))
    seen = probed(output)
    assert (seen["codec_name"], seen["pix_fmt"]) == ("h264", "yuv420p")
    assert (seen["width"], seen["height"]) == SMALL
    assert (seen["frames"], seen["duration"]) == (30, pytest.approx(3.0))
    assert (made.frames, made.skipped, made.resumed, made.bytes) == (30, 0, 0, output.stat().st_size)
    data = output.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "it plays while it is being loaded"
    assert names(output.parent) == ["out.mp4"]


@pytest.mark.usefixtures("small_parts")
def test_a_film_of_many_parts_is_one_film(tmp_path: Path, output: Path) -> None:
    made = film(output, many(tmp_path, 20), Wish(fps=10, seconds=2.5))
    assert (made.frames, probed(output)["frames"], probed(output)["duration"]) == (25, 25, pytest.approx(2.5))


@pytest.mark.usefixtures("small_parts")
def test_the_pictures_are_seen_in_their_order(tmp_path: Path, output: Path) -> None:
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    film(output, stored(tmp_path, [jpeg(colour=colour) for colour in colours for _ in range(6)]))
    for number, colour in ((1, colours[0]), (8, colours[1]), (16, colours[2])):
        pixel = frame(output, number).getpixel((30, 20))
        assert isinstance(pixel, tuple)
        assert max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 30


@pytest.mark.parametrize("sampling", ["4:2:0", "4:2:2", "4:4:4"])
def test_cards_and_odd_pictures_cost_no_frame_with_deflicker(tmp_path: Path, output: Path, sampling: str) -> None:
    datas = [jpeg(sampling=sampling)] * 6 + [jpeg((32, 32)), jpeg((100, 50), sampling="4:2:2")]
    made = film(output, stored(tmp_path, datas, 700 * SECOND), Wish(10, 6.0), encoding=Encoding(deflicker=True))
    assert made.frames == 60
    assert (probed(output)["frames"], probed(output)["pix_fmt"]) == (60, "yuv420p")


def test_a_size_that_is_asked_for_is_the_films(tmp_path: Path, output: Path) -> None:
    film(output, many(tmp_path, 3), size=(120, 80), timestamps=True)
    assert (probed(output)["width"], probed(output)["height"]) == (120, 80)


def test_odd_sides_become_even(tmp_path: Path, output: Path) -> None:
    film(output, stored(tmp_path, [jpeg((65, 49))] * 3))
    assert (probed(output)["width"], probed(output)["height"]) == (64, 48)


def test_broken_and_vanished_pictures_are_skipped_and_told(tmp_path: Path, output: Path) -> None:
    pictures = many(tmp_path, 10)
    pictures[2].path.write_bytes(b"no picture")
    pictures[5].path.unlink()
    heard = Heard()
    made = film(output, pictures, watcher=heard)
    assert (made.frames, made.skipped, probed(output)["frames"]) == (8, 2, 8)
    assert [name for name, _ in heard.skips] == ["0002.jpg", "0005.jpg"]
    assert heard.frames == 10, "progress counts what is behind, not what is shown"


@pytest.mark.usefixtures("small_parts")
def test_a_part_whose_pictures_are_all_broken_is_left_out(tmp_path: Path, output: Path) -> None:
    pictures = many(tmp_path, 3 * FEW)
    for picture in pictures[FEW : 2 * FEW]:
        picture.path.unlink()
    assert film(output, pictures).frames == probed(output)["frames"] == 2 * FEW


def test_pictures_that_all_vanish_make_no_film_of_cards(tmp_path: Path, output: Path) -> None:
    pictures = stored(tmp_path, [jpeg()] * 2, 3600 * SECOND)
    planned = plan(pictures, Wish(10, gap=60 * SECOND))
    look = Look(usual_format(planned.shown))
    for picture in pictures:
        picture.path.unlink()
    with pytest.raises(FilmError, match="none of 2 pictures can be read") as told:
        make_film(output, planned, look, Encoding(), Watcher())
    assert planned.gaps == 1
    assert told.value.fault is FilmFault.NO_PICTURES
    assert not output.exists()


def test_what_was_there_is_replaced_only_by_a_whole_film(tmp_path: Path, output: Path) -> None:
    output.write_text("precious")
    pictures = many(tmp_path, 20)
    with pytest.raises(KeyboardInterrupt):
        film(output, pictures, watcher=Interrupting(10))
    assert output.read_text() == "precious"
    film(output, pictures)
    assert probed(output)["frames"] == 20


def test_an_interrupted_film_leaves_neither_a_file_nor_a_process(tmp_path: Path, output: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        film(output, many(tmp_path, 20), watcher=Interrupting(10))
    assert "ffmpeg" not in children()
    assert names(output.parent) == []


@pytest.mark.usefixtures("small_parts")
def test_a_killed_film_goes_on_where_it_was(tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    killed(tmp_path, at=3 * FEW + 2)
    assert not output.exists()
    heard = Heard()
    made = film(output, many(tmp_path, 40), watcher=heard)
    assert (heard.parts, made.resumed, heard.frames) == (3, 3 * FEW, 40)
    assert (made.frames, probed(output)["frames"], probed(output)["duration"]) == (40, 40, pytest.approx(1.6))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.usefixtures("small_parts")
def test_another_plan_begins_anew(tmp_path: Path, output: Path) -> None:
    pictures = many(tmp_path, 40)
    with pytest.raises(KeyboardInterrupt):
        film(output, pictures, watcher=Interrupting(3 * FEW))
    assert names(output.parent) == [".out.mp4.parts"]
    heard = Heard()
    made = film(output, pictures, timestamps=True, watcher=heard)
    assert (heard.parts, made.resumed, probed(output)["frames"]) == (0, 0, 40)
    assert names(output.parent) == ["out.mp4"]


def test_two_cannot_make_the_same_film_at_once(tmp_path: Path, output: Path) -> None:
    with workshop_of(output), pytest.raises(FilmError) as told:
        film(output, many(tmp_path, 3))
    assert told.value.fault is FilmFault.IN_WORK
    film(output, many(tmp_path, 3))


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match=r"cannot make /proc/out\.mp4") as told:
        film(Path("/proc/out.mp4"), many(tmp_path, 3))
    assert told.value.fault is FilmFault.CANNOT_WRITE


def test_a_missing_ffmpeg_is_told_with_the_way_to_get_it(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FilmError, match="apt install ffmpeg") as told:
        film(output, many(tmp_path, 3))
    assert told.value.fault is FilmFault.NO_FFMPEG


@pytest.mark.parametrize("reads", ["", "head -c 100 >/dev/null; ", "cat >/dev/null; "])
def test_an_ffmpeg_that_fails_is_told_in_its_own_last_words(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch, reads: str
) -> None:
    program = tmp_path / "ffmpeg"
    complaint = "for i in $(seq 20000); do echo line $i; done >&2; echo Unknown encoder >&2; exit 7"
    program.write_text(f"#!/bin/sh\n{reads}{complaint}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(FilmError, match="ended with 7") as told:
        film(output, stored(tmp_path, [jpeg((640, 480))] * 60))
    assert told.value.fault is FilmFault.FFMPEG_FAILED
    assert str(told.value).endswith("Unknown encoder")
    assert len(str(told.value)) < KEPT_BYTES + 100
    assert names(output.parent) == []


def test_an_ffmpeg_that_ends_too_early_has_failed_whatever_it_says(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(FilmError, match="ended with 0: it said nothing"):
        film(output, stored(tmp_path, [noisy_jpeg((320, 240), 1)] * 60))
    assert names(output.parent) == []


def test_a_bounded_bitrate_is_kept(tmp_path: Path, output: Path) -> None:
    pictures = stored(tmp_path, [noisy_jpeg((160, 120), number) for number in range(25)])
    film(output, pictures)
    assert output.stat().st_size > 50_000
    film(output, pictures, encoding=Encoding(max_bitrate=100_000))
    assert output.stat().st_size < 25_000
    assert probed(output)["frames"] == 25


def test_a_nice_film_leaves_the_processor_to_others(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nnice >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    expected = min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    with pytest.raises(FilmError, match=f"ended with 1: {expected}$"):
        film(output, many(tmp_path, 3), encoding=Encoding(nice=True))
