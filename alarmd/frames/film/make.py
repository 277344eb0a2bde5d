"""Makes a film: part after part into its workshop, then all of them into one file that takes its name when whole."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from alarmd.frames.film import ffmpeg
from alarmd.frames.film.errors import FilmError, FilmFault
from alarmd.frames.film.ffmpeg import Encoding, encode_arguments, find_ffmpeg, join_arguments
from alarmd.frames.film.look import BrokenPictureError, Look, card_frame, picture_frame
from alarmd.frames.film.plan import FilmPicture, Plan, Shot, parts
from alarmd.frames.film.workshop import Part, Workshop, workshop_of

PART_FRAMES = 500  # what a kill may cost; each part costs a start of ffmpeg
VERSION = 1  # of how frames are drawn and encoded; parts of another are not joined
LISTED = "parts.txt"


class Watcher:
    """Hears how a film goes. Whatever a method raises ends the film, and ffmpeg with it."""

    def resumed(self, parts: int, frames: int) -> None:
        """These are there from an earlier run."""

    def advanced(self, frames: int) -> None:
        """So many frames of the plan more are done."""

    def skipped(self, picture: FilmPicture, why: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Made:
    """frames: in the film. skipped: pictures that could not be shown. resumed: frames of an earlier run."""

    frames: int
    skipped: int
    resumed: int
    bytes: int


class _Work(NamedTuple):
    """What all parts of a film have in common."""

    program: str
    film: str  # its digest
    plan: Plan
    look: Look
    encoding: Encoding
    workshop: Workshop
    watcher: Watcher


def make_film(output: Path, plan: Plan, look: Look, encoding: Encoding, watcher: Watcher) -> Made:
    """At `output`, in place of what was there. Another call for the same film goes on where this one was ended; with
    another plan, look or encoding it begins anew. Raises FilmError."""
    program = find_ffmpeg()
    with workshop_of(output) as workshop:
        work = _Work(program, _digest(plan, look, encoding), plan, look, encoding, workshop, watcher)
        before = workshop.begin(work.film)
        resumed = sum(part.frames for part in before.values())
        if before:
            watcher.resumed(len(before), resumed)
        made = [_part(work, index, shots, before) for index, shots in enumerate(parts(plan, PART_FRAMES))]
        _join(work, made)
        size = workshop.partial.stat().st_size
        workshop.deliver()
    return Made(sum(part.frames for part in made), sum(part.skipped for part in made), resumed, size)


def _digest(plan: Plan, look: Look, encoding: Encoding) -> str:
    told = hashlib.sha256(repr((VERSION, PART_FRAMES, plan.fps, look, encoding)).encode())
    for shot in plan.shots:
        told.update(repr(shot).encode())
    return told.hexdigest()[:16]


def _part(work: _Work, index: int, shots: tuple[Shot, ...], before: dict[int, Part]) -> Part:
    if index in before:
        work.watcher.advanced(sum(shot.frames for shot in shots))
        return before[index]
    arguments = encode_arguments(work.plan.fps, work.encoding, work.workshop.partial.name)
    frames = skipped = 0
    with ffmpeg.running(work.program, arguments, work.workshop.directory, nice=work.encoding.nice) as process:
        for shot in shots:
            frame = _frame(work, shot)
            if frame is None:
                skipped += 1
            else:
                process.write(frame, shot.frames)
                frames += shot.frames
            work.watcher.advanced(shot.frames)
        if frames:
            process.finish()
    part = Part(work.film, index, frames, skipped)
    if frames:
        work.workshop.keep(part)
    return part


def _frame(work: _Work, shot: Shot) -> bytes | None:
    """None: it cannot be shown, which the watcher has heard."""
    if not isinstance(shot.shown, FilmPicture):
        return card_frame(shot.shown, work.look)
    try:
        return picture_frame(shot.shown, work.look)
    except BrokenPictureError as error:
        work.watcher.skipped(shot.shown, str(error))
        return None


def _join(work: _Work, made: list[Part]) -> None:
    shown = [part for part in made if part.frames]
    if sum(part.skipped for part in made) == len(work.plan.shown):
        raise FilmError(FilmFault.NO_PICTURES, f"none of {len(work.plan.shown)} pictures can be read")
    listed = "".join(f"file {part.name}\n" for part in shown)
    (work.workshop.directory / LISTED).write_text(f"ffconcat version 1.0\n{listed}")
    arguments = join_arguments(LISTED, work.workshop.partial.name)
    with ffmpeg.running(work.program, arguments, work.workshop.directory) as process:
        process.finish()
