from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PIL import Image, ImageChops, ImageStat

from alarmd.adapters import exit_codes
from alarmd.cli import exits
from alarmd.cli.film import SHOWN_SKIPS, Teller, zone_of
from alarmd.core.instant import SECOND
from alarmd.frames.archive import DirectoryArchive
from alarmd.frames.film import make
from alarmd.frames.film.look import Format, Look, card_frame
from alarmd.frames.film.plan import Gap
from alarmd.storage.opening import open_store
from tests.cli.conftest import Alarmd
from tests.contracts.records import VAULT
from tests.frames.film.parts import archive_them, frame, jpeg, probed
from tests.needs import need_program

MORNING = round(datetime.fromisoformat("2026-11-20T03:00+01:00").timestamp()) * SECOND
DAY = ("--from", "2026-11-20T03:00+01:00", "--to", "2026-11-20T07:00+01:00")
MINUTE = 60 * SECOND

Take = Callable[[Sequence[int]], DirectoryArchive]


@pytest.fixture
def take(state: Path) -> Take:
    """Store pictures of cam1, taken so many minutes after three in the morning in Prague."""
    need_program("ffmpeg", "ffmpeg")

    def taken(minutes: Sequence[int]) -> DirectoryArchive:
        archive = DirectoryArchive(state / "archive", 0)
        store = open_store(f"sqlite:///{state / 'alarmd.sqlite'}", "A", VAULT)
        archive_them(store, archive, [(MORNING + n * MINUTE, jpeg((160, 96), (n % 256, 80, 80))) for n in minutes])
        store.close()
        return archive

    return taken


def test_a_film_is_made_of_a_cameras_pictures(alarmd: Alarmd, take: Take, tmp_path: Path) -> None:
    take(range(60))
    ended = alarmd("film", "cam1", *DAY, "--length", "3s", "--fps", "10", "--gap", "4h", "out.mp4")
    assert (ended.code, ended.err) == (exits.OK, "")
    assert ended.out == (
        "The film is in out.mp4: 3.0 s with 30 of 60 pictures; gaps: 0, pictures that could not be shown: 0.\n"
    )
    seen = probed(tmp_path / "out.mp4")
    assert (seen["frames"], seen["duration"], seen["width"], seen["height"]) == (30, pytest.approx(3.0), 160, 96)


def test_a_gap_is_told_in_the_local_time_of_the_devices_site(alarmd: Alarmd, take: Take, tmp_path: Path) -> None:
    take([0, 8, 160])
    made = alarmd.fine("film", "cam1", *DAY[:2], "--to", "2026-11-20T05:45+01:00", "out.mp4", "--json").json
    assert made == {
        "file": "out.mp4",
        "bytes": (tmp_path / "out.mp4").stat().st_size,
        "seconds": 53 / 25,
        "frames": 53,
        "pictures": 3,
        "shown": 3,
        "skipped": 0,
        "gaps": 1,
        "resumed_frames": 0,
    }
    gap = Gap(MORNING + 8 * MINUTE, MORNING + 160 * MINUTE)
    seen = frame(tmp_path / "out.mp4", 25)
    cards = {
        zone: Image.open(BytesIO(card_frame(gap, Look(Format((160, 96), "420"), ZoneInfo(zone)))))
        for zone in ("Europe/Prague", "UTC", "Asia/Tokyo")
    }
    away = {zone: ImageStat.Stat(ImageChops.difference(card, seen)).sum[0] for zone, card in cards.items()}
    assert min(away, key=away.__getitem__) == "Europe/Prague"


def test_times_size_and_even_brightness_are_asked_for(alarmd: Alarmd, take: Take, tmp_path: Path) -> None:
    take(range(12))
    words = ("--timestamps", "--deflicker", "--size", "320x192", "--gap", "4h")
    alarmd.fine("film", "cam1", *DAY, *words, "out.mp4")
    seen = probed(tmp_path / "out.mp4")
    assert (seen["frames"], seen["width"], seen["height"]) == (12, 320, 192)
    corner = frame(tmp_path / "out.mp4", 5).convert("L").crop((0, 170, 150, 192))
    assert ImageStat.Stat(corner).extrema[0][1] > 180, "the time is written there"


@pytest.mark.parametrize("size", ["640", "641x480", "8x8", "640x99998", "axb", "640x480x2"])
def test_a_size_that_no_film_can_have_is_wrong_usage(alarmd: Alarmd, size: str) -> None:
    ended = alarmd("film", "cam1", "--size", size, "out.mp4", "--json")
    assert (ended.code, ended.error["field"]) == (exits.WRONG_USAGE, "size")


