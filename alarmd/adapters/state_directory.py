"""The directory that holds the database and control.sock."""

import os
from pathlib import Path

from alarmd.adapters.exit_codes import CANNOT_CREATE, StartError

PRIVATE = 0o700


def give_to_owner(path: Path, directory: Path) -> None:
    """What root made in a server's directory is the server's. Raises OSError."""
    owner = directory.stat()
    if owner.st_uid != os.geteuid():
        os.chown(path, owner.st_uid, owner.st_gid)


def prepare_state_directory(path: Path) -> None:
    """Make it, for our eyes only, if it is not there. Raises StartError if we cannot write in it."""
    try:
        path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(CANNOT_CREATE, f"cannot make the state directory {path}: {error.strerror}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise StartError(CANNOT_CREATE, f"cannot write in the state directory {path}; change server.state_directory")
