"""Network namespaces without a name: the kernel takes one away with the last process in it, also after a kill -9 of the
tests (network_namespaces(7)). Needs root.

house = Namespace()
with house.entered():
    ...  # sockets and processes that this thread makes here belong to the namespace for good
house.run("ip", "link", "set", "lo", "up")
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CLONE_NEWNET = 0x4000_0000
OWN = "/proc/thread-self/ns/net"
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")  # before a command: it ends with the thread that ran it (prctl(2))

_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """Raises PermissionError without the right to make one."""

    def __init__(self) -> None:
        with _coming_back():
            _check(_libc.unshare(CLONE_NEWNET))
            self._file = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)

    @property
    def path(self) -> str:
        """For `ip link … netns PATH`."""
        return f"/proc/{os.getpid()}/fd/{self._file}"

    @contextmanager
    def entered(self) -> Iterator[None]:
        with _coming_back():
            _enter(self._file)
            yield

    def run(self, *command: str, text: str = "") -> str:
        """What a program in it says. text: its input. Raises RuntimeError with its complaint if it fails."""
        with self.entered():
            done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")
        return done.stdout

    def close(self) -> None:
        """Let go of it; processes in it keep it."""
        os.close(self._file)


def processes_in(which: str) -> list[int]:
    """which: as a link in /proc names a namespace, "net:[4026532008]"."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            if str((process / "ns" / "net").readlink()) == which:
                found.append(int(process.name))
    return found


@contextmanager
def _coming_back() -> Iterator[None]:
    before = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        _enter(before)
        os.close(before)


def _enter(file: int) -> None:
    _check(_libc.setns(file, CLONE_NEWNET))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
