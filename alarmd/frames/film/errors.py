"""Why there is no film."""

from enum import StrEnum


class FilmFault(StrEnum):
    NO_PICTURES = "no_pictures"
    TOO_MANY_PICTURES = "too_many_pictures"
    NO_FFMPEG = "no_ffmpeg"
    FFMPEG_FAILED = "ffmpeg_failed"
    IN_WORK = "in_work"  # another process makes this very film
    TOO_LARGE = "too_large"
    CANNOT_WRITE = "cannot_write"
    STOPPED = "stopped"


class FilmError(Exception):
    """One sentence for people, with the fix where there is one."""

    def __init__(self, fault: FilmFault, text: str) -> None:
        super().__init__(text)
        self.fault = fault
