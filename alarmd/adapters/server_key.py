"""server.key in the state directory: what seals the keys of devices in the database.

Apart from the database, so that a copy of that gives no device away. Whoever loses it must give every device a new key.
"""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from alarmd.adapters.exit_codes import CANNOT_CREATE, UNUSABLE_DATA, StartError
from alarmd.storage.sqlite_file import sync_directory
from alarmd.storage.vault import SERVER_KEY
from lfcp import ProtocolError
from lfcp.authenticator import KEY_TEXT, key_as_text, key_from_text

NAME = "server.key"
LONGEST = KEY_TEXT + 2  # bytes that are looked at: an editor may have ended the line
NOT_OURS = stat.S_IRWXG | stat.S_IRWXO


def server_key(directory: Path) -> bytes:
    """The key in this state directory, made at the first call. Raises StartError with what to do."""
    path = directory / NAME
    if not path.exists():
        _make(path)
    return _read(path)


def _make(path: Path) -> None:
    """The file has its name only once it is whole and on the disk: half of one would lock the server out."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{NAME}.")  # exclusive, mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(key_as_text(os.urandom(SERVER_KEY)) + "\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process was first, and its key counts
                os.link(name, path)
        finally:
            Path(name).unlink()
        sync_directory(path.parent)
    except OSError as error:
        raise StartError(CANNOT_CREATE, f"cannot make {path}: {error.strerror}") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(LONGEST + 1)
    except OSError as error:
        raise StartError(
            UNUSABLE_DATA, f"cannot read {path}: {error.strerror}; it must belong to the user that runs alarmd"
        ) from error
    if mode & NOT_OURS:
        raise StartError(UNUSABLE_DATA, f"others may read or change {path}: chmod 600 {path}")
    try:
        return key_from_text(text.decode("ascii").rstrip("\r\n"))
    except (UnicodeDecodeError, ProtocolError):
        raise StartError(
            UNUSABLE_DATA,
            f"{path} is not a line of {KEY_TEXT} characters of base64url: put it back from your copy; if there is "
            "none, remove it and run `alarmd drop-keys`, after which every device needs a new key",
        ) from None
