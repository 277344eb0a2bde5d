"""Tiny pictures, films of them, and what ffprobe says of a film."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

from alarmd.core.effects import SaveDevice, SaveSite, SaveZone
from alarmd.core.instant import SECOND
from alarmd.frames.archive import Archive
from alarmd.frames.film.ffmpeg import Encoding
from alarmd.frames.film.look import Look, Size, usual_format
from alarmd.frames.film.make import Made, Watcher, make_film
from alarmd.frames.film.plan import FilmPicture, Wish, plan
from alarmd.frames.keys import picture_key
from alarmd.storage.interface import Store, Turn
from tests.contracts.records import DEVICE, SITE, ZONE, picture
from tests.needs import need_program

SMALL = (64, 48)
NOON = 1_795_262_400 * SECOND  # 2026-11-21T12:00Z


def jpeg(size: Size = SMALL, colour: tuple[int, int, int] = (200, 60, 20), sampling: str = "4:2:0") -> bytes:
    target = BytesIO()
    Image.new("RGB", size, colour).save(target, "JPEG", subsampling=sampling)
    return target.getvalue()


def grey_jpeg() -> bytes:
    target = BytesIO()
    Image.new("L", SMALL, 128).save(target, "JPEG")
    return target.getvalue()


def noisy_jpeg(size: Size, seed: int) -> bytes:
    target = BytesIO()
    Image.frombytes("RGB", size, Random(seed).randbytes(3 * size[0] * size[1])).save(target, "JPEG")
    return target.getvalue()


def archive_them(store: Store, archive: Archive, taken: Sequence[tuple[int, bytes]]) -> None:
    """cam1's pictures, taken at these times (wall µs), in the archive and in a fresh database. Its site is Prague."""
    turns: list[Turn] = [[SaveSite(SITE)], [SaveZone(ZONE)], [SaveDevice(DEVICE)]]
    for number, (at, data) in enumerate(taken, start=1):
        key = picture_key("cam1", at, sha256(data).hexdigest())
        archive.write(key, data)
        turns.append([picture(number, key=key, captured_at=at, sequence=number)])
    assert store.commit(turns) == []


def stored(folder: Path, datas: Sequence[bytes], apart: int = 10 * SECOND) -> list[FilmPicture]:
    """From noon on."""
    made = []
    for number, data in enumerate(datas):
        path = folder / f"{number:04}.jpg"
        path.write_bytes(data)
        made.append(FilmPicture(path, NOON + number * apart))
    return made


def many(folder: Path, count: int) -> list[FilmPicture]:
    return stored(folder, [jpeg(colour=(number * 5 % 256, 90, 160)) for number in range(count)])


@dataclass
class Heard(Watcher):
    parts: int = 0
    frames: int = 0
    skips: list[tuple[str, str]] = field(default_factory=list)

    def resumed(self, parts: int, frames: int) -> None:
        self.parts = parts

    def advanced(self, frames: int) -> None:
        self.frames += frames

    def skipped(self, picture: FilmPicture, why: str) -> None:
        self.skips.append((picture.path.name, why))


def film(
    output: Path,
    pictures: Sequence[FilmPicture],
    wish: Wish | None = None,
    *,
    size: Size | None = None,
    timestamps: bool = False,
    encoding: Encoding | None = None,
    watcher: Watcher | None = None,
) -> Made:
    planned = plan(pictures, wish or Wish())
    look = Look(usual_format(planned.shown, size), UTC, timestamps)
    return make_film(output, planned, look, encoding or Encoding(), watcher or Watcher())


def probed(path: Path) -> dict[str, Any]:
    """Of the one stream: codec_name, pix_fmt, width, height, frames (decoded, not believed), duration (s)."""
    program = need_program("ffprobe", "ffmpeg")
    shown = "stream=codec_name,pix_fmt,width,height,nb_read_frames,duration"
    command = [program, "-v", "error", "-count_frames", "-show_entries", shown, "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    (stream,) = json.loads(done.stdout)["streams"]
    return stream | {"frames": int(stream["nb_read_frames"]), "duration": float(stream["duration"])}


def frame(path: Path, number: int) -> Image.Image:
    """One decoded frame of a film."""
    command = [need_program("ffmpeg", "ffmpeg"), "-v", "error", "-nostdin", "-i", str(path)]
    command += ["-vf", f"select=eq(n\\,{number})", "-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "-"]
    return Image.open(BytesIO(subprocess.run(command, capture_output=True, check=True).stdout)).convert("RGB")
