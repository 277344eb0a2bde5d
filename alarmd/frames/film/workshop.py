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

PLAN = "plan"
LOCK = "lock"
_PART = re.compile(r"(?P<index>\d{5})-(?P<frames>\d+)-(?P<skipped>\d+)\.mp4", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """What its file's name says. skipped: pictures that could not be shown."""

    index: int
    frames: int
    skipped: int

    @property
    def name(self) -> str:
        return f"{self.index:05}-{self.frames}-{self.skipped}.mp4"


class Workshop:
    """Use `workshop_of`. directory: for ffmpeg to work in. partial: the file for it to write; its name is this
    process's own, since the ffmpeg of one that was killed may take a moment longer to end."""

    def __init__(self, output: Path, directory: Path) -> None:
        self._output = output
        self.directory = directory
        self.partial = directory / f"partial-{os.getpid()}.mp4"

    def begin(self, digest: str) -> None:
        """Keep the parts of this very plan, and nothing else."""
        marked = self.directory / PLAN
        same = marked.exists() and marked.read_text() == digest
        for found in self.directory.iterdir():
            if found.name not in (PLAN, LOCK) and not (same and _PART.fullmatch(found.name)):
                found.unlink()
        marked.write_text(digest)
        sync(marked)

    def parts(self) -> dict[int, Part]:
        found = (_PART.fullmatch(path.name) for path in self.directory.iterdir())
        made = (Part(int(name["index"]), int(name["frames"]), int(name["skipped"])) for name in found if name)
        return {part.index: part for part in made}

    def keep(self, part: Part) -> None:
        """What `partial` holds is whole."""
        sync(self.partial)
        self.partial.rename(self.directory / part.name)

    def deliver(self) -> None:
        """What `partial` holds is the film; it takes the place of what was there."""
        sync(self.partial)
        self.partial.replace(self._output)
        sync(self._output.parent)


def parts_directory(output: Path) -> Path:
    return output.absolute().with_name(f".{output.name}.parts")


@contextmanager
def workshop_of(output: Path) -> Iterator[Workshop]:
    """For us alone; kept for the next time if all did not go well and there are parts. Raises FilmError."""
    directory = parts_directory(output)
    try:
        directory.mkdir(exist_ok=True)
        with (directory / LOCK).open("wb") as lock:
            _take(lock.fileno(), output)
            workshop = Workshop(output.absolute(), directory)
            try:
                yield workshop
            except BaseException:
                if not workshop.parts():
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
