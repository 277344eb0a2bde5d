"""Tells systemd how the service fares: sd_notify's datagrams, see sd_notify(3). Without systemd it does nothing."""

import asyncio
import os
import socket
from collections.abc import Mapping

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"


class ServiceNotify:
    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        self._interval = _watchdog_interval(environ)
        self._task: asyncio.Task[None] | None = None

    def tell(self, state: str) -> None:
        """Send one state; a service manager that does not listen is no reason to fail."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.setblocking(False)
            try:
                sock.sendto(state.encode(), self._address)
            except OSError:
                return

    def start_watchdog(self) -> None:
        """Sign of life from the loop, twice as often as systemd asks for: a loop that hangs sends none."""
        if self._interval is not None:
            self._task = asyncio.get_running_loop().create_task(self._keep_alive(self._interval))

    def stop_watchdog(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _keep_alive(self, interval: float) -> None:
        while True:
            self.tell(WATCHDOG)
            await asyncio.sleep(interval)


def _watchdog_interval(environ: Mapping[str, str]) -> float | None:
    """Seconds between signs of life; None if systemd wants none from this process."""
    limit = environ.get("WATCHDOG_USEC", "")
    if not limit.isdecimal() or environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(limit) / 2_000_000
