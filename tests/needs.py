"""What a test needs and a machine may lack: skipped with the reason for a user, a failure where all must run."""

import os
import shutil

import pytest

ALL_MUST_RUN = os.environ.get("ALARMD_TEST_ALL") == "1"


def need(present: bool, what: str) -> None:
    """Skip unless present; `what` names the missing thing and how to get it."""
    if present:
        return
    if ALL_MUST_RUN:
        pytest.fail(f"ALARMD_TEST_ALL=1, yet this is missing: {what}")
    pytest.skip(f"needs {what}")


def need_program(name: str, package: str) -> str:
    """The path of a program, or a skip that names Debian's package."""
    path = shutil.which(name)
    need(path is not None, f"the program {name} (Debian: apt install {package})")
    assert path is not None
    return path
