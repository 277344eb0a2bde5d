"""Live pictures: from one camera to everybody who watches it, and to nobody later than they come.

Each viewer has one place, which holds the newest picture alone: who is slow misses pictures and delays nobody.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from alarmd.core.refusals import RequestRefusedError

MAX_VIEWERS = 64
MAX_VIEWERS_OF_ONE = 16  # camera
MAX_SILENCE = 60.0  # s without a picture after which a viewer, who may be gone without a word, is sent away


class Viewer:
    """An asynchronous iterator of pictures; ends when the hub is closed, or none came for so many s."""

    def __init__(self, max_silence: float) -> None:
        self._max_silence = max_silence
        self._newest: bytes | None = None
        self._closed = False
        self._changed = asyncio.Event()

    def __aiter__(self) -> "Viewer":
        return self

    async def __anext__(self) -> bytes:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._max_silence):
                await self._changed.wait()
        self._changed.clear()
        picture, self._newest = self._newest, None
        if self._closed or picture is None:
            self._changed.set()
            raise StopAsyncIteration
        return picture

    def show(self, picture: bytes) -> None:
        self._newest = picture
        self._changed.set()

    def close(self) -> None:
        self._closed = True
        self._changed.set()


class LiveHub:
    """Belongs to the loop's thread. begins, ends: are told of a device when its first viewer comes and its last one
    goes. max_silence: see Viewer."""

    def __init__(
        self, begins: Callable[[str], None], ends: Callable[[str], None], max_silence: float = MAX_SILENCE
    ) -> None:
        self._begins = begins
        self._ends = ends
        self.max_silence = max_silence
        self._viewers: dict[str, set[Viewer]] = {}
        self._closed = False

    def __len__(self) -> int:
        """Viewers of all devices."""
        return sum(map(len, self._viewers.values()))

    def publish(self, device: str, picture: bytes) -> None:
        """picture: a JPEG, as the device sent it."""
        for viewer in self._viewers.get(device, ()):
            viewer.show(picture)

    @contextmanager
    def watch(self, device: str) -> Iterator[Viewer]:
        """A place among the viewers. Raises RequestRefusedError when there is none left."""
        self._check_room(device)
        viewer = Viewer(self.max_silence)
        others = self._viewers.setdefault(device, set())
        others.add(viewer)
        try:
            if len(others) == 1:
                self._begins(device)
            yield viewer
        finally:
            others.discard(viewer)
            if not others:
                del self._viewers[device]
                self._ends(device)

    def close(self) -> None:
        """The server stops."""
        self._closed = True
        for viewers in self._viewers.values():
            for viewer in viewers:
                viewer.close()

    def _check_room(self, device: str) -> None:
        if self._closed:
            raise RequestRefusedError("unavailable", "", "the server stops")
        if len(self) >= MAX_VIEWERS:
            raise RequestRefusedError("too_many_viewers", "", f"{MAX_VIEWERS} watch already, the limit")
        if len(self._viewers.get(device, ())) >= MAX_VIEWERS_OF_ONE:
            raise RequestRefusedError(
                "too_many_viewers", "device", f"{MAX_VIEWERS_OF_ONE} watch {device} already, the limit"
            )
