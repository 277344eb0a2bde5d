"""What can be wrong with a picture, and with the archive."""

from enum import StrEnum


class PictureFault(StrEnum):
    """Why a picture is refused; a metric label too."""

    EMPTY = "empty"
    TOO_LONG = "too_long"  # more bytes than are taken, or than it can be shrunk to
    NOT_JPEG = "not_jpeg"
    TRUNCATED = "truncated"  # it ends before its end marker
    CORRUPT = "corrupt"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_COMPLEX = "too_complex"  # more scans or segments than an honest encoder writes
    UNSUPPORTED = "unsupported"  # a JPEG, of a kind that neither browsers nor Telegram show


class PictureRefusedError(Exception):
    """The sender's fault: the same bytes are refused again."""

    def __init__(self, reason: PictureFault, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class ArchiveError(Exception):
    """The archive's fault, or its disk's: try again later."""


class ArchiveFullError(ArchiveError):
    """No room, or none but the reserve."""


class MissingError(ArchiveError):
    """Nothing is kept under this key."""
