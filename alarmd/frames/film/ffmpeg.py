"""ffmpeg as a process that takes frames on its stdin. It never outlives the block that started it."""

import fcntl
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from alarmd.frames.film.errors import FilmError, FilmFault

FIX = "install ffmpeg (Debian: apt install ffmpeg)"
PIPE_BYTES = 1 << 20  # a few pictures, so that neither side waits for the other; more than this is the superuser's
KEPT_BYTES = 4096  # of what it complains of, the last
NICENESS = 15


@dataclass(frozen=True, slots=True)
class Encoding:
    """deflicker: even out the brightness of neighbouring frames. max_bitrate: bit/s, held within each second.
    nice: leave the processor to others."""

    deflicker: bool = False
    max_bitrate: int | None = None
    nice: bool = False


class Ffmpeg:
    """Use `running`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        self._process, self._stdin = process, process.stdin
        with suppress(PermissionError):  # where this user has too many of them: slower, no more
            fcntl.fcntl(self._stdin, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._complaints = b""
        self._listener = threading.Thread(target=self._listen, name="ffmpeg-stderr", daemon=True)
        self._listener.start()

    def write(self, data: bytes, times: int) -> None:
        """Raises FilmError if it has ended."""
        try:
            for _ in range(times):
                self._stdin.write(data)
        except BrokenPipeError:
            self.finish()
            raise self._failed() from None

    def finish(self) -> None:
        """Wait until it has made its file. Raises FilmError with its last words."""
        with suppress(BrokenPipeError):
            self._stdin.close()
        if self._process.wait() != 0:
            raise self._failed()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._listener.join()
        with suppress(BrokenPipeError):
            self._stdin.close()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as pipe:
            while words := os.read(pipe.fileno(), KEPT_BYTES):
                self._complaints = (self._complaints + words)[-KEPT_BYTES:]

    def _failed(self) -> FilmError:
        self._listener.join()
        words = self._complaints.decode(errors="replace").strip() or "it said nothing"
        return FilmError(FilmFault.FFMPEG_FAILED, f"ffmpeg ended with {self._process.returncode}: {words}")


def find_ffmpeg() -> str:
    """Its path. Raises FilmError that says how to get it."""
    path = shutil.which("ffmpeg")
    if path is None:
        raise FilmError(FilmFault.NO_FFMPEG, f"films need the program ffmpeg, which is not here: {FIX}")
    return path


@contextmanager
def running(program: str, arguments: Sequence[str], directory: Path, *, nice: bool = False) -> Iterator[Ffmpeg]:
    """In a process group of its own: Ctrl-C reaches us alone, and we end it. directory: where its files are."""
    before = ("nice", "-n", str(NICENESS)) if nice else ()
    command = [*before, program, "-hide_banner", "-loglevel", "error", "-y", *arguments]
    pipe = subprocess.PIPE
    process = subprocess.Popen(  # noqa: S603  no shell, and no word of it comes from outside
        command, cwd=directory, stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe, process_group=0
    )
    ffmpeg = Ffmpeg(process)
    try:
        yield ffmpeg
    finally:
        ffmpeg.kill()


def encode_arguments(fps: int, encoding: Encoding, target: str) -> list[str]:
    """JPEGs from stdin, all alike, into a part of a film."""
    filters = ["deflicker"] * encoding.deflicker + ["format=yuv420p"]
    rate = encoding.max_bitrate
    bounded = [] if rate is None else ["-maxrate", str(rate), "-bufsize", str(rate)]
    source = ["-f", "image2pipe", "-c:v", "mjpeg", "-framerate", str(fps), "-i", "pipe:0"]
    return [*source, "-vf", ",".join(filters), "-c:v", "libx264", *bounded, "-f", "mp4", target]


def join_arguments(listed: str, target: str) -> list[str]:
    """Parts into a film, as they are, and its index first, so that it plays while it is still being loaded."""
    return ["-f", "concat", "-i", listed, "-c", "copy", "-movflags", "+faststart", "-f", "mp4", target]
