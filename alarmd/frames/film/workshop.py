"""The directory beside a film in which it is made: parts that are whole stay there, so that who was killed goes on."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alarmd.frames.film.errors import FilmError, FilmFault

LOCK = "lock"
PRIVATE = 0o700
_PART = re.compile(r"(?P<film>[0-9a-f]{16})-(?P<index>\d{5})-(?P<frames>\d+)-(?P<skipped>\d+)\.mp4", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """What its file's name says. film: 16 hexadecimal digits that no other plan has. skipped: pictures that could not
    be shown."""

    film: str
    index: int
    frames: int
    skipped: int

    @property
    def name(self) -> str:
        return f"{self.film}-{self.index:05}-{self.frames}-{self.skipped}.mp4"


class Workshop:
    """Use `workshop_of`. directory: for ffmpeg to work in. partial: the file for it to write; its name is this
    process's own, since the ffmpeg of one that was killed may take a moment longer to end."""

    def __init__(self, output: Path, directory: Path) -> None:
        self._output = output
        self.directory = directory
        self.partial = directory / f"partial-{os.getpid()}.mp4"

    def begin(self, film: str) -> dict[int, Part]:
        """What is there of this very film, by index; everything else is removed."""
        kept = {part.index: part for part in self._parts() if part.film == film}
        names = {LOCK, *(part.name for part in kept.values())}
        for found in self.directory.iterdir():
            if found.name not in names:
                found.unlink()
        return kept

    def is_empty(self) -> bool:
        return not self._parts()

    def keep(self, part: Part) -> None:
        """What `partial` holds is whole."""
        sync(self.partial)
        self.partial.rename(self.directory / part.name)

    def deliver(self) -> None:
        """What `partial` holds is the film; it takes the place of what was there."""
        sync(self.partial)
        self.partial.replace(self._output)
        sync(self._output.parent)

    def _parts(self) -> list[Part]:
        found = (_PART.fullmatch(path.name) for path in self.directory.iterdir())
        return [
            Part(name["film"], int(name["index"]), int(name["frames"]), int(name["skipped"])) for name in found if name
        ]


def parts_directory(output: Path) -> Path:
    return output.absolute().with_name(f".{output.name}.parts")


@contextmanager
def workshop_of(output: Path) -> Iterator[Workshop]:
    """For us alone; kept for the next time if all did not go well and there are parts. Raises FilmError."""
    directory = parts_directory(output)
    try:
        directory.mkdir(PRIVATE, exist_ok=True)
        with (directory / LOCK).open("wb") as lock:
            _take(lock.fileno(), output)
            workshop = Workshop(output.absolute(), directory)
            try:
                yield workshop
            except BaseException:
                if workshop.is_empty():
                    shutil.rmtree(directory)
                raise
            shutil.rmtree(directory)
    except OSError as error:
        raise FilmError(FilmFault.CANNOT_WRITE, f"cannot make {output}: {error.strerror or error}") from error


def sync(path: Path) -> None:
    """A file or a directory, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _take(lock: int, output: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the process, however that ends
    except BlockingIOError:
        raise FilmError(FilmFault.IN_WORK, f"another process is just making {output}; wait for it") from None
