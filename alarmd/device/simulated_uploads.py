"""The TCP connections of simulated cameras: so many at a time, each while its device has something to send."""

import asyncio
from time import monotonic

from alarmd.device.picture_line import PictureLine
from alarmd.device.simulated_device import SimulatedDevice
from lfcp.client import ClientSession

MAX_CONNECTIONS = 100  # half of what the server allows one address


class SimulatedUploads:
    """label, address: the server's."""

    def __init__(self, label: str, address: tuple[str, int]) -> None:
        self._label = label
        self._address = address
        self._lines: dict[str, tuple[ClientSession, PictureLine, asyncio.Task[None]]] = {}

    def look(self, device: SimulatedDevice) -> None:
        """After it acted: whether it has a picture to send, or restarted and has none any more."""
        known = self._lines.get(device.name)
        if known is not None and known[0] is not device.session:
            known[2].cancel()
            known = None
        seconds = device.live_until - monotonic()
        if known is None:
            if len(self._lines) >= MAX_CONNECTIONS or not (device.session.pictures_waiting(self._label) or seconds > 0):
                return
            known = self._open(device)
        if seconds > 0:
            known[1].go_live(seconds)
        known[1].wake()

    async def stop(self) -> None:
        tasks = [task for _, _, task in self._lines.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _open(self, device: SimulatedDevice) -> tuple[ClientSession, PictureLine, "asyncio.Task[None]"]:
        line = PictureLine(self._label, self._address, device.session, device.take_picture, device.heard)
        task = asyncio.create_task(line.finish())
        known = self._lines[device.name] = device.session, line, task
        task.add_done_callback(lambda _: self._closed(device.name, task))
        return known

    def _closed(self, name: str, task: "asyncio.Task[None]") -> None:
        if self._lines[name][2] is task:
            del self._lines[name]