def test_a_film_does_not_end_before_it_begins(alarmd: Alarmd) -> None:
    ended = alarmd("film", "cam1", "--from", "2026-11-02", "--to", "2026-11-02", "out.mp4")
    assert ended.code == exits.WRONG_USAGE
    assert "--to: it is not after --from" in ended.err


def test_nothing_is_overwritten_unless_forced(alarmd: Alarmd, take: Take, tmp_path: Path) -> None:
    take(range(5))
    output = tmp_path / "out.mp4"
    output.write_text("precious")
    ended = alarmd("film", "cam1", *DAY, "out.mp4")
    assert (ended.code, output.read_text()) == (exits.FAILED, "precious")
    assert "--force" in ended.err
    alarmd.fine("film", "cam1", *DAY, "--force", "out.mp4")
    assert probed(output)["codec_name"] == "h264"


def test_a_missing_directory_is_told_before_anything_is_read(alarmd: Alarmd) -> None:
    ended = alarmd("film", "cam1", "nowhere/out.mp4")
    assert ended.code == exit_codes.CANNOT_CREATE
    assert "make it first" in ended.err


def test_a_time_without_pictures_is_a_clear_error(alarmd: Alarmd, take: Take, tmp_path: Path) -> None:
    take([1])
    ended = alarmd("film", "cam1", "--from", "2026-11-01", "--to", "2026-11-02", "out.mp4", "--json")
    assert (ended.code, ended.error["reason"]) == (exits.FAILED, "no_pictures")
    assert "no pictures" in ended.error["message"]
    assert not (tmp_path / "out.mp4").exists()


def test_an_unknown_camera_is_told(alarmd: Alarmd, take: Take) -> None:
    take([1])
    ended = alarmd("film", "cam7", "out.mp4", "--json")
    assert (ended.code, ended.error["reason"]) == (exits.FAILED, "unknown_device")


def test_a_missing_ffmpeg_is_told_with_the_way_to_get_it(
    alarmd: Alarmd, take: Take, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    take([1])
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = alarmd("film", "cam1", *DAY, "out.mp4", "--json")
    assert (ended.code, ended.error["reason"]) == (exits.FAILED, "no_ffmpeg")
    assert "apt install ffmpeg" in ended.error["message"]


def test_pictures_that_cannot_be_shown_are_named_up_to_a_limit_and_counted(
    alarmd: Alarmd, take: Take, tmp_path: Path
) -> None:
    archive = take(range(20))
    for key in list(archive.keys())[: SHOWN_SKIPS + 3]:
        archive.path(key).unlink()
    ended = alarmd("film", "cam1", *DAY, "--gap", "4h", "out.mp4")
    assert ended.code == exits.OK
    assert ended.err.count("is left out: No such file") == SHOWN_SKIPS
    assert ended.out.endswith(f"with 7 of 20 pictures; gaps: 0, pictures that could not be shown: {SHOWN_SKIPS + 3}.\n")


def test_an_interrupted_film_is_gone_on_with_by_the_same_command(
    alarmd: Alarmd, take: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(range(30))
    monkeypatch.setattr(make, "PART_FRAMES", 8)
    words = ("film", "cam1", *DAY, "--gap", "4h", "out.mp4")
    with monkeypatch.context() as patched:
        patched.setattr(Teller, "advanced", interrupt_at(20))
        ended = alarmd(*words)
    assert ended.code == exits.INTERRUPTED
    assert not (tmp_path / "out.mp4").exists()
    ended = alarmd(*words)
    assert (ended.code, ended.err) == (
        exits.OK,
        "alarmd: going on with an interrupted film: 16 frames in 2 parts are there\n",
    )
    assert probed(tmp_path / "out.mp4")["frames"] == 30


def test_a_terminal_sees_how_far_it_is(alarmd: Alarmd, take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    take(range(5))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    ended = alarmd("film", "cam1", *DAY, "out.mp4")
    assert ended.code == exits.OK
    assert "film" in ended.err
    assert "%" in ended.err


def test_a_time_zone_that_this_machine_has_lost_is_taken_for_utc() -> None:
    assert zone_of("Atlantis/Capital") is UTC


def interrupt_at(frames: int) -> Callable[[Teller, int], None]:
    left = [frames]

    def advanced(_teller: Teller, more: int) -> None:
        left[0] -= more
        if left[0] == 0:
            raise KeyboardInterrupt

    return advanced
