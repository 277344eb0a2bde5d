"""A film made by alarmd beside the same film made by ffmpeg alone, of the same files with the same encoding."""

import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFilter

from alarmd.frames.film.ffmpeg import Encoding
from alarmd.frames.film.look import Look, usual_format
from alarmd.frames.film.make import Watcher, make_film
from alarmd.frames.film.plan import FilmPicture, Wish, plan
from bench.programs import need_program
from bench.results import Result

PART = "film"
PICTURES = 1000
SIZE = (1280, 720)
QUALITY = 85  # about what a webcam sends
DRIFT = (320, 180)  # pixels that the scene moves by, in all
NOISE = 40
FPS = 25
TURN = 10_000_000  # µs between two pictures
AT_LEAST = 0.9  # of ffmpeg's speed


class Spent(NamedTuple):
    """Seconds on the clock, and of all processors."""

    wall: float
    cpu: float


def measure(rounds: int, count: int = PICTURES) -> list[Result]:
    ffmpeg = need_program("ffmpeg", "ffmpeg")
    with tempfile.TemporaryDirectory(prefix="alarmd-bench-") as folder:
        _draw(Path(folder), count)
        times = [(_plain(ffmpeg, Path(folder)), _ours(Path(folder))) for _ in range(rounds)]
        drawn = _ours(Path(folder), timestamps=True)
    return [
        Result(
            PART,
            f"ffmpeg alone, {count:,} pictures 720p",
            count / median(alone.wall for alone, _ in times),
            "pictures/s",
        ),
        Result(PART, "alarmd, the pictures as they are", count / median(made.wall for _, made in times), "pictures/s"),
        Result(PART, "alarmd to ffmpeg alone", median(a.wall / m.wall for a, m in times), "", at_least=AT_LEAST),
        Result(PART, "the same by CPU", median(a.cpu / m.cpu for a, m in times), ""),
        Result(PART, "alarmd, times drawn into every picture", count / drawn.wall, "pictures/s"),
    ]


def _draw(folder: Path, count: int) -> None:
    """A grainy scene that drifts, with something that moves in it: neither all alike nor all noise."""
    width, height = SIZE
    grain = Image.effect_noise((width + DRIFT[0], height + DRIFT[1]), NOISE).filter(ImageFilter.GaussianBlur(2))
    scene = Image.merge("RGB", (grain, grain.transpose(Image.Transpose.ROTATE_180), grain))
    for number in range(count):
        left, top = number % DRIFT[0], number % DRIFT[1]
        picture = scene.crop((left, top, left + width, top + height))
        x = 7 * number % width
        ImageDraw.Draw(picture).ellipse((x, 300, x + 200, 500), fill=(number % 256, 90, 10))
        picture.save(folder / f"{number:05}.jpg", quality=QUALITY)


def _plain(ffmpeg: str, folder: Path) -> Spent:
    source = ["-framerate", str(FPS), "-i", str(folder / "%05d.jpg")]
    encoding = ["-vf", "format=yuv420p", "-c:v", "libx264", "-movflags", "+faststart"]
    begun = _now()
    subprocess.run(
        [ffmpeg, "-loglevel", "error", "-nostdin", "-y", *source, *encoding, str(folder / "plain.mp4")], check=True
    )
    return _since(begun)


def _ours(folder: Path, *, timestamps: bool = False) -> Spent:
    """Planning included."""
    begun = _now()
    pictures = [FilmPicture(path, number * TURN) for number, path in enumerate(sorted(folder.glob("*.jpg")))]
    planned = plan(pictures, Wish(FPS))
    look = Look(usual_format(planned.shown), timestamps=timestamps)
    make_film(folder / "ours.mp4", planned, look, Encoding(), Watcher())
    return _since(begun)


def _now() -> Spent:
    """cpu: of this process, and of the children that have ended."""
    times = os.times()
    return Spent(time.perf_counter(), times.user + times.system + times.children_user + times.children_system)


def _since(begun: Spent) -> Spent:
    now = _now()
    return Spent(now.wall - begun.wall, now.cpu - begun.cpu)
