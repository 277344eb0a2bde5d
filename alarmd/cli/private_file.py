"""A new file for a secret, which only its owner can read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from alarmd.adapters import exit_codes
from alarmd.cli.exits import Failure

OWNER_ONLY = 0o600


@contextmanager
def private_file(path: Path, field: str) -> Iterator[TextIO]:
    """Gone if the block fails. field: the option that names it. Raises Failure if it is there already."""
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w")
    except OSError as error:
        message = f"cannot make the file {path}: {error.strerror}"
        raise Failure(message, exit_codes.CANNOT_CREATE, field=field) from None
    try:
        with file:
            yield file
    except BaseException:
        path.unlink()
        raise


def write_line(file: TextIO, line: str) -> None:
    """It is on the disk afterwards. Raises OSError."""
    file.write(f"{line}\n")
    file.flush()
    os.fsync(file.fileno())
