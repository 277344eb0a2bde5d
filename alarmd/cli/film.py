"""`alarmd film`: a film of a camera's pictures."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alarmd.adapters import exit_codes
from alarmd.adapters.time_zones import time_zone
from alarmd.cli import exits
from alarmd.cli.asked import Asked, common_options, examples, pass_asked
from alarmd.cli.database import open_database
from alarmd.cli.exits import Failure
from alarmd.cli.moments import Moment, Span
from alarmd.cli.output import print_line
from alarmd.cli.sources import StoredSource
from alarmd.core.instant import SECOND
from alarmd.frames.film.archived import archived_pictures
from alarmd.frames.film.errors import FilmError, FilmFault
from alarmd.frames.film.ffmpeg import Encoding
from alarmd.frames.film.look import MAX_SIDE, Look, Size, usual_format
from alarmd.frames.film.make import Made, Watcher, make_film
from alarmd.frames.film.plan import USUAL_FPS, FilmPicture, Plan, Wish, plan
from alarmd.frames.keys import check_key

if TYPE_CHECKING:
    from rich.progress import Progress

MAX_FPS = 60
LEAST_SECONDS, MAX_SECONDS = 1.0, 6 * 3600.0
LEAST_SIDE = 16
SHOWN_SKIPS = 10  # the others are only counted


class FrameSize(click.ParamType[Size]):
    """Pixels, WIDTHxHEIGHT."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Size:
        found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", value, re.ASCII)
        if found is None:
            self.fail(f"{value!r} is no size; write it like 1280x720", param, ctx)
        width, height = int(found[1]), int(found[2])
        if width % 2 or height % 2 or not all(LEAST_SIDE <= side <= MAX_SIDE for side in (width, height)):
            self.fail(f"{value!r}: sides are even and from {LEAST_SIDE} to {MAX_SIDE}", param, ctx)
        return width, height


@click.command(
    epilog=examples(
        "alarmd film cam1 --from yesterday --to today --length 30s out.mp4",
        "alarmd film cam1 --from 6h --fps 10 --timestamps out.mp4",
        "alarmd film cam1 --size 640x480 --deflicker --force out.mp4",
    )
)
@click.argument("device")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--from", "since", type=Moment(), default="24h", show_default=True, help="2h, yesterday, 07:30, …")
@click.option("--to", "until", type=Moment(), default="now", show_default=True, help="The same.")
@click.option("--length", type=Span(LEAST_SECONDS, MAX_SECONDS), help="Of the film. Default: each picture is a frame.")
@click.option("--fps", type=click.IntRange(1, MAX_FPS), default=USUAL_FPS, show_default=True, help="Frames a second.")
@click.option("--gap", type=Span(1), help="So long without pictures gets a card. Default: 10m; more for slow cameras.")
@click.option("--size", type=FrameSize(), metavar="WxH", help="Default: that of most pictures.")
@click.option("--timestamps", is_flag=True, help="Write into each picture when it was taken.")
@click.option("--deflicker", is_flag=True, help="Even out the brightness of neighbouring pictures.")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@common_options
@pass_asked
def film(
    asked: Asked,
    device: str,
    file: Path,
    since: int,
    until: int,
    length: float | None,
    fps: int,
    gap: float | None,
    size: Size | None,
    timestamps: bool,
    deflicker: bool,
    force: bool,
) -> None:
    """Make a film (MP4) of DEVICE's pictures, the oldest first.

    Where pictures are missing, a card tells from when to when, in the local time of the device's site. FILE has its
    name only once it is whole. A film that was interrupted is continued by the same command, as long as it finds the
    same pictures: say --to.
    """
    if since >= until:
        raise click.BadParameter("it is not after --from", click.get_current_context(), param_hint="--to")
    _check_target(file, force)
    pictures, zone = _found(asked, device, since, until)
    wish = Wish(fps, length, None if gap is None else round(gap * SECOND), since, until)
    with _failures():
        planned = plan(pictures, wish)
        look = Look(usual_format(planned.shown, size), zone, timestamps)
        with _watching(planned, quiet=asked.json or not sys.stderr.isatty()) as watcher:
            made = make_film(file, planned, look, Encoding(deflicker), watcher)
    _print(asked, file, planned, made)


class Teller(Watcher):
    """On stderr: the progress on a terminal, and what went wrong."""

    def __init__(self, progress: "Progress | None", frames: int) -> None:
        self._progress = progress
        self._task = progress.add_task("film", total=frames) if progress else None
        self._skips = 0

    def resumed(self, parts: int, frames: int) -> None:
        click.echo(f"alarmd: going on with an interrupted film: {frames} frames in {parts} parts are there", err=True)

    def advanced(self, frames: int) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task, frames)

    def skipped(self, picture: FilmPicture, why: str) -> None:
        self._skips += 1
        if self._skips <= SHOWN_SKIPS:
            click.echo(f"alarmd: {picture.path} is left out: {why}", err=True)


@contextmanager
def _watching(planned: Plan, *, quiet: bool) -> Iterator[Teller]:
    if quiet:
        yield Teller(None, planned.frames)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        yield Teller(progress, planned.frames)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except FilmError as error:
        unwritable = error.fault is FilmFault.CANNOT_WRITE
        raise Failure(str(error), exit_codes.CANNOT_CREATE if unwritable else exits.FAILED, error.fault) from None


def _found(asked: Asked, device: str, since: int, until: int) -> tuple[list[FilmPicture], tzinfo]:
    """From the database itself: whoever can read the pictures' files can read that, and a server has better to do."""
    root = asked.config.archive_directory
    with open_database(asked) as reader:
        source = StoredSource(reader, asked.config.devices.unknown, root)
        place = source.device(device).zone
        name = next((zone.time_zone for zone in source.zones().zones if zone.name == place), "")
        return archived_pictures(reader, lambda key: root / check_key(key), device, since, until), zone_of(name)


def zone_of(name: str) -> tzinfo:
    try:
        return time_zone(name)
    except KeyError:  # this machine has lost its time zones
        return UTC


def _check_target(file: Path, force: bool) -> None:
    if file.exists() and not force:
        raise Failure(f"{file} is there already; replace it with --force", reason="exists", field="file")
    if not file.parent.is_dir():
        raise Failure(f"there is no directory {file.parent}; make it first", exit_codes.CANNOT_CREATE, field="file")


def _print(asked: Asked, file: Path, planned: Plan, made: Made) -> None:
    told = {
        "file": str(file),
        "bytes": made.bytes,
        "seconds": round(made.frames / planned.fps, 3),
        "frames": made.frames,
        "pictures": planned.pictures,
        "shown": len(planned.shown) - made.skipped,
        "skipped": made.skipped,
        "gaps": planned.gaps,
        "resumed_frames": made.resumed,
    }
    if asked.json:
        click.echo(json.dumps(told))
        return
    print_line(
        f"The film is in {file}: {told['seconds']} s with {told['shown']} of {planned.pictures} pictures; "
        f"gaps: {planned.gaps}, pictures that could not be shown: {made.skipped}."
    )
